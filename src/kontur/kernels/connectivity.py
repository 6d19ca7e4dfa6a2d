"""Connected superpixels from any label map: the largest pieces stay, each smaller one joins its most similar neighbour.

The pieces are 4-connected. Work is done on runs (stretches of one label in a row): there are far fewer than pixels.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf32, cf64, ci16, ci32, ci64, cu8, f32, find, i32, i64, u8, unite_low
from cython.cimports.libc.math import INFINITY
from numpy.typing import NDArray

from .door import array


integers = cython.fused_type(ci16, ci32, ci64)
values = cython.fused_type(ci16, cf32, cf64)


def connected(
    labels: NDArray[np.integer], planes: NDArray, keep: int | None = None, smallest: int = 1
) -> NDArray[np.int32]:
    """Label maps whose labels are 4-connected: (H, W) int32, ids 1..n in the order of their first pixel, 0 outside.

    labels:   (H, W) signed integers; negative = outside the mask (stays 0, and no piece grows over it).
    planes:   (C, H, W) values by which similarity is judged: L1 distance of means over the middle pixels of the runs.
    keep:     at most this many pieces, the largest, stay; all when None.
    smallest: pieces below this many pixels never stay, unless nothing else is there to join (one isolated by the mask).
    """
    kinds = {np.dtype(kind) for kind in (np.int16, np.int32, np.int64)}
    labels, planes = np.asarray(labels), np.asarray(planes)
    labels = array("labels", labels, labels.dtype if labels.dtype in kinds else np.int64, None, None)
    kinds = {np.dtype(kind) for kind in (np.int16, np.float32, np.float64)}
    planes = array("planes", planes, planes.dtype if planes.dtype in kinds else np.float32, None, *labels.shape)
    if not labels.size:
        return np.zeros(labels.shape, np.int32)
    return _connected(labels, planes, max(1, labels.size if keep is None else keep), smallest)


def runs_of(labels: integers[:, ::1]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(flat index of each run's first pixel, then H*W; each row's first run, then the number of runs)."""
    row_first: i32[::1] = np.empty(labels.shape[0] + 1, np.int32)
    count: i64
    with cython.nogil:
        count = _count_runs(labels, row_first)
    start: i32[::1] = np.empty(count + 1, np.int32)
    with cython.nogil:
        _fill_runs(labels, start)
    return start.base, row_first.base


@cython.cfunc
@cython.nogil
@cython.locals(height=i64, width=i64, y=i64, x=i64, count=i64, changes=i64)
def _count_runs(labels: integers[:, ::1], row_first: i32[::1]) -> i64:
    height, width = labels.shape[0], labels.shape[1]
    count = 0
    for y in range(height):
        row_first[y] = count
        changes = 1
        for x in range(1, width):
            changes += labels[y, x] != labels[y, x - 1]
        count += changes
    row_first[height] = count
    return count


@cython.cfunc
@cython.nogil
@cython.locals(height=i64, width=i64, y=i64, x=i64, n=i64)
def _fill_runs(labels: integers[:, ::1], start: i32[::1]) -> void:
    height, width = labels.shape[0], labels.shape[1]
    n = 0
    for y in range(height):
        start[n] = y * width
        n += 1
        for x in range(1, width):
            if labels[y, x] != labels[y, x - 1]:
                start[n] = y * width + x
                n += 1
    start[n] = height * width


def _link_rows(flat: integers[::1], start: ci32[::1], row_first: ci32[::1], width: i64) -> tuple[NDArray, ...]:
    """Unite overlapping runs of one label; each run's first overlapping run above and below, -1 at the rim; which are inside."""
    runs: i64 = start.shape[0] - 1
    parent: i32[::1] = np.arange(runs, dtype=np.int32)
    above: i32[::1] = np.full(runs, -1, np.int32)
    below: i32[::1] = np.full(runs, -1, np.int32)
    inside: u8[::1] = np.empty(runs, np.bool_)
    with cython.nogil:
        _link(flat, start, row_first, width, parent, above, below, inside)
    return parent.base, above.base, below.base, inside.base


