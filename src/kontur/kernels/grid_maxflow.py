"""Minimum cut on a pixel grid with 4 or 8 neighbours.

Paper: Boykov & Kolmogorov, "An Experimental Comparison of Min-Cut/Max-Flow Algorithms for Energy Minimization in
Vision", IEEE TPAMI 26(9), 2004. Reuse of the flow after the terminals change: Kohli & Torr, "Dynamic Graph Cuts for
Efficient Inference in Markov Random Fields", IEEE TPAMI 29(12), 2007.

    terminals (H, W), links (4 or 8, H, W) -> residual graph -> cut (H, W): True where a pixel is on the source's side

The graph is never stored: a pixel's neighbours follow from its index, its residual capacities lie side by side in one
cache line, and both terminals are one signed number (positive: still open from the source; negative: to the sink).

Differs from the paper: before the trees grow, excess is sent straight to neighbours that want it (`_send_to_neighbours`);
this is a valid flow and saves most of the short augmenting paths.
"""

# mypy: ignore-errors

import cython
from cython.cimports.kontur.kernels.grid_maxflow import (
    _FAR,
    _NONE,
    _ORPHAN,
    _PARENT,
    _QUEUED,
    _SINK,
    _SOURCE,
    _TERMINAL,
    _TREE,
)  # type: ignore
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import ci32, i32, i64, u8
from numpy.typing import NDArray

from .door import indices

# Direction d leads to the neighbour at (dy, dx); d ^ 1 leads back.
STEPS: tuple[tuple[int, int], ...] = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
FORWARD = (0, 2, 4, 6)
"""The directions that visit each pair of neighbours once."""

_LARGEST = 1 << 30


class GridGraph:
    """A minimum-cut problem on an (H, W) grid that can be solved again after its terminals change.

    links: (D, H, W) int32 >= 0, D = 4 or 8 in the order of `STEPS`: `links[d, y, x]` is paid when (y, x) is on the
    source's side and its neighbour in direction d on the sink's. Links that leave the grid are ignored.

    Eight times the largest link, and each terminal, stay below 2^30: their sums then fit int32.
    """

    def __init__(self, links: NDArray[np.int32]) -> None:
        links = indices("links", links, np.int32, (1 << 27) + 1, None, None, None)
        directions, height, width = links.shape
        if directions not in (4, 8):
            raise ValueError(f"links: expected 4 or 8 directions, got {directions}")
        self.shape = height, width
        # One frame pixel on every side has no capacity, so no index is ever checked.
        self._capacity = np.zeros(((height + 2) * (width + 2), directions), np.int32)
        _load_links(links, self._capacity)
        self._excess = np.zeros((height + 2) * (width + 2), np.int32)
        self._terminals = np.zeros((height, width), np.int32)

    def cut(self, terminals: NDArray[np.int32]) -> NDArray[np.bool_]:
        """The minimum cut for these terminals: (H, W) bool, True on the source's side.

        terminals: (H, W) int32; t > 0: cost t of lying on the sink's side; t < 0: cost -t of lying on the source's.
        Undecided pixels go to the sink's side. A later call goes on from the flow of the earlier one.
        """
        terminals = indices("terminals", terminals, np.int32, _LARGEST, *self.shape, low=1 - _LARGEST)
        _change_terminals(self._terminals, terminals, self._excess)
        self._terminals = terminals.copy()
        return _solve(self._capacity, self._excess, self.shape[0], self.shape[1])


def cut_value(terminals: NDArray, links: NDArray, source_side: NDArray[np.bool_]) -> int:
    """The cost of a cut: what `GridGraph` minimises. Arguments as there."""
    total = int(np.where(source_side, np.maximum(-terminals, 0), np.maximum(terminals, 0)).sum(dtype=np.int64))
    height, width = source_side.shape
    for direction in range(links.shape[0]):
        dy, dx = STEPS[direction]
        here = (slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx)))
        there = (slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx)))
        paid = source_side[here] & ~source_side[there]
        total += int(links[direction][here][paid].sum(dtype=np.int64))
    return total


@cython.locals(directions=i64, height=i64, width=i64, d=i64, dy=i64, dx=i64, y=i64, row=i64, x=i64)
def _load_links(links: ci32[:, :, ::1], capacity: i32[:, ::1]):
    directions, height, width = links.shape[0], links.shape[1], links.shape[2]
    with cython.nogil:
        for d in range(directions):
            dy = 0 if d < 2 else (1 if d % 2 == 0 else -1)
            dx = (1 if d == 0 else -1) if d < 2 else (0 if d < 4 else (1 if d in (4, 7) else -1))
            for y in range(height):
                if y + dy < 0 or y + dy >= height:
                    continue
                row = (y + 1) * (width + 2) + 1
                for x in range(width):
                    if 0 <= x + dx < width:
                        capacity[row + x, d] = links[d, y, x]


