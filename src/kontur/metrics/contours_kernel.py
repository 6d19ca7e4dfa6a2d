"""The compiled loops of contour scores: thinning, and one-to-one matching of boundary pixels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_NEARBY = 500  # predicted pixels that one search asks before it is left to the phases over all of them


@njit(cache=True, nogil=True)
def thin_flat(mask: NDArray[np.uint8], stride: int, removable: NDArray[np.bool_]) -> None:
    """Thin a flat mask with a margin of one background pixel, in place.

    After the first two sub-iterations only the neighbours of pixels that went in the last two are asked: the others
    have the neighbourhood with which they were kept before.
    """
    around = np.array([1, 1 - stride, -stride, -1 - stride, -1, stride - 1, stride, stride + 1])
    candidates = np.flatnonzero(mask)
    asked = np.zeros(mask.size, np.int32)  # the sub-iteration for which a pixel is already a candidate
    doomed = np.empty(len(candidates), np.int64)
    gone_before = doomed[:0].copy()
    turn = 0
    while True:
        marked = 0
        for p in candidates:
            if mask[p] == 0:
                continue
            code = 0
            for k in range(8):
                code |= mask[p + around[k]] << k
            if removable[turn % 2, code]:
                doomed[marked] = p
                marked += 1
        gone = doomed[:marked].copy()
        for p in gone:
            mask[p] = 0
        turn += 1
        if turn > 1:
            candidates = np.empty(8 * (len(gone) + len(gone_before)), np.int64)
            count = 0
            for removed in (gone_before, gone):
                for p in removed:
                    for k in range(8):
                        q = p + around[k]
                        if mask[q] != 0 and asked[q] != turn:
                            asked[q] = turn
                            candidates[count] = q
                            count += 1
            if count == 0:
                return
            candidates = candidates[:count]
        gone_before = gone


@njit(cache=True, nogil=True)
def match(
    positions: NDArray[np.int64], numbers: NDArray[np.int32], size: int, offsets: NDArray[np.int64]
) -> NDArray[np.int32]:
    """A matching of the greatest size between predicted pixels and numbered truth pixels; the partner of each, or -1.

    Three steps, of which real maps hardly need the last: greedily nearest first; a short breadth-first search for an
    augmenting path from each predicted pixel left over; Hopcroft and Karp's phases for those that were cut short.
    """
    count = len(positions)
    partner = np.full(count, -1, np.int32)
    owner = np.full(size, -1, np.int32)  # of a truth pixel: the predicted pixel it is paired with
    left = np.arange(count).astype(np.int32)
    for offset in offsets:
        kept = 0
        for i in range(len(left)):
            p = left[i]
            t = numbers[positions[p] + offset]
            if t >= 0 and owner[t] < 0:
                owner[t] = p
                partner[p] = t
            else:
                left[kept] = p
                kept += 1
        left = left[:kept]
    closed = np.zeros(size, np.bool_)
    left = _search_nearby(left, positions, numbers, offsets, partner, owner, closed)
    while len(left) > 0 and (owner < 0).any():
        left = _search_all(left, positions, numbers, offsets, partner, owner, closed)
    return partner


@njit(cache=True, nogil=True)
def _search_nearby(
    left: NDArray[np.int32],
    positions: NDArray[np.int64],
    numbers: NDArray[np.int32],
    offsets: NDArray[np.int64],
    partner: NDArray[np.int32],
    owner: NDArray[np.int32],
    closed: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """One breadth-first search from each pixel left over, cut short at _NEARBY pixels; returns those that were cut.

    A search that fails has walked a part of the graph that no later path can use (its truth pixels are all matched
    into the part itself), so these are closed and all failures together cost one walk over the graph.
    """
    visited = np.full(len(owner), -1, np.int32)  # the search that last reached a truth pixel
    reached_from = np.empty(len(owner), np.int32)
    queue = np.empty(len(positions), np.int32)
    cut = np.empty(len(left), np.int32)
    cuts = 0
    unpaired = (owner < 0).sum()
    for start in left:
        if unpaired == 0:
            return cut[:0].copy()
        head, tail = 0, 1
        queue[0] = start
        end = -1
        while head < tail and head < _NEARBY and end < 0:
            p = queue[head]
            head += 1
            for offset in offsets:
                t = numbers[positions[p] + offset]
                if t < 0 or closed[t] or visited[t] == start:
                    continue
                visited[t] = start
                reached_from[t] = p
                if owner[t] < 0:
                    end = t
                    break
                queue[tail] = owner[t]
                tail += 1
        if end < 0 and head < tail:
            cut[cuts] = start
            cuts += 1
        elif end < 0:
            for i in range(1, tail):
                closed[partner[queue[i]]] = True
        unpaired -= end >= 0
        while end >= 0:  # swap the pairs along the path, back to its start
            p = reached_from[end]
            before = partner[p]
            partner[p] = end
            owner[end] = p
            end = before
    return cut[:cuts].copy()


@njit(cache=True, nogil=True)
def _search_all(
    left: NDArray[np.int32],
    positions: NDArray[np.int64],
    numbers: NDArray[np.int32],
    offsets: NDArray[np.int64],
    partner: NDArray[np.int32],
    owner: NDArray[np.int32],
    closed: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """One phase of Hopcroft and Karp: disjoint shortest augmenting paths. Returns the pixels still left, none at the end.

    Source: Hopcroft and Karp, "An n^(5/2) algorithm for maximum matchings in bipartite graphs", SIAM J. Comput. 2, 1973.
    """
    count = len(positions)
    level = np.full(count, -1, np.int32)  # of a predicted pixel: pairs on the way to it; -1 not reached or used up
    queue = np.empty(count, np.int32)
    for i in range(len(left)):
        queue[i] = left[i]
        level[left[i]] = 0
    head, tail = 0, len(left)
    last = count  # the level of the pixels with an unpaired truth pixel in reach
    while head < tail and level[queue[head]] <= last:
        p = queue[head]
        head += 1
        for offset in offsets:
            t = numbers[positions[p] + offset]
            if t < 0 or closed[t]:
                continue
            q = owner[t]
            if q < 0:
                last = level[p]
                break
            if level[q] < 0:
                level[q] = level[p] + 1
                queue[tail] = q
                tail += 1
    if last == count:
        return left[:0].copy()

    step = np.zeros(count, np.int32)  # of a predicted pixel: the offsets it has tried
    kept = 0
    for start in left:
        path = queue  # no longer needed as a queue
        path[0] = start
        depth = 1
        found = False
        while depth > 0 and not found:
            p = path[depth - 1]
            if step[p] == len(offsets):
                level[p] = -1
                depth -= 1
                continue
            t = numbers[positions[p] + offsets[step[p]]]
            step[p] += 1
            if t < 0 or closed[t]:
                continue
            q = owner[t]
            if q < 0:
                found = True
            elif level[q] == level[p] + 1 and level[p] < last:
                path[depth] = q
                depth += 1
        if not found:
            left[kept] = start
            kept += 1
        for i in range(depth):  # a pixel's latest offset leads to its new partner
            p = path[i]
            t = numbers[positions[p] + offsets[step[p] - 1]]
            partner[p] = t
            owner[t] = p
            level[p] = -1
    return left[:kept].copy()
