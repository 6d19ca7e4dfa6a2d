"""Counting the pairs (a, b) of two label maps that lie on each other: the loop under the confusion matrix and PQ.

Labels come in regions, so most pixels repeat the pair before them. Pairs are counted as runs: four words of eight
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
def _first_change(
    first_words: NDArray, second_words: NDArray, i: np.uint64, a_word: np.uint64, b_word: np.uint64
) -> np.uint64:
    """The index of the next word, from i on, that differs from the current pair; four are compared at once."""
    zero, one, four = uint64(0), uint64(1), uint64(4)
    words = uint64(first_words.size)
    while i + four <= words:
        changed = zero  # one bit a word
        for k in range(four):
            changed |= uint64(((first_words[i + k] ^ a_word) | (second_words[i + k] ^ b_word)) != zero) << k
        if changed != zero:
            return i + _trailing_zeros(changed)
        i += four
    while i < words and ((first_words[i] ^ a_word) | (second_words[i] ^ b_word)) == zero:
        i += one
    return i


@njit(cache=True, nogil=True)
def count_bytes(first: NDArray, second: NDArray, first_words: NDArray, second_words: NDArray, table: NDArray) -> None:
    """Add to table[256 a + b] the number of places with a in first and b in second, (N,) uint8, N > 0.

    first_words, second_words: the same memory as uint64, (N // 8,), little-endian.   table: (65536,) int64.
    """
    # All integers are unsigned: numba then leaves out the test for negative indices and vectorises the loop of four.
    zero, one, three, eight, low = uint64(0), uint64(1), uint64(3), uint64(8), uint64(255)
    pixels, words = uint64(first.size), uint64(first_words.size)
    a, b = uint64(first[0]), uint64(second[0])
    a_word, b_word = a * _REPEAT, b * _REPEAT
    start = zero  # where the current run began
    i = zero
    while i < words:
        i = _first_change(first_words, second_words, i, a_word, b_word)
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
    """Add the pairs of any integer maps (N,), N > 0, to counts (K, K + 1) int64; predictions outside in column K.

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


@njit(cache=True, nogil=True)
def _add(table: NDArray, a: np.uint64, b: np.uint64, pixels: np.uint64) -> np.int64:
    """Add to the count of (a, b) in an open hash table, (a power of two, 2) uint64: key, count or 0. 1 if it is new."""
    mask = uint64(table.shape[0] - 1)
    key = a << uint64(32) | b
    at = ((key * np.uint64(0x9E3779B97F4A7C15)) >> uint64(24)) & mask
    while table[at, 1] != uint64(0):
        if table[at, 0] == key:
            table[at, 1] += pixels
            return np.int64(0)
        at = (at + uint64(1)) & mask
    table[at, 0] = key
    table[at, 1] = pixels
    return np.int64(pixels > uint64(0))


@njit(cache=True, nogil=True)
def count_id_pairs(
    first: NDArray, second: NDArray, first_words: NDArray, second_words: NDArray, table: NDArray
) -> np.int64:
    """Count every pair of ids that occurs in two maps (N,) uint32, N > 0.

    first_words, second_words: the same memory as uint64, (N // 2,), little-endian.
    table: (a power of two, 2) uint64 zeros; gets first << 32 | second, pixels. Returns the number of pairs, or
    -1 when more than a quarter of the table would be used: try again with a larger one.
    """
    zero, one, half, low = uint64(0), uint64(1), uint64(32), uint64(0xFFFFFFFF)
    pixels, words = uint64(first.size), uint64(first_words.size)
    used, most = np.int64(0), np.int64(table.shape[0] // 4 - 4)
    a, b = uint64(first[0]), uint64(second[0])
    a_word, b_word = a << half | a, b << half | b
    start, i = zero, zero
    while True:
        i = _first_change(first_words, second_words, i, a_word, b_word)
        if i == words:
            break
        if used > most:
            return np.int64(-1)
        u, v = first_words[i], second_words[i]
        same = uint64((((u ^ a_word) | (v ^ b_word)) & low) == zero)  # 1 if only the word's second pixel differs
        place = (i << one) + same
        used += _add(table, a, b, place - start)
        start = place
        a, b = u >> half, v >> half
        a_word, b_word = a << half | a, b << half | b
        if same == zero and ((u ^ a_word) | (v ^ b_word)) != zero:
            used += _add(table, u & low, v & low, one)
            start = place + one
        i += one
    if pixels & one and (uint64(first[pixels - one]) != a or uint64(second[pixels - one]) != b):
        used += _add(table, a, b, pixels - one - start)
        start = pixels - one
        a, b = uint64(first[start]), uint64(second[start])
    used += _add(table, a, b, pixels - start)
    return used


@njit(cache=True, nogil=True)
def _colour(pixels: NDArray, at: np.uint64) -> np.uint64:
    return (
        uint64(pixels[at]) | uint64(pixels[at + uint64(1)]) << uint64(8) | uint64(pixels[at + uint64(2)]) << uint64(16)
    )


@njit(cache=True, nogil=True)
def count_colour_pairs(
    first: NDArray, second: NDArray, first_words: NDArray, second_words: NDArray, table: NDArray
) -> np.int64:
    """`count_id_pairs` of two RGB pictures, (3 N,) uint8, N > 0, ids R + 256 G + 65536 B.

    Eight pixels are three words: each is compared with what it would be if the current pair went on.
    first_words, second_words: the same memory as uint64, (3 N // 8,), little-endian.
    """
    one, three, four = uint64(1), uint64(3), uint64(4)
    s8, s16, s24, s32 = uint64(8), uint64(16), uint64(24), uint64(32)
    s40, s48, s56 = uint64(40), uint64(48), uint64(56)
    pixels = uint64(first.size // 3)
    groups = pixels // uint64(8)
    used, most = np.int64(0), np.int64(table.shape[0] // 4 - 10)
    a, b = _colour(first, uint64(0)), _colour(second, uint64(0))
    start, g = uint64(0), uint64(0)
    while g < groups:
        if used > most:
            return np.int64(-1)
        a0, b0 = a | a << s24 | a << s48, b | b << s24 | b << s48
        a1, b1 = a >> s16 | a << s8 | a << s32 | a << s56, b >> s16 | b << s8 | b << s32 | b << s56
        a2, b2 = a >> s8 | a << s16 | a << s40, b >> s8 | b << s16 | b << s40
        w = g * three
        while g + four <= groups:
            changed = uint64(0)
            for k in range(four):
                v = w + k * three
                changed |= (first_words[v] ^ a0) | (second_words[v] ^ b0)
                changed |= (first_words[v + one] ^ a1) | (second_words[v + one] ^ b1)
                changed |= (first_words[v + uint64(2)] ^ a2) | (second_words[v + uint64(2)] ^ b2)
            if changed != uint64(0):
                break
            g += four
            w += uint64(12)
        while g < groups:
            changed = (first_words[w] ^ a0) | (second_words[w] ^ b0)
            changed |= (first_words[w + one] ^ a1) | (second_words[w + one] ^ b1)
            changed |= (first_words[w + uint64(2)] ^ a2) | (second_words[w + uint64(2)] ^ b2)
            if changed != uint64(0):
                break
            g += one
            w += three
        if g == groups:
            break
        for i in range(g * s8, g * s8 + s8):
            u, v = _colour(first, i * three), _colour(second, i * three)
            if u != a or v != b:
                used += _add(table, a, b, i - start)
                start = i
                a, b = u, v
        g += one
    for i in range(groups * s8, pixels):
        u, v = _colour(first, i * three), _colour(second, i * three)
        if u != a or v != b:
            used += _add(table, a, b, i - start)
            start = i
            a, b = u, v
    used += _add(table, a, b, pixels - start)
    return used