@cython.locals(height=i64, width=i64, y=i64, row=i64, x=i64)
def _change_terminals(old: ci32[:, ::1], new: ci32[:, ::1], excess: i32[::1]):
    height, width = old.shape[0], old.shape[1]
    with cython.nogil:
        for y in range(height):
            row = (y + 1) * (width + 2) + 1
            for x in range(width):
                excess[row + x] += new[y, x] - old[y, x]


@cython.cfunc
@cython.nogil
@cython.locals(directions=i64, stride=i64, y=i64, p=i64, d=i64, q=i64, flow=i64)
def _send_to_neighbours(capacity: i32[:, ::1], excess: i32[::1], offset: ci32[::1], height: i64, width: i64) -> void:
    directions = capacity.shape[1]
    stride = width + 2
    for y in range(1, height + 1):
        for p in range(y * stride + 1, y * stride + 1 + width):
            if excess[p] <= 0:
                continue
            for d in range(directions):
                q = p + offset[d]
                if excess[q] < 0 and capacity[p, d] > 0:
                    flow = min(excess[p], capacity[p, d], -excess[q])
                    excess[p] -= flow
                    excess[q] += flow
                    capacity[p, d] -= flow
                    capacity[q, d ^ 1] += flow
                    if excess[p] == 0:
                        break