@cython.cfunc
@cython.nogil
@cython.locals(end_j=i32, y=i64, i=i64, j=i64, end_i=i64)
def _link(
    flat: integers[::1], start: ci32[::1], row_first: ci32[::1], width: i64, parent: i32[::1], above: i32[::1],
    below: i32[::1], inside: u8[::1]
) -> void:  # fmt: skip
    for i in range(start.shape[0] - 1):
        inside[i] = flat[start[i]] >= 0
    for y in range(1, row_first.shape[0] - 1):
        i, j = row_first[y - 1], row_first[y]
        while i < row_first[y] and j < row_first[y + 1]:
            # Both runs begin left of where the other ends: they overlap.
            if above[j] < 0:
                above[j] = i
            if below[i] < 0:
                below[i] = j
            if flat[start[i]] == flat[start[j]]:
                unite_low(parent, i, j)
            end_i, end_j = start[i + 1] + width, start[j + 1]
            if end_i <= end_j:
                i += 1
            if end_j <= end_i:
                j += 1


@cython.locals(runs=i64, count=i64, r=i64, piece=i32[::1], area=i64[::1])
def _measure(inside: cu8[::1], start: ci32[::1], parent: i32[::1]):
    """(piece of each run, -1 outside the mask; area of each piece)."""
    runs = start.shape[0] - 1
    piece = np.empty(runs, np.int32)
    count = 0
    with cython.nogil:
        for r in range(runs):
            if not inside[r]:
                piece[r] = -1
            elif parent[r] == r:
                piece[r] = count
                count += 1
            else:
                piece[r] = piece[find(parent, r)]
    area = np.zeros(count, np.int64)
    with cython.nogil:
        for r in range(runs):
            if piece[r] >= 0:
                area[piece[r]] += start[r + 1] - start[r]
    return piece.base, area.base


def _means(planes: values[:, :, ::1], start: ci32[::1], piece: ci32[::1], area: ci64[::1]) -> NDArray[np.float32]:
    """Mean of each piece over the middle pixels of its runs, weighed by their lengths, (P, C) float32."""
    mean: f32[:, ::1] = np.zeros((area.shape[0], planes.shape[0]), np.float32)
    with cython.nogil:
        _add_middles(planes, start, piece, area, mean)
    return mean.base


