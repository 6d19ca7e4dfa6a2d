"""The compiled loops of contour scores: thinning, and one-to-one matching of boundary pixels."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import ci32, ci64, cu8, i32, i64, u8

_NEARBY = cython.declare(
    cython.int, 500
)  # predicted pixels that one search asks before it is left to the phases over all of them


@cython.locals(
    turn=i64, marked=i64, i=i64, late=i64, p=i64, code=i64, k=i64, count=i64, q=i64, around=i64[::1], candidates=i64[::1],
    doomed=i64[::1], gone_before=i64[::1], gone=i64[::1], removed=i64[::1], asked=i32[::1]
)  # fmt: skip
def thin_flat(mask: u8[::1], stride: i64, removable: cu8[:, ::1]):
    """Thin a flat mask with a margin of one background pixel, in place.

    After the first two sub-iterations only the neighbours of pixels that went in the last two are asked: the others
    have the neighbourhood with which they were kept before.
    """
    around = np.array([1, 1 - stride, -stride, -1 - stride, -1, stride - 1, stride, stride + 1])
    candidates = np.flatnonzero(mask)
    asked = np.zeros(mask.shape[0], np.int32)  # the sub-iteration for which a pixel is already a candidate
    doomed = np.empty(candidates.shape[0], np.int64)
    gone_before = doomed.base[:0].copy()
    turn = 0
    while True:
        marked = 0
        with cython.nogil:
            for i in range(candidates.shape[0]):
                p = candidates[i]
                if mask[p] == 0:
                    continue
                code = 0
                for k in range(8):
                    code |= mask[p + around[k]] << k
                if removable[turn % 2, code]:
                    doomed[marked] = p
                    marked += 1
            for i in range(marked):
                mask[doomed[i]] = 0
        gone = doomed.base[:marked].copy()
        turn += 1
        if turn > 1:
            candidates = np.empty(8 * (gone.shape[0] + gone_before.shape[0]), np.int64)
            count = 0
            with cython.nogil:
                for late in range(2):
                    removed = gone if late else gone_before
                    for i in range(removed.shape[0]):
                        for k in range(8):
                            q = removed[i] + around[k]
                            if mask[q] != 0 and asked[q] != turn:
                                asked[q] = turn
                                candidates[count] = q
                                count += 1
            if count == 0:
                return
            candidates = candidates[:count]
        gone_before = gone


@cython.locals(
    p=i32, t=i32, count=i64, offset=i64, kept=i64, i=i64, k=i64, partner=i32[::1], owner=i32[::1], left=i32[::1],
    closed=u8[::1]
)  # fmt: skip
def match(positions: ci64[::1], numbers: ci32[::1], size: i64, offsets: ci64[::1]):
    """A matching of the greatest size between predicted pixels and numbered truth pixels; the partner of each, or -1.

    Three steps, of which real maps hardly need the last: greedily nearest first; a short breadth-first search for an
    augmenting path from each predicted pixel left over; Hopcroft and Karp's phases for those that were cut short.
    """
    count = positions.shape[0]
    partner = np.full(count, -1, np.int32)
    owner = np.full(size, -1, np.int32)  # of a truth pixel: the predicted pixel it is paired with
    left = np.arange(count).astype(np.int32)
    with cython.nogil:
        for k in range(offsets.shape[0]):
            offset = offsets[k]
            kept = 0
            for i in range(left.shape[0]):
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
    while left.shape[0] > 0 and np.less(owner, 0).any():
        left = _search_all(left, positions, numbers, offsets, partner, owner, closed)
    return partner.base


@cython.locals(
    start=i32, p=i32, t=i32, before=i32, cuts=i64, unpaired=i64, head=i64, tail=i64, end=i64, n=i64, k=i64, i=i64,
    visited=i32[::1], reached_from=i32[::1], queue=i32[::1], cut=i32[::1]
)  # fmt: skip
def _search_nearby(
    left: ci32[::1], positions: ci64[::1], numbers: ci32[::1], offsets: ci64[::1], partner: i32[::1], owner: i32[::1],
    closed: u8[::1]
):  # fmt: skip
    """One breadth-first search from each pixel left over, cut short at _NEARBY pixels; returns those that were cut.

    A search that fails has walked a part of the graph that no later path can use (its truth pixels are all matched
    into the part itself), so these are closed and all failures together cost one walk over the graph.
    """
    visited = np.full(owner.shape[0], -1, np.int32)  # the search that last reached a truth pixel
    reached_from = np.empty(owner.shape[0], np.int32)
    queue = np.empty(positions.shape[0], np.int32)
    cut = np.empty(left.shape[0], np.int32)
    cuts = 0
    unpaired = np.count_nonzero(np.less(owner, 0))
    with cython.nogil:
        for n in range(left.shape[0]):
            start = left[n]
            if unpaired == 0:
                cuts = 0
                break
            head, tail = 0, 1
            queue[0] = start
            end = -1
            while head < tail and head < _NEARBY and end < 0:
                p = queue[head]
                head += 1
                for k in range(offsets.shape[0]):
                    t = numbers[positions[p] + offsets[k]]
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
    return cut.base[:cuts].copy()


@cython.locals(
    found=cython.bint, p=i32, t=i32, q=i32, start=i32, count=i64, i=i64, head=i64, tail=i64, last=i64, n=i64, k=i64,
    kept=i64, depth=i64, level=i32[::1], queue=i32[::1], step=i32[::1], path=i32[::1]
)  # fmt: skip
def _search_all(
    left: i32[::1], positions: ci64[::1], numbers: ci32[::1], offsets: ci64[::1], partner: i32[::1], owner: i32[::1],
    closed: cu8[::1]
):  # fmt: skip
    """One phase of Hopcroft and Karp: disjoint shortest augmenting paths. Returns the pixels still left, none at the end.

    Source: Hopcroft and Karp, "An n^(5/2) algorithm for maximum matchings in bipartite graphs", SIAM J. Comput. 2, 1973.
    """
    count = positions.shape[0]
    level = np.full(count, -1, np.int32)  # of a predicted pixel: pairs on the way to it; -1 not reached or used up
    queue = np.empty(count, np.int32)
    with cython.nogil:
        for i in range(left.shape[0]):
            queue[i] = left[i]
            level[left[i]] = 0
        head, tail = 0, left.shape[0]
        last = count  # the level of the pixels with an unpaired truth pixel in reach
        while head < tail and level[queue[head]] <= last:
            p = queue[head]
            head += 1
            for k in range(offsets.shape[0]):
                t = numbers[positions[p] + offsets[k]]
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
        return left.base[:0].copy()

    step = np.zeros(count, np.int32)  # of a predicted pixel: the offsets it has tried
    kept = 0
    with cython.nogil:
        for n in range(left.shape[0]):
            start = left[n]
            path = queue  # no longer needed as a queue
            path[0] = start
            depth = 1
            found = False
            while depth > 0 and not found:
                p = path[depth - 1]
                if step[p] == offsets.shape[0]:
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
    return left.base[:kept].copy()