@cython.locals(
    saturated=cython.bint, stride=i32, i=i32, directions=i64, count=i64, head=i64, waiting=i64, y=i64, p=i64,
    orphan_head=i64, orphan_count=i64, time=i64, tree=i64, meeting=i64, d=i64, q=i64, other=i64, tail=i64, a=i64,
    b=i64, link=i64, flow=i64, node=i64, up=i64, side=i64, parent=i64, best=i64, nearest=i64, steps=i64, row=i64,
    x=i64, offset=i32[::1], stamp=i32[::1], distance=i32[::1], queue=i32[::1], orphans=i32[::1], state=u8[::1],
    source_side=u8[:, ::1]
)  # fmt: skip
def _solve(capacity: i32[:, ::1], excess: i32[::1], height: i64, width: i64):
    directions = capacity.shape[1]
    stride = cast(i32, width + 2)
    offset = np.array([1, -1, stride, -stride, stride + 1, -stride - 1, stride - 1, -stride + 1], np.int32)
    count = excess.shape[0]
    with cython.nogil:
        _send_to_neighbours(capacity, excess, offset, height, width)

    state = np.full(count, _NONE, np.uint8)
    stamp = np.zeros(count, np.int32)  # when `distance` was last known to be right
    distance = np.zeros(count, np.int32)  # to the terminal, in steps
    queue = np.empty(count, np.int32)  # active nodes, a ring
    head, waiting = 0, 0
    with cython.nogil:
        for y in range(1, height + 1):
            for p in range(y * stride + 1, y * stride + 1 + width):
                if excess[p] != 0:
                    state[p] = _TERMINAL | (_SOURCE if excess[p] > 0 else _SINK) | _QUEUED
                    distance[p] = 1
                    queue[waiting] = p
                    waiting += 1
    orphans = np.empty(count, np.int32)  # a ring
    orphan_head, orphan_count = 0, 0
    time = 0
    with cython.nogil:
        while waiting > 0:
            p = queue[head]
            if not state[p] & _TREE:
                head = head + 1 if head + 1 < count else 0
                waiting -= 1
                state[p] &= ~_QUEUED
                continue
            tree = state[p] & _TREE

            # Grow: take free neighbours in; stop at a neighbour of the other tree.
            meeting = -1
            for d in range(directions):
                q = p + offset[d]
                if (capacity[p, d] if tree == _SOURCE else capacity[q, d ^ 1]) <= 0:
                    continue
                other = state[q] & _TREE
                if other == 0:
                    state[q] = (state[q] & _QUEUED) | tree | (d ^ 1)
                    stamp[q] = stamp[p]
                    distance[q] = distance[p] + 1
                    if not state[q] & _QUEUED:
                        state[q] |= _QUEUED
                        tail = head + waiting
                        queue[tail if tail < count else tail - count] = q
                        waiting += 1
                elif other != tree:
                    meeting = d
                    break
                elif stamp[q] <= stamp[p] and distance[q] > distance[p]:
                    # A shorter way to the terminal.
                    state[q] = (state[q] & ~_PARENT) | (d ^ 1)
                    stamp[q] = stamp[p]
                    distance[q] = distance[p] + 1
            if meeting < 0:
                head = head + 1 if head + 1 < count else 0
                waiting -= 1
                state[p] &= ~_QUEUED
                continue
            time += 1

            # Augment along source .. a -> b .. sink.
            if tree == _SOURCE:
                a, b, link = p, p + offset[meeting], meeting
            else:
                a, b, link = p + offset[meeting], p, meeting ^ 1
            flow = capacity[a, link]
            node = a
            while True:
                up = state[node] & _PARENT
                if up == _TERMINAL:
                    break
                node += offset[up]
                flow = min(flow, capacity[node, up ^ 1])
            flow = min(flow, excess[node])
            node = b
            while True:
                up = state[node] & _PARENT
                if up == _TERMINAL:
                    break
                flow = min(flow, capacity[node, up])
                node += offset[up]
            flow = min(flow, -excess[node])

            capacity[a, link] -= flow
            capacity[b, link ^ 1] += flow
            for side in range(2):
                node = a if side == 0 else b
                while True:
                    up = state[node] & _PARENT
                    if up == _TERMINAL:
                        break
                    parent = node + offset[up]
                    if side == 0:
                        capacity[node, up] += flow
                        capacity[parent, up ^ 1] -= flow
                        saturated = capacity[parent, up ^ 1] == 0
                    else:
                        capacity[parent, up ^ 1] += flow
                        capacity[node, up] -= flow
                        saturated = capacity[node, up] == 0
                    if saturated:
                        state[node] = (state[node] & ~_PARENT) | _ORPHAN
                        tail = orphan_head + orphan_count
                        orphans[tail if tail < count else tail - count] = node
                        orphan_count += 1
                    node = parent
                excess[node] += -flow if side == 0 else flow
                if excess[node] == 0:
                    state[node] = (state[node] & ~_PARENT) | _ORPHAN
                    tail = orphan_head + orphan_count
                    orphans[tail if tail < count else tail - count] = node
                    orphan_count += 1

            # Adopt: each orphan looks for a new parent whose root is a terminal; else it becomes free.
            while orphan_count > 0:
                i = orphans[orphan_head]
                orphan_head = orphan_head + 1 if orphan_head + 1 < count else 0
                orphan_count -= 1
                tree = state[i] & _TREE
                best, nearest = -1, _FAR
                for d in range(directions):
                    q = i + offset[d]
                    if state[q] & _TREE != tree or (capacity[q, d ^ 1] if tree == _SOURCE else capacity[i, d]) <= 0:
                        continue
                    steps = 0
                    node = q
                    while True:
                        if stamp[node] == time:
                            steps += distance[node]
                            break
                        up = state[node] & _PARENT
                        steps += 1
                        if up == _TERMINAL:
                            stamp[node] = time
                            distance[node] = 1
                            break
                        if up == _ORPHAN:
                            steps = _FAR
                            break
                        node += offset[up]
                    if steps < _FAR:
                        if steps < nearest:
                            best, nearest = d, steps
                        node = q
                        while stamp[node] != time:
                            stamp[node] = time
                            distance[node] = steps
                            steps -= 1
                            node += offset[state[node] & _PARENT]
                if best >= 0:
                    state[i] = (state[i] & ~_PARENT) | best
                    stamp[i] = time
                    distance[i] = nearest + 1
                    continue
                for d in range(directions):
                    q = i + offset[d]
                    if state[q] & _TREE != tree:
                        continue
                    if not state[q] & _QUEUED and (capacity[q, d ^ 1] if tree == _SOURCE else capacity[i, d]) > 0:
                        state[q] |= _QUEUED
                        tail = head + waiting
                        queue[tail if tail < count else tail - count] = q
                        waiting += 1
                    if state[q] & _PARENT == d ^ 1:
                        state[q] = (state[q] & ~_PARENT) | _ORPHAN
                        tail = orphan_head + orphan_count
                        orphans[tail if tail < count else tail - count] = q
                        orphan_count += 1
                state[i] = (state[i] & _QUEUED) | _NONE

    source_side = np.empty((height, width), np.bool_)
    with cython.nogil:
        for y in range(height):
            row = (y + 1) * stride + 1
            for x in range(width):
                source_side[y, x] = state[row + x] & _TREE == _SOURCE
    return source_side.base
