"""Counting the pairs (a, b) of two label maps that lie on each other: the loop under the confusion matrix and PQ.

Labels come in regions, so most pixels repeat the pair before them. Pairs are counted as runs: four words of eight
pixels are compared with the current pair at once, and only where one differs is the place of the change sought.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import ci64, cu32, cu64, cu8, i64, lowest_bit, u64
from numpy.typing import NDArray


_PIECE = 1 << 16  # pixels
_WHOLE = {a + b for a in "biu" for b in "biu"}


@cython.cfunc
@cython.nogil
@cython.locals(zero=u64, one=u64, four=u64, words=u64, changed=u64, k=u64)
def _first_change(first_words: cu64[::1], second_words: cu64[::1], i: u64, a_word: u64, b_word: u64) -> u64:
    """The index of the next word, from i on, that differs from the current pair; four are compared at once."""
    zero, one, four = cast(u64, 0), cast(u64, 1), cast(u64, 4)
    words = cast(u64, first_words.shape[0])
    while i + four <= words:
        changed = zero  # one bit a word
        for k in range(four):
            changed |= cast(u64, ((first_words[i + k] ^ a_word) | (second_words[i + k] ^ b_word)) != zero) << k
        if changed != zero:
            return i + lowest_bit(changed)
        i += four
    while i < words and ((first_words[i] ^ a_word) | (second_words[i] ^ b_word)) == zero:
        i += one
    return i


@cython.locals(
    _=i64, repeat=u64, zero=u64, one=u64, three=u64, eight=u64, low=u64, pixels=u64, words=u64, a=u64, b=u64, a_word=u64,
    b_word=u64, start=u64, i=u64, u=u64, v=u64, changed=u64, shift=u64, next_a=u64, next_b=u64, next_a_word=u64,
    next_b_word=u64, place=u64, j=u64
)  # fmt: skip
def count_bytes(first: cu8[::1], second: cu8[::1], first_words: cu64[::1], second_words: cu64[::1], table: i64[::1]):
    """Add to table[256 a + b] the number of places with a in first and b in second, (N,) uint8, N > 0.

    first_words, second_words: the same memory as uint64, (N // 8,), little-endian.   table: (65536,) int64.
    """
    _alike(first, second, first_words, second_words)
    # All integers are unsigned: numba then leaves out the test for negative indices and vectorises the loop of four.
    zero, one, three, eight, low = cast(u64, 0), cast(u64, 1), cast(u64, 3), cast(u64, 8), cast(u64, 255)
    pixels, words = cast(u64, first.shape[0]), cast(u64, first_words.shape[0])
    a, b = cast(u64, first[0]), cast(u64, second[0])
    repeat = 0x0101010101010101
    a_word, b_word = a * repeat, b * repeat
    start = zero  # where the current run began
    i = zero
    with cython.nogil:
        while i < words:
            i = _first_change(first_words, second_words, i, a_word, b_word)
            while i < words:
                u, v = first_words[i], second_words[i]
                changed = (u ^ a_word) | (v ^ b_word)
                if changed == zero:
                    break
                i += one
                shift = lowest_bit(changed) & cast(u64, 56)
                next_a, next_b = (u >> shift) & low, (v >> shift) & low
                next_a_word, next_b_word = next_a * repeat, next_b * repeat
                if (
                    ((u ^ next_a_word) | (v ^ next_b_word)) >> shift
                ) == zero:  # one change in this word: the usual case
                    place = ((i - one) << three) + (shift >> three)
                    table[(a << eight) + b] += place - start
                    start = place
                    a, b, a_word, b_word = next_a, next_b, next_a_word, next_b_word
                    break
                # Several changes: count its pixels one by one without a branch, and expect the next word to be like it.
                table[(a << eight) + b] += ((i - one) << three) - start
                for _ in range(cast(u64, 7)):
                    table[((u & low) << eight) + (v & low)] += 1
                    u >>= eight
                    v >>= eight
                start = (i << three) - one
                a, b = u, v
                a_word, b_word = a * repeat, b * repeat
        for j in range(words << three, pixels):
            if first[j] != a or second[j] != b:
                table[(a << eight) + b] += j - start
                start = j
                a, b = cast(u64, first[j]), cast(u64, second[j])
    table[(a << eight) + b] += pixels - start


def count_classes(truth: NDArray, prediction: NDArray, ignore: i64, counts: NDArray[np.int64]) -> int:
    """Add the pairs of any integer maps (N,) to counts (K, K + 1) int64; predictions outside in column K.

    ignore: truth value to leave out (-1: none). Returns the number of pixels whose truth is neither; they are not
    added.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape or truth.ndim != 1 or truth.dtype.kind + prediction.dtype.kind not in _WHOLE:
        raise ValueError(
            f"pairs: expected two maps (N,) of whole numbers, got {truth.dtype} {truth.shape}, "
            f"{prediction.dtype} {prediction.shape}"
        )
    foreign = 0
    # Pieces that fit the cache are widened, so that one loop serves every pair of integer types.
    for start in range(0, len(truth), _PIECE):
        piece = slice(start, start + _PIECE)
        foreign += _count_classes(
            np.ascontiguousarray(truth[piece], np.int64),
            np.ascontiguousarray(prediction[piece], np.int64),
            ignore,
            counts,
        )
    return foreign


@cython.locals(classes=i64, foreign=i64, start=i64, i=i64, size=i64, row=i64, column=i64)
def _count_classes(truth: ci64[::1], prediction: ci64[::1], ignore: i64, counts: i64[:, ::1]) -> int:
    classes, size = counts.shape[0], truth.shape[0]
    foreign = 0
    start = 0
    with cython.nogil:
        while start < size:
            row, column = truth[start], prediction[start]
            i = start + 1
            while i < size and truth[i] == row and prediction[i] == column:
                i += 1
            if row == ignore and ignore >= 0:
                pass
            elif row < 0 or row >= classes:
                foreign += i - start
            elif column < 0 or column >= classes:
                counts[row, classes] += i - start
            else:
                counts[row, column] += i - start
            start = i
    return foreign


@cython.cfunc
@cython.nogil
@cython.locals(mask=u64, key=u64, at=u64)
def _add(table: u64[:, ::1], a: u64, b: u64, pixels: u64) -> i64:
    """Add to the count of (a, b) in an open hash table, (a power of two, 2) uint64: key, count or 0. 1 if it is new."""
    mask = cast(u64, table.shape[0] - 1)
    key = a << cast(u64, 32) | b
    at = ((key * cast(u64, 0x9E3779B97F4A7C15)) >> cast(u64, 24)) & mask
    while table[at, 1] != cast(u64, 0):
        if table[at, 0] == key:
            table[at, 1] += pixels
            return 0
        at = (at + cast(u64, 1)) & mask
    table[at, 0] = key
    table[at, 1] = pixels
    return cast(i64, pixels > cast(u64, 0))


def count_id_pairs(
    first: cu32[::1], second: cu32[::1], first_words: cu64[::1], second_words: cu64[::1], table: u64[:, ::1]
) -> int:  # fmt: skip
    """Count every pair of ids that occurs in two maps (N,) uint32, N > 0.

    first_words, second_words: the same memory as uint64, (N // 2,), little-endian.
    table: (a power of two, 2) uint64 zeros; gets first << 32 | second, pixels. Returns the number of pairs, or
    -1 when more than a quarter of the table would be used: try again with a larger one.
    """
    _alike(first, second, first_words, second_words)
    used: i64
    with cython.nogil:
        used = _id_pairs(first, second, first_words, second_words, table)
    return used


@cython.cfunc
@cython.nogil
@cython.locals(
    used=i64, most=i64, zero=u64, one=u64, half=u64, low=u64, pixels=u64, words=u64, a=u64, b=u64, a_word=u64,
    b_word=u64, start=u64, i=u64, u=u64, v=u64, same=u64, place=u64
)  # fmt: skip
def _id_pairs(
    first: cu32[::1], second: cu32[::1], first_words: cu64[::1], second_words: cu64[::1], table: u64[:, ::1]
) -> i64:  # fmt: skip
    zero, one, half, low = cast(u64, 0), cast(u64, 1), cast(u64, 32), cast(u64, 0xFFFFFFFF)
    pixels, words = cast(u64, first.shape[0]), cast(u64, first_words.shape[0])
    used, most = 0, (table.shape[0] // 4 - 4)
    a, b = cast(u64, first[0]), cast(u64, second[0])
    a_word, b_word = a << half | a, b << half | b
    start, i = zero, zero
    while True:
        i = _first_change(first_words, second_words, i, a_word, b_word)
        if i == words:
            break
        if used > most:
            return -1
        u, v = first_words[i], second_words[i]
        same = cast(u64, (((u ^ a_word) | (v ^ b_word)) & low) == zero)  # 1 if only the word's second pixel differs
        place = (i << one) + same
        used += _add(table, a, b, place - start)
        start = place
        a, b = u >> half, v >> half
        a_word, b_word = a << half | a, b << half | b
        if same == zero and ((u ^ a_word) | (v ^ b_word)) != zero:
            used += _add(table, u & low, v & low, one)
            start = place + one
        i += one
    if pixels & one and (cast(u64, first[pixels - one]) != a or cast(u64, second[pixels - one]) != b):
        used += _add(table, a, b, pixels - one - start)
        start = pixels - one
        a, b = cast(u64, first[start]), cast(u64, second[start])
    used += _add(table, a, b, pixels - start)
    return used


@cython.cfunc
@cython.nogil
def _colour(pixels: cu8[::1], at: u64) -> u64:
    return (
        cast(u64, pixels[at])
        | cast(u64, pixels[at + cast(u64, 1)]) << cast(u64, 8)
        | cast(u64, pixels[at + cast(u64, 2)]) << cast(u64, 16)
    )


def count_colour_pairs(
    first: cu8[::1], second: cu8[::1], first_words: cu64[::1], second_words: cu64[::1], table: u64[:, ::1]
) -> int:  # fmt: skip
    """`count_id_pairs` of two RGB pictures, (3 N,) uint8, N > 0, ids R + 256 G + 65536 B.

    Eight pixels are three words: each is compared with what it would be if the current pair went on.
    first_words, second_words: the same memory as uint64, (3 N // 8,), little-endian.
    """
    _alike(first, second, first_words, second_words)
    used: i64
    with cython.nogil:
        used = _colour_pairs(first, second, first_words, second_words, table)
    return used


@cython.cfunc
@cython.nogil
@cython.locals(
    used=i64, most=i64, one=u64, three=u64, four=u64, s8=u64, s16=u64, s24=u64, s32=u64, s40=u64, s48=u64, s56=u64,
    pixels=u64, groups=u64, a=u64, b=u64, start=u64, g=u64, a0=u64, b0=u64, a1=u64, b1=u64, a2=u64, b2=u64, w=u64,
    changed=u64, k=u64, v=u64, i=u64, u=u64
)  # fmt: skip
def _colour_pairs(
    first: cu8[::1], second: cu8[::1], first_words: cu64[::1], second_words: cu64[::1], table: u64[:, ::1]
) -> i64:  # fmt: skip
    one, three, four = cast(u64, 1), cast(u64, 3), cast(u64, 4)
    s8, s16, s24, s32 = cast(u64, 8), cast(u64, 16), cast(u64, 24), cast(u64, 32)
    s40, s48, s56 = cast(u64, 40), cast(u64, 48), cast(u64, 56)
    pixels = cast(u64, first.shape[0] // 3)
    groups = pixels // cast(u64, 8)
    used, most = 0, (table.shape[0] // 4 - 10)
    a, b = _colour(first, cast(u64, 0)), _colour(second, cast(u64, 0))
    start, g = cast(u64, 0), cast(u64, 0)
    while g < groups:
        if used > most:
            return -1
        a0, b0 = a | a << s24 | a << s48, b | b << s24 | b << s48
        a1, b1 = a >> s16 | a << s8 | a << s32 | a << s56, b >> s16 | b << s8 | b << s32 | b << s56
        a2, b2 = a >> s8 | a << s16 | a << s40, b >> s8 | b << s16 | b << s40
        w = g * three
        while g + four <= groups:
            changed = cast(u64, 0)
            for k in range(four):
                v = w + k * three
                changed |= (first_words[v] ^ a0) | (second_words[v] ^ b0)
                changed |= (first_words[v + one] ^ a1) | (second_words[v + one] ^ b1)
                changed |= (first_words[v + cast(u64, 2)] ^ a2) | (second_words[v + cast(u64, 2)] ^ b2)
            if changed != cast(u64, 0):
                break
            g += four
            w += cast(u64, 12)
        while g < groups:
            changed = (first_words[w] ^ a0) | (second_words[w] ^ b0)
            changed |= (first_words[w + one] ^ a1) | (second_words[w + one] ^ b1)
            changed |= (first_words[w + cast(u64, 2)] ^ a2) | (second_words[w + cast(u64, 2)] ^ b2)
            if changed != cast(u64, 0):
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


def _alike(first: NDArray, second: NDArray, first_words: NDArray, second_words: NDArray) -> None:
    """Both maps have equally many pixels, one at least, and their words are their own bytes."""
    if not len(first) == len(second) > 0 or not len(first_words) == len(second_words) == np.asarray(first).nbytes // 8:
        raise ValueError(
            f"pairs: expected two maps of equal size and their words, got {len(first)}, {len(second)}, "
            f"{len(first_words)} and {len(second_words)}"
        )
