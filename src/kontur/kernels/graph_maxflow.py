"""Minimum cut on any sparse graph, for region graphs.

Paper: Boykov & Kolmogorov, "An Experimental Comparison of Min-Cut/Max-Flow Algorithms for Energy Minimization in
Vision", IEEE TPAMI 26(9), 2004. Reuse of the flow after the terminals change: Kohli & Torr, IEEE TPAMI 29(12), 2007.

The same algorithm as `grid_maxflow`, with arcs that lie side by side by their tail and name their head and their reverse.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import void
from cython.cimports.kontur.kernels.common import ci64, f64, i64, u8
from numpy.typing import NDArray

from .door import array, indices

# A node's parent is an arc, or one of these; its tree is 0 (free), 1 (source's) or 2 (sink's).
_TERMINAL = cython.declare(cython.longlong, -1)
_ORPHAN = cython.declare(cython.longlong, -2)
_NONE = cython.declare(cython.longlong, -3)
_FAR = cython.declare(cython.longlong, 1 << 30)

flows = cython.fused_type(i64, f64)


class SparseGraph:
    """A minimum-cut problem on a graph of N nodes that can be solved again after its terminals change.

    edges: (M, 2) node indices.   capacity: (M,) >= 0, paid when edges[:, 0] is on the source's side and edges[:, 1] on
    the sink's.   back: (M,) the same for the other direction; by default equal to `capacity`.
    Integers (any width; computed in int64) or floats (float64). Edges may repeat.
    """

    def __init__(self, nodes: int, edges: NDArray[np.integer], capacity: NDArray, back: NDArray | None = None) -> None:
        back = capacity if back is None else back
        edges = indices(
            "edges", np.asarray(edges, np.int64 if len(edges) == 0 else None).reshape(-1, 2), np.int64, nodes, None, 2
        )
        kind = np.float64 if np.issubdtype(capacity.dtype, np.floating) else np.int64
        capacity, back = array("capacity", capacity, kind, len(edges)), array("back", back, kind, len(edges))
        tail = np.concatenate([edges[:, 0], edges[:, 1]])
        head = np.concatenate([edges[:, 1], edges[:, 0]])
        order = np.argsort(tail, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        self._first = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=nodes))]).astype(np.int64)
        self._head = head[order]
        self._reverse = place[(order + len(edges)) % max(1, len(order))]
        self._capacity = np.concatenate([capacity, back])[order]
        self._excess: NDArray = np.zeros(nodes, kind)
        self._terminals: NDArray = np.zeros(nodes, kind)

    def cut(self, terminals: NDArray) -> NDArray[np.bool_]:
        """The minimum cut for these terminals (N,): (N,) bool, True on the source's side.

        t > 0: cost t of lying on the sink's side; t < 0: cost -t of lying on the source's side. Undecided nodes go to the
        sink's side. A later call goes on from the flow of the earlier one.
        """
        terminals = np.asarray(terminals)
        if self._excess.dtype == np.int64 and terminals.dtype.kind == "f":
            terminals = terminals.astype(np.int64)
        terminals = array("terminals", terminals, self._excess.dtype, len(self._excess))
        self._excess = self._excess + (terminals - self._terminals)
        self._terminals = terminals
        return _solve(self._first, self._head, self._reverse, self._capacity, self._excess)


def _solve(
    first: ci64[::1], heads: ci64[::1], reverse: ci64[::1], capacity: flows[::1], excess: flows[::1]
) -> NDArray[np.bool_]:
    count: i64 = excess.shape[0]
    tree: u8[::1] = np.zeros(count, np.uint8)
    parent: i64[::1] = np.full(count, _NONE, np.int64)
    queued: u8[::1] = np.zeros(count, np.bool_)
    stamp: i64[::1] = np.zeros(count, np.int64)  # when `distance` was last known to be right
    distance: i64[::1] = np.zeros(count, np.int64)  # to the terminal, in steps
    queue: i64[::1] = np.empty(count, np.int64)  # active nodes, a ring
    orphans: i64[::1] = np.empty(count, np.int64)  # a ring
    with cython.nogil:
        _flow(first, heads, reverse, capacity, excess, tree, parent, queued, stamp, distance, queue, orphans)
    return tree.base == 1


@cython.cfunc
@cython.nogil
@cython.locals(
    flow=flows, count=i64, start=i64, waiting=i64, p=i64, orphan_start=i64, orphan_count=i64, time=i64, meeting=i64,
    arc=i64, q=i64, link=i64, a=i64, b=i64, node=i64, end=i64, up=i64, towards=i64, i=i64, best=i64, nearest=i64,
    steps=i64, side=u8
)  # fmt: skip
def _flow(
    first: ci64[::1], heads: ci64[::1], reverse: ci64[::1], capacity: flows[::1], excess: flows[::1], tree: u8[::1],
    parent: i64[::1], queued: u8[::1], stamp: i64[::1], distance: i64[::1], queue: i64[::1], orphans: i64[::1]
) -> void:  # fmt: skip
    count = excess.shape[0]
    start, waiting = 0, 0
    for p in range(count):
        if excess[p] != 0:
            tree[p] = 1 if excess[p] > 0 else 2
            parent[p] = _TERMINAL
            distance[p] = 1
            queued[p] = True
            queue[waiting] = p
            waiting += 1
    orphan_start, orphan_count = 0, 0
    time = 0

    while waiting > 0:
        p = queue[start]
        side = tree[p]
        meeting = -1
        if side != 0:
            # Grow: take free neighbours in; stop at a neighbour of the other tree.
            for arc in range(first[p], first[p + 1]):
                if (capacity[arc] if side == 1 else capacity[reverse[arc]]) <= 0:
                    continue
                q = heads[arc]
                if tree[q] == 0:
                    tree[q] = side
                    parent[q] = reverse[arc]
                    stamp[q] = stamp[p]
                    distance[q] = distance[p] + 1
                    if not queued[q]:
                        queued[q] = True
                        queue[(start + waiting) % count] = q
                        waiting += 1
                elif tree[q] != side:
                    meeting = arc
                    break
                elif stamp[q] <= stamp[p] and distance[q] > distance[p]:
                    parent[q] = reverse[arc]
                    stamp[q] = stamp[p]
                    distance[q] = distance[p] + 1
        if meeting < 0:
            start = (start + 1) % count
            waiting -= 1
            queued[p] = False
            continue
        time += 1

        # Augment along source .. a -> b .. sink.
        link = meeting if side == 1 else reverse[meeting]
        a, b = heads[reverse[link]], heads[link]
        flow = capacity[link]
        node = a
        while parent[node] != _TERMINAL:
            flow = min(flow, capacity[reverse[parent[node]]])
            node = heads[parent[node]]
        flow = min(flow, excess[node])
        node = b
        while parent[node] != _TERMINAL:
            flow = min(flow, capacity[parent[node]])
            node = heads[parent[node]]
        flow = min(flow, -excess[node])

        capacity[link] -= flow
        capacity[reverse[link]] += flow
        for end in range(2):
            node = a if end == 0 else b
            while parent[node] != _TERMINAL:
                up = parent[node]
                towards = reverse[up] if end == 0 else up  # the arc that the flow uses
                capacity[towards] -= flow
                capacity[reverse[towards]] += flow
                if capacity[towards] <= 0:
                    parent[node] = _ORPHAN
                    orphans[(orphan_start + orphan_count) % count] = node
                    orphan_count += 1
                node = heads[up]
            excess[node] += -flow if end == 0 else flow
            if excess[node] == 0:
                parent[node] = _ORPHAN
                orphans[(orphan_start + orphan_count) % count] = node
                orphan_count += 1

        # Adopt: each orphan looks for a new parent whose root is a terminal; else it becomes free.
        while orphan_count > 0:
            i = orphans[orphan_start]
            orphan_start = (orphan_start + 1) % count
            orphan_count -= 1
            side = tree[i]
            best, nearest = -1, _FAR
            for arc in range(first[i], first[i + 1]):
                q = heads[arc]
                if tree[q] != side or (capacity[reverse[arc]] if side == 1 else capacity[arc]) <= 0:
                    continue
                steps = 0
                node = q
                while True:
                    if stamp[node] == time:
                        steps += distance[node]
                        break
                    up = parent[node]
                    steps += 1
                    if up == _TERMINAL:
                        stamp[node] = time
                        distance[node] = 1
                        break
                    if up == _ORPHAN:
                        steps = _FAR
                        break
                    node = heads[up]
                if steps < _FAR:
                    if steps < nearest:
                        best, nearest = arc, steps
                    node = q
                    while stamp[node] != time:
                        stamp[node] = time
                        distance[node] = steps
                        steps -= 1
                        node = heads[parent[node]]
            if best >= 0:
                parent[i] = best
                stamp[i] = time
                distance[i] = nearest + 1
                continue
            for arc in range(first[i], first[i + 1]):
                q = heads[arc]
                if tree[q] != side:
                    continue
                if not queued[q] and (capacity[reverse[arc]] if side == 1 else capacity[arc]) > 0:
                    queued[q] = True
                    queue[(start + waiting) % count] = q
                    waiting += 1
                if parent[q] == reverse[arc]:
                    parent[q] = _ORPHAN
                    orphans[(orphan_start + orphan_count) % count] = q
                    orphan_count += 1
            tree[i] = 0
            parent[i] = _NONE
