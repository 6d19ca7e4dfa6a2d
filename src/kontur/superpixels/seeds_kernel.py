"""The compiled loops of SEEDS: moving blocks and pixels."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _keeps_whole(n, nw, w, sw, s, se, e, ne):  # type: ignore[no-untyped-def]
    """May the centre leave? True when its own label among the 4-neighbours is one chain around the ring of eight."""
    # A gap between two of the four is bridged by the corner between them.
    links = (n and nw and w) + (w and sw and s) + (s and se and e) + (e and ne and n)
    sides = n + w + s + e
    return sides > 0 and sides - links <= (1 if links < 4 else 0)


@njit(cache=True, nogil=True)
def move_blocks(labels, colour, histogram, area, tops, lefts, passes, gain):  # type: ignore[no-untyped-def]
    down, across = len(tops) - 1, len(lefts) - 1
    owner = np.full((down + 2, across + 2), -1, np.int32)
    for i in range(down):
        for j in range(across):
            owner[i + 1, j + 1] = labels[tops[i], lefts[j]]
    count = np.zeros(histogram.shape[1], np.int32)
    present = np.empty(histogram.shape[1], np.int32)
    for _ in range(passes):
        moved = 0
        for i in range(1, down + 1):
            for j in range(1, across + 1):
                a = owner[i, j]
                n, s, w, e = owner[i - 1, j], owner[i + 1, j], owner[i, j - 1], owner[i, j + 1]
                if n == a and s == a and w == a and e == a:
                    continue
                if not _keeps_whole(
                    n == a, owner[i - 1, j - 1] == a, w == a, owner[i + 1, j - 1] == a,
                    s == a, owner[i + 1, j + 1] == a, e == a, owner[i - 1, j + 1] == a,
                ):  # fmt: skip
                    continue
                top, bottom, left, right = tops[i - 1], tops[i], lefts[j - 1], lefts[j]
                size = (bottom - top) * (right - left)
                if size == 0 or area[a] == size:
                    continue
                kinds = 0
                for y in range(top, bottom):
                    for x in range(left, right):
                        c = colour[y, x]
                        if count[c] == 0:
                            present[kinds] = c
                            kinds += 1
                        count[c] += 1
                # Histogram intersections, all times the block's size.
                best, target = np.float32(0), -1
                rest = np.float32(area[a] - size)
                best += gain * size
                for m in range(kinds):
                    c = present[m]
                    best += min(np.float32(count[c]), size * np.float32(histogram[a, c] - count[c]) / rest)
                for b in (n, w, e, s):
                    if b < 0 or b == a:
                        continue
                    score = np.float32(0)
                    for m in range(kinds):
                        c = present[m]
                        score += min(np.float32(count[c]), size * np.float32(histogram[b, c]) / area[b])
                    if score > best:
                        best, target = score, b
                for m in range(kinds):
                    c = present[m]
                    if target >= 0:
                        histogram[a, c] -= count[c]
                        histogram[target, c] += count[c]
                    count[c] = 0
                if target >= 0:
                    area[a] -= size
                    area[target] += size
                    owner[i, j] = target
                    moved += 1
        if moved == 0:
            break
    for i in range(down):
        for j in range(across):
            labels[tops[i] : tops[i + 1], lefts[j] : lefts[j + 1]] = owner[i + 1, j + 1]


@njit(cache=True, nogil=True)
def move_pixels(labels, colour, histogram, area, passes, gain):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    owner = np.full((height + 2, width + 2), -1, np.int32)
    owner[1:-1, 1:-1] = labels
    for turn in range(passes):
        moved = 0
        for row in range(height):
            # Up and down by turns, so that labels do not travel with the scan.
            i = 1 + (row if turn % 2 == 0 else height - 1 - row)
            for column in range(width):
                j = 1 + (column if turn % 2 == 0 else width - 1 - column)
                a = owner[i, j]
                n, s, w, e = owner[i - 1, j], owner[i + 1, j], owner[i, j - 1], owner[i, j + 1]
                if n == a and s == a and w == a and e == a:
                    continue
                nw, ne, sw, se = owner[i - 1, j - 1], owner[i - 1, j + 1], owner[i + 1, j - 1], owner[i + 1, j + 1]
                if area[a] == 1 or not _keeps_whole(n == a, nw == a, w == a, sw == a, s == a, se == a, e == a, ne == a):
                    continue
                c = colour[i - 1, j - 1]
                ring = (n, s, w, e, nw, ne, sw, se)
                best, target = np.float32(-1), -1
                mine = np.float32(0)
                for label in ring:
                    mine += label == a
                mine = mine * (np.float32(histogram[a, c]) - np.float32(1)) / np.float32(area[a] - 1)
                for b in (n, w, e, s):
                    if b < 0 or b == a:
                        continue
                    near = np.float32(0)
                    for label in ring:
                        near += label == b
                    score = near * np.float32(histogram[b, c]) / np.float32(area[b])
                    if score > best:
                        best, target = score, b
                if target >= 0 and best > mine * gain:
                    histogram[a, c] -= 1
                    histogram[target, c] += 1
                    area[a] -= 1
                    area[target] += 1
                    owner[i, j] = target
                    moved += 1
        if moved == 0:
            break
    labels[:] = owner[1:-1, 1:-1]
