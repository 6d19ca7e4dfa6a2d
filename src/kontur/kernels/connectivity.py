"""Connected superpixels from any label map: the largest pieces stay, each smaller one joins its most similar neighbour.

The pieces are 4-connected. Work is done on runs (stretches of one label in a row): there are far fewer than pixels.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .union_find import find, unite_low


def connected(
    labels: NDArray[np.integer], planes: NDArray, keep: int | None = None, smallest: int = 1
) -> NDArray[np.int32]:
    """Label maps whose labels are 4-connected: (H, W) int32, ids 1..n in the order of their first pixel, 0 outside.

    labels:   (H, W) signed integers; negative = outside the mask (stays 0, and no piece grows over it).
    planes:   (C, H, W) values by which similarity is judged: L1 distance of means over the middle pixels of the runs.
    keep:     at most this many pieces, the largest, stay; all when None.
    smallest: pieces below this many pixels never stay, unless nothing else is there to join (one isolated by the mask).
    """
    most = labels.size if keep is None else keep
    return _connected(np.ascontiguousarray(labels), planes, np.int64(max(1, most)), np.int64(smallest))


@njit(cache=True, nogil=True)
def runs_of(labels):  # type: ignore[no-untyped-def]
    """(flat index of each run's first pixel, then H*W; each row's first run, then the number of runs)."""
    height, width = labels.shape
    count = 0
    for y in range(height):
        changes = 1
        for x in range(1, width):
            changes += labels[y, x] != labels[y, x - 1]
        count += changes
    start = np.empty(count + 1, np.int32)
    row_first = np.empty(height + 1, np.int32)
    n = 0
    for y in range(height):
        row_first[y] = n
        start[n] = y * width
        n += 1
        for x in range(1, width):
            if labels[y, x] != labels[y, x - 1]:
                start[n] = y * width + x
                n += 1
    start[n] = height * width
    row_first[height] = n
    return start, row_first


@njit(cache=True, nogil=True)
def _link_rows(flat, start, row_first, width):  # type: ignore[no-untyped-def]
    """Unite overlapping runs of one label; each run's first overlapping run above and below, -1 at the rim."""
    runs = len(start) - 1
    parent = np.arange(runs).astype(np.int32)
    above = np.full(runs, -1, np.int32)
    below = np.full(runs, -1, np.int32)
    for y in range(1, len(row_first) - 1):
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
    return parent, above, below


@njit(cache=True, nogil=True)
def _measure(flat, start, parent, planes):  # type: ignore[no-untyped-def]
    """(piece of each run, -1 outside the mask; area of each piece; mean over middles of runs (P, C) float32)."""
    runs, channels = len(start) - 1, planes.shape[0]
    piece = np.empty(runs, np.int32)
    count = 0
    for r in range(runs):
        if flat[start[r]] < 0:
            piece[r] = -1
        elif parent[r] == r:
            piece[r] = count
            count += 1
        else:
            piece[r] = piece[find(parent, r)]
    area = np.zeros(count, np.int64)
    mean = np.zeros((count, channels), np.float32)
    for r in range(runs):
        if piece[r] >= 0:
            area[piece[r]] += start[r + 1] - start[r]
    width = planes.shape[2]
    for r in range(runs):
        if piece[r] >= 0:
            middle = (start[r] + start[r + 1]) >> 1
            share = np.float32(start[r + 1] - start[r]) / np.float32(area[piece[r]])
            for c in range(channels):
                mean[piece[r], c] += share * np.float32(planes[c, middle // width, middle % width])
    return piece, area, mean


@njit(cache=True, nogil=True)
def _connected(labels, planes, keep, smallest):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    flat = labels.ravel()
    start, row_first = runs_of(labels)
    parent, above, below = _link_rows(flat, start, row_first, width)
    piece, area, mean = _measure(flat, start, parent, planes)
    final = _keep_largest(area, keep, smallest)
    _join_small(flat.size, start, row_first, above, below, piece, area, mean, final, width)
    ids = np.zeros(height * width, np.int32)
    new = np.zeros(len(area), np.int32)
    count = 0
    for r in range(len(start) - 1):
        if piece[r] < 0:
            continue
        target = final[piece[r]]
        if new[target] == 0:
            count += 1
            new[target] = count
        for i in range(start[r], start[r + 1]):
            ids[i] = new[target]
    return ids.reshape(height, width)


@njit(cache=True, nogil=True)
def _keep_largest(area, keep, smallest):  # type: ignore[no-untyped-def]
    """final[p] = p for the pieces that stay, else -1. Of equal areas the one that begins first stays."""
    final = np.full(len(area), -1, np.int32)
    candidates = np.flatnonzero(area >= smallest)
    if len(candidates) > keep:
        # A stable order of the areas falling: sort by (-area, index) packed in one integer.
        keys = np.empty(len(candidates), np.int64)
        for n in range(len(candidates)):
            keys[n] = (-area[candidates[n]] << 32) + candidates[n]
        keys.sort()
        for n in range(keep):
            p = keys[n] & 0xFFFFFFFF
            final[p] = p
    else:
        for p in candidates:
            final[p] = p
    return final


@njit(cache=True, nogil=True)
def _join_small(size, start, row_first, above, below, piece, area, mean, final, width):  # type: ignore[no-untyped-def]
    """Ring by ring, the pieces that touch a finished one join the most similar of those they touch."""
    runs = len(start) - 1
    waiting = np.empty(runs, np.int32)
    left = 0
    for r in range(runs):
        if piece[r] >= 0 and final[piece[r]] < 0:
            waiting[left] = r
            left += 1
    best = np.full(len(area), np.float32(np.inf), np.float32)
    chosen = np.full(len(area), -1, np.int32)
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


@njit(cache=True, nogil=True)
def _offer(p, q, final, mean, best, chosen):  # type: ignore[no-untyped-def]
    """Let piece p consider the finished region that its neighbour piece q belongs to."""
    if q < 0 or q == p or final[q] < 0:
        return
    target = final[q]
    difference = np.float32(0)
    for c in range(mean.shape[1]):
        difference += abs(mean[p, c] - mean[target, c])
    if difference < best[p]:
        best[p] = difference
        chosen[p] = target
