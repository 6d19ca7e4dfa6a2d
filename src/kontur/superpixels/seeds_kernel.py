"""The compiled loops of SEEDS: moving blocks and pixels."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast
from cython.cimports.kontur.kernels.common import ci32, f32, f64, i32, i64


@cython.ccall
@cython.nogil
@cython.locals(links=i64, sides=i64)
def keeps_whole(n: bint, nw: bint, w: bint, sw: bint, s: bint, se: bint, e: bint, ne: bint) -> bint:
    """May the centre leave? True when its own label among the 4-neighbours is one chain around the ring of eight."""
    # A gap between two of the four is bridged by the corner between them.
    links = (n and nw and w) + (w and sw and s) + (s and se and e) + (e and ne and n)
    sides = n + w + s + e
    return sides > 0 and sides - links <= (1 if links < 4 else 0)


@cython.locals(
    k=i64, rest=f32, best=f64, score=f64, a=i32, n=i32, s=i32, w=i32, e=i32, top=i32, bottom=i32, left=i32, right=i32, y=i32,
    x=i32, c=i32, b=i32, down=i64, across=i64, i=i64, j=i64, _=i64, moved=i64, size=i64, kinds=i64, target=i64, m=i64,
    owner=i32[:, ::1], count=i32[::1], present=i32[::1]
)  # fmt: skip
def move_blocks(
    labels: i32[:, ::1], colour: ci32[:, ::1], histogram: i32[:, ::1], area: i32[::1], tops: ci32[::1],
    lefts: ci32[::1], passes: i64, gain: f32
):  # fmt: skip
    down, across = tops.shape[0] - 1, lefts.shape[0] - 1
    owner = np.full((down + 2, across + 2), -1, np.int32)
    with cython.nogil:
        for i in range(down):
            for j in range(across):
                owner[i + 1, j + 1] = labels[tops[i], lefts[j]]
    count = np.zeros(histogram.shape[1], np.int32)
    present = np.empty(histogram.shape[1], np.int32)
    with cython.nogil:
        for _ in range(passes):
            moved = 0
            for i in range(1, down + 1):
                for j in range(1, across + 1):
                    a = owner[i, j]
                    n, s, w, e = owner[i - 1, j], owner[i + 1, j], owner[i, j - 1], owner[i, j + 1]
                    if n == a and s == a and w == a and e == a:
                        continue
                    if not keeps_whole(
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
                    best, target = cast(f32, 0), -1
                    rest = cast(f32, area[a] - size)
                    best += gain * cast(f64, size)
                    for m in range(kinds):
                        c = present[m]
                        best += min(cast(f32, count[c]), cast(f64, size) * cast(f32, histogram[a, c] - count[c]) / rest)
                    for k in range(4):
                        b = n if k == 0 else w if k == 1 else e if k == 2 else s
                        if b < 0 or b == a:
                            continue
                        score = cast(f32, 0)
                        for m in range(kinds):
                            c = present[m]
                            score += min(cast(f32, count[c]), cast(f64, size) * cast(f32, histogram[b, c]) / area[b])
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


@cython.locals(
    k=i64, best=f32, mine=f32, near=f32, score=f32, a=i32, n=i32, s=i32, w=i32, e=i32, nw=i32, ne=i32, sw=i32,
    se=i32, c=i32, b=i32, height=i64, width=i64, turn=i64, moved=i64, row=i64, i=i64, column=i64, j=i64,
    target=i64, owner=i32[:, ::1]
)  # fmt: skip
def move_pixels(
    labels: i32[:, ::1], colour: ci32[:, ::1], histogram: i32[:, ::1], area: i32[::1], passes: i64, gain: f32
):  # fmt: skip
    height, width = labels.shape[0], labels.shape[1]
    owner = np.full((height + 2, width + 2), -1, np.int32)
    owner[1 : height + 1, 1 : width + 1] = labels
    with cython.nogil:
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
                    if area[a] == 1 or not keeps_whole(
                        n == a, nw == a, w == a, sw == a, s == a, se == a, e == a, ne == a
                    ):
                        continue
                    c = colour[i - 1, j - 1]
                    best, target = cast(f32, -1), -1
                    mine = _equal(a, n, s, w, e, nw, ne, sw, se)
                    mine = mine * (cast(f32, histogram[a, c]) - cast(f32, 1)) / cast(f32, area[a] - 1)
                    for k in range(4):
                        b = n if k == 0 else w if k == 1 else e if k == 2 else s
                        if b < 0 or b == a:
                            continue
                        near = _equal(b, n, s, w, e, nw, ne, sw, se)
                        score = near * cast(f32, histogram[b, c]) / cast(f32, area[b])
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
    labels[:] = owner[1 : height + 1, 1 : width + 1]


@cython.cfunc
@cython.nogil
def _equal(a: i32, n: i32, s: i32, w: i32, e: i32, nw: i32, ne: i32, sw: i32, se: i32) -> i32:
    """How many of the eight neighbours are a."""
    return (n == a) + (s == a) + (w == a) + (e == a) + (nw == a) + (ne == a) + (sw == a) + (se == a)
