"""Counting the pairs (a, b) of two label maps that lie on each other: the loop under the confusion matrix and PQ.

Labels come in regions, so most pixels repeat the pair before them. Pairs are counted as runs: eight words of eight
pixels are compared with the current pair at once, and only where one differs is the place of the change sought.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types, uint64
from numba.extending import intrinsic
from numpy.typing import NDArray

_REPEAT = np.uint64(0x0101010101010101)


@intrinsic
def _trailing_zeros(typingctx, word):  # type: ignore[no-untyped-def]
    """The number of zero bits below the lowest one of a word that is not 0: one instruction of the processor."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@njit(cache=True, nogil=True)
def count_bytes(first: NDArray, second: NDArray, first_words: NDArray, second_words: NDArray, table: NDArray) -> None:
    """Add to table[256 a + b] the number of places with a in first and b in second, (N,) uint8, N > 0.

    first_words, second_words: the same memory as uint64, (N // 8,), little-endian.   table: (65536,) int64.
    """
    # All integers are unsigned: numba then leaves out the test for negative indices and vectorises the loop of eight.
    zero, one, three, eight, low = uint64(0), uint64(1), uint64(3), uint64(8), uint64(255)
    pixels, words = uint64(first.size), uint64(first_words.size)
    a, b = uint64(first[0]), uint64(second[0])
    a_word, b_word = a * _REPEAT, b * _REPEAT
    start = zero  # where the current run began
    i = zero
    while i < words:
        if i + eight <= words:
            changed = zero  # one bit a word
            for k in range(eight):
                changed |= uint64(((first_words[i + k] ^ a_word) | (second_words[i + k] ^ b_word)) != 0) << k
            if changed == zero:
                i += eight
                continue
            i += _trailing_zeros(changed)
        elif ((first_words[i] ^ a_word) | (second_words[i] ^ b_word)) == 0:
            i += one
            continue
        while i < words:
            u, v = first_words[i], second_words[i]
            changed = (u ^ a_word) | (v ^ b_word)
            if changed == zero:
                break
            i += one
            shift = _trailing_zeros(changed) & uint64(56)
            next_a, next_b = (u >> shift) & low, (v >> shift) & low
            next_a_word, next_b_word = next_a * _REPEAT, next_b * _REPEAT
            if (((u ^ next_a_word) | (v ^ next_b_word)) >> shift) == zero:  # one change in this word: the usual case
                place = ((i - one) << three) + (shift >> three)
                table[(a << eight) + b] += place - start
                start = place
                a, b, a_word, b_word = next_a, next_b, next_a_word, next_b_word
                break
            # Several changes: count its pixels one by one without a branch, and expect the next word to be like it.
            table[(a << eight) + b] += ((i - one) << three) - start
            for _ in range(uint64(7)):
                table[((u & low) << eight) + (v & low)] += 1
                u >>= eight
                v >>= eight
            start = (i << three) - one
            a, b = u, v
            a_word, b_word = a * _REPEAT, b * _REPEAT
    for j in range(words << three, pixels):
        if first[j] != a or second[j] != b:
            table[(a << eight) + b] += j - start
            start = j
            a, b = uint64(first[j]), uint64(second[j])
    table[(a << eight) + b] += pixels - start


@njit(cache=True, nogil=True)
def count_classes(truth: NDArray, prediction: NDArray, ignore: np.int64, counts: NDArray) -> np.int64:
    """Add the pairs of any integer maps (N,), N > 0, to counts (K, K + 1) int64; predictions outside 0..K-1 in column K.

    ignore: truth value to leave out (-1: none). Returns the number of pixels whose truth is neither; they are not
    added.
    """
    classes = counts.shape[0]
    foreign = np.int64(0)
    a, b = truth[0], prediction[0]
    start = 0
    for i in range(1, truth.size + 1):
        if i < truth.size and truth[i] == a and prediction[i] == b:
            continue
        row, column = np.int64(a), np.int64(b)
        if row == ignore and ignore >= 0:
            pass
        elif row < 0 or row >= classes:
            foreign += i - start
        elif column < 0 or column >= classes:
            counts[row, classes] += i - start
        else:
            counts[row, column] += i - start
        if i < truth.size:
            a, b = truth[i], prediction[i]
            start = i
    return foreign
