"""Region adjacency graph of a label map, and the tree of merging it edge by edge, cheapest first.

Source: Haris et al., "Hybrid image segmentation using watersheds and fast region merging", IEEE Trans. Image Processing
7(12), 1998 (region adjacency graph with a queue of its edges).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class RegionGraph:
    """ends (E, 2) int32: pairs i < j of touching regions, 0-based, sorted. length (E,) float64: 4-neighbour pixel pairs on
    their common border. strength (E,) float64: the sum over these pairs of the border values."""

    ends: NDArray[np.int32]
    length: NDArray[np.float64]
    strength: NDArray[np.float64]


def region_graph(ids: NDArray[np.integer], across: NDArray | None = None, down: NDArray | None = None) -> RegionGraph:
    """The graph of a map (H, W) of ids 1..n, 0 = none. across (H, W - 1), down (H - 1, W): border values between pixels, else 0."""
    ids = np.asarray(ids)
    count = int(ids.max()) + 1
    keys, values = [], []
    for a, b, border in ((ids[:, :-1], ids[:, 1:], across), (ids[:-1], ids[1:], down)):
        where = np.nonzero((a != b) & (a > 0) & (b > 0))
        first, second = a[where].astype(np.int64) - 1, b[where].astype(np.int64) - 1
        keys.append(np.minimum(first, second) * count + np.maximum(first, second))
        values.append(np.zeros(len(first)) if border is None else border[where].astype(np.float64))
    pairs, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    length = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
    strength = np.bincount(inverse, np.concatenate(values), len(pairs)).astype(np.float64)
    return RegionGraph(np.stack([pairs // count, pairs % count], 1).astype(np.int32), length, strength)


def region_sums(ids: NDArray[np.integer], planes: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area (n,) and sums (n, C) of planes (C, H, W) over the regions 1..n."""
    flat = ids.ravel()
    area = np.bincount(flat)[1:].astype(np.float64)
    sums = [np.bincount(flat, plane.ravel(), len(area) + 1)[1:] for plane in planes]
    return area, np.stack(sums, 1)


def merge_tree(
    graph: RegionGraph,
    area: NDArray[np.float64],
    sums: NDArray[np.float64],
    *,
    border: float = 1.0,
    colour: float = 0.0,
    size: float = 0.0,
    floors: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Merge the cheapest pair until one region is left: merges (n - 1, 2) of nodes, costs (n - 1,) as a running maximum.

    Cost of a pair: (border · mean border value + colour · distance of mean values) · (a b / (a + b))^size, a and b areas.
    area (n,), sums (n, C). floors (n,): each region's lowest value, the higher of the two is taken off the mean border
    value. The running maximum makes the tree an ultrametric. The graph must be connected.
    """
    floors = np.zeros(len(area)) if floors is None else floors.copy()
    merges, costs = _merge(graph.ends, graph.length.copy(), graph.strength.copy(), area.copy(), sums.copy(),
                           floors, float(border), float(colour), float(size))  # fmt: skip
    return merges, np.maximum.accumulate(costs) if len(costs) else costs


@njit(cache=True, nogil=True)
def _cost(e, a, b, length, strength, area, sums, floors, border, colour, size):  # type: ignore[no-untyped-def]
    value = strength[e] / length[e]
    floor = max(floors[a], floors[b])
    if floor > 0:
        value = max(value - floor, 0.0)
    cost = border * value
    if colour > 0:
        distance = 0.0
        for c in range(sums.shape[1]):
            d = sums[a, c] / area[a] - sums[b, c] / area[b]
            distance += d * d
        cost += colour * np.sqrt(distance)
    if size > 0:
        cost *= (area[a] * area[b] / (area[a] + area[b])) ** size
    return cost


@njit(cache=True, nogil=True)
def _merge(ends, length, strength, area, sums, floors, border, colour, size):  # type: ignore[no-untyped-def]
    n, edges = area.size, ends.shape[0]
    end = ends.copy()
    # Each region's edges as a chain of half-edges 2e, 2e + 1.
    head = np.full(n, -1, np.int64)
    following = np.full(2 * edges, -1, np.int64)
    degree = np.zeros(n, np.int64)
    alive = np.ones(edges, np.bool_)
    stamp = np.zeros(edges, np.int64)
    queued = np.zeros(edges, np.float64)
    queue = [(0.0, np.int64(0), np.int64(0)) for _ in range(0)]
    for e in range(edges):
        for side in range(2):
            r = end[e, side]
            following[2 * e + side] = head[r]
            head[r] = 2 * e + side
            degree[r] += 1
        cost = _cost(e, end[e, 0], end[e, 1], length, strength, area, sums, floors, border, colour, size)
        queue.append((cost, np.int64(e), np.int64(0)))
        queued[e] = cost
    heapq.heapify(queue)
    node = np.arange(n)
    edge_to = np.full(n, -1, np.int64)
    merges = np.empty((max(n - 1, 0), 2), np.int32)
    costs = np.empty(max(n - 1, 0), np.float64)
    done = 0
    while queue and done < n - 1:
        cost, e, when = heapq.heappop(queue)  # type: ignore[assignment]
        if not alive[e] or stamp[e] != when:
            continue
        keep, gone = end[e, 0], end[e, 1]
        merges[done, 0] = min(node[keep], node[gone])
        merges[done, 1] = max(node[keep], node[gone])
        costs[done] = cost
        if degree[keep] < degree[gone]:
            keep, gone = gone, keep
        node[keep] = n + done
        done += 1
        alive[e] = False
        area[keep] += area[gone]
        floors[keep] = min(floors[keep], floors[gone])
        for c in range(sums.shape[1]):
            sums[keep, c] += sums[gone, c]
        # Drop dead edges of `keep`, and note its neighbours.
        last = -1  # the half-edge before h that stays
        h = head[keep]
        degree[keep] = 0
        while h >= 0:
            ahead = following[h]
            f = h >> 1
            if alive[f]:
                edge_to[end[f, 1 - (h & 1)]] = f
                degree[keep] += 1
                last = h  # type: ignore[assignment]
            elif last >= 0:
                following[last] = ahead
            else:
                head[keep] = ahead
            h = ahead
        # Edges of `gone`: added to an edge that `keep` has already, or moved over.
        h = head[gone]
        while h >= 0:
            ahead = following[h]
            f = h >> 1
            if alive[f]:
                there = end[f, 1 - (h & 1)]
                same = edge_to[there]
                if same >= 0:
                    length[same] += length[f]
                    strength[same] += strength[f]
                    alive[f] = False
                else:
                    end[f, h & 1] = keep
                    edge_to[there] = f
                    following[h] = head[keep]
                    head[keep] = h
                    degree[keep] += 1
            h = ahead
        h = head[keep]
        while h >= 0:
            f = h >> 1
            there = end[f, 1 - (h & 1)]
            edge_to[there] = -1
            new = _cost(f, keep, there, length, strength, area, sums, floors, border, colour, size)
            if new != queued[f]:  # most borders of a large region have not changed: its queue would grow without end
                stamp[f] += 1
                queued[f] = new
                heapq.heappush(queue, (new, np.int64(f), stamp[f]))
            h = following[h]
    return merges[:done], costs[:done]