@cython.cfunc
@cython.nogil
@cython.locals(share=f32, r=i64, width=i64, middle=i64, c=i64)
def _add_middles(
    planes: values[:, :, ::1], start: ci32[::1], piece: ci32[::1], area: ci64[::1], mean: f32[:, ::1]
) -> void:  # fmt: skip
    width = planes.shape[2]
    for r in range(start.shape[0] - 1):
        if piece[r] >= 0:
            middle = (cast(i64, start[r]) + start[r + 1]) >> 1
            share = cast(f32, start[r + 1] - start[r]) / cast(f32, area[piece[r]])
            for c in range(planes.shape[0]):
                mean[piece[r], c] += share * cast(f32, planes[c, middle // width, middle % width])


@cython.locals(
    target=i32, i=i32, height=i64, width=i64, count=i64, r=i64, start=i32[::1],
    row_first=i32[::1], parent=i32[::1], above=i32[::1], below=i32[::1], inside=u8[::1], piece=i32[::1], final=i32[::1], ids=i32[::1],
    new=i32[::1], area=i64[::1], mean=f32[:, ::1]
)  # fmt: skip
def _connected(
    labels: NDArray[np.integer], planes: NDArray, keep: i64, smallest: i64
):  # fmt: skip
    height, width = labels.shape
    start, row_first = runs_of(labels)
    parent, above, below, inside = _link_rows(labels.ravel(), start, row_first, width)
    piece, area = _measure(inside, start, parent)
    mean = _means(planes, start, piece, area)
    final = _keep_largest(area, keep, smallest)
    _join_small(start, above, below, piece, area, mean, final, width)
    ids = np.zeros(height * width, np.int32)
    new = np.zeros(area.shape[0], np.int32)
    count = 0
    with cython.nogil:
        for r in range(start.shape[0] - 1):
            if piece[r] < 0:
                continue
            target = final[piece[r]]
            if new[target] == 0:
                count += 1
                new[target] = count
            for i in range(start[r], start[r + 1]):
                ids[i] = new[target]
    return ids.base.reshape(height, width)


@cython.locals(n=i64, p=i64, final=i32[::1], candidates=i64[::1], keys=i64[::1])
def _keep_largest(area: ci64[::1], keep: i64, smallest: i64):
    """final[p] = p for the pieces that stay, else -1. Of equal areas the one that begins first stays."""
    final = np.full(area.shape[0], -1, np.int32)
    candidates = np.flatnonzero(np.greater_equal(area, smallest))
    if candidates.shape[0] > keep:
        # A stable order of the areas falling: sort by (-area, index) packed in one integer.
        keys = np.empty(candidates.shape[0], np.int64)
        for n in range(candidates.shape[0]):
            keys[n] = candidates[n] - (area[candidates[n]] << 32)
        keys.base.sort()
        for n in range(keep):
            p = keys[n] & cast(i64, 0xFFFFFFFF)
            final[p] = p
    else:
        for n in range(candidates.shape[0]):
            final[candidates[n]] = candidates[n]
    return final.base


@cython.locals(
    moved=cython.bint, begin=i32, end=i32, p=i32, largest=i32, runs=i64, left=i64, r=i64, n=i64, other=i64, kept=i64,
    waiting=i32[::1], chosen=i32[::1], best=f32[::1]
)  # fmt: skip
def _join_small(
    start: ci32[::1], above: ci32[::1], below: ci32[::1], piece: ci32[::1],
    area: ci64[::1], mean: cf32[:, ::1], final: i32[::1], width: i64
):  # fmt: skip
    """Ring by ring, the pieces that touch a finished one join the most similar of those they touch."""
    runs = start.shape[0] - 1
    waiting = np.empty(runs, np.int32)
    left = 0
    with cython.nogil:
        for r in range(runs):
            if piece[r] >= 0 and final[piece[r]] < 0:
                waiting[left] = r
                left += 1
    best = np.full(area.shape[0], INFINITY, np.float32)
    chosen = np.full(area.shape[0], -1, np.int32)
    with cython.nogil:
        while left:
            for n in range(left):
                r = waiting[n]
                begin, end = start[r], start[r + 1]
                if begin % width:
                    _offer(piece[r], piece[r - 1], final, mean, best, chosen)
                if end % width:
                    _offer(piece[r], piece[r + 1], final, mean, best, chosen)
                other = above[r]
                while other >= 0 and other < runs and start[other] < end - width:
                    _offer(piece[r], piece[other], final, mean, best, chosen)
                    other += 1
                other = below[r]
                while other >= 0 and other < runs and start[other] < end + width:
                    _offer(piece[r], piece[other], final, mean, best, chosen)
                    other += 1
            moved = False
            for n in range(left):
                p = piece[waiting[n]]
                if final[p] < 0 and chosen[p] >= 0:
                    final[p] = chosen[p]
                    moved = True
            if not moved:  # cut off by the mask: the largest piece left stays
                largest = piece[waiting[0]]
                for n in range(left):
                    if area[piece[waiting[n]]] > area[largest]:
                        largest = piece[waiting[n]]
                final[largest] = largest
            kept = 0
            for n in range(left):
                if final[piece[waiting[n]]] < 0:
                    waiting[kept] = waiting[n]
                    kept += 1
            left = kept


@cython.cfunc
@cython.nogil
@cython.locals(difference=f32, target=i32, c=i64)
def _offer(p: i32, q: i32, final: ci32[::1], mean: cf32[:, ::1], best: f32[::1], chosen: i32[::1]) -> void:
    """Let piece p consider the finished region that its neighbour piece q belongs to."""
    if q < 0 or q == p or final[q] < 0:
        return
    target = final[q]
    difference = 0
    for c in range(mean.shape[1]):
        difference += abs(mean[p, c] - mean[target, c])
    if difference < best[p]:
        best[p] = difference
        chosen[p] = target
