"""Region adjacency graph of a label map, and the tree of merging it edge by edge, cheapest first.

Source: Haris et al., "Hybrid image segmentation using watersheds and fast region merging", IEEE Trans. Image Processing
7(12), 1998 (region adjacency graph with a queue of its edges).
"""

# mypy: ignore-errors

from dataclasses import dataclass

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import Entry, Heap, cf64, ci32, f64, free, heap_pop, heap_push, i32, i64, u8
from cython.cimports.libc.math import pow, sqrt
from numpy.typing import NDArray

from .door import array, indices


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
    area = array("area", area, np.float64, None)
    sums = array("sums", sums, np.float64, len(area), None)
    floors = np.zeros(len(area)) if floors is None else array("floors", floors, np.float64, len(area)).copy()
    ends = indices("ends", graph.ends, np.int32, max(len(area), 1), None, 2)
    merges, costs = _merge(ends, graph.length.copy(), graph.strength.copy(), area.copy(), sums.copy(),
                           floors, float(border), float(colour), float(size))  # fmt: skip
    return merges, np.maximum.accumulate(costs) if len(costs) else costs


@cython.cfunc
@cython.nogil
@cython.locals(value=f64, floor=f64, cost=f64, distance=f64, d=f64, c=i64)
def _cost(
    e: i64, a: i32, b: i32, length: cf64[::1], strength: cf64[::1], area: cf64[::1], sums: cf64[:, ::1],
    floors: cf64[::1], border: f64, colour: f64, size: f64
) -> f64:  # fmt: skip
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
        cost += colour * sqrt(distance)
    if size > 0:
        cost *= pow(area[a] * area[b] / (area[a] + area[b]), size)
    return cost


@cython.locals(
    whole=cython.bint, queue=Heap, entry=Entry, cost=f64, new=f64, r=i32, keep=i32, gone=i32, there=i32, n=i64, edges=i64, e=i64, side=i64, done=i64,
    c=i64, last=i64, h=i64, ahead=i64, f=i64, same=i64, end=i32[:, ::1], merges=i32[:, ::1], head=i64[::1],
    following=i64[::1], degree=i64[::1], stamp=i64[::1], node=i64[::1], edge_to=i64[::1], alive=u8[::1],
    queued=f64[::1], costs=f64[::1]
)  # fmt: skip
def _merge(
    ends: ci32[:, ::1], length: f64[::1], strength: f64[::1], area: f64[::1], sums: f64[:, ::1], floors: f64[::1],
    border: f64, colour: f64, size: f64
):  # fmt: skip
    n, edges = area.shape[0], ends.shape[0]
    end = np.array(ends)
    # Each region's edges as a chain of half-edges 2e, 2e + 1.
    head = np.full(n, -1, np.int64)
    following = np.full(2 * edges, -1, np.int64)
    degree = np.zeros(n, np.int64)
    alive = np.ones(edges, np.bool_)
    stamp = np.zeros(edges, np.int64)
    queued = np.zeros(edges, np.float64)
    node = np.arange(n)
    edge_to = np.full(n, -1, np.int64)
    merges = np.empty((max(n - 1, 0), 2), np.int32)
    costs = np.empty(max(n - 1, 0), np.float64)
    with cython.nogil:
        queue.entries, queue.size, queue.room = cython.NULL, 0, 0
        whole = True
        for e in range(edges):
            for side in range(2):
                r = end[e, side]
                following[2 * e + side] = head[r]
                head[r] = 2 * e + side
                degree[r] += 1
            cost = _cost(e, end[e, 0], end[e, 1], length, strength, area, sums, floors, border, colour, size)
            whole = heap_push(cython.address(queue), cost, e, 0) and whole
            queued[e] = cost
        done = 0
        while queue.size > 0 and done < n - 1 and whole:
            entry = heap_pop(cython.address(queue))
            cost, e = entry.key, entry.first
            if not alive[e] or stamp[e] != entry.second:
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
                    last = h
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
                if (
                    new != queued[f]
                ):  # most borders of a large region have not changed: its queue would grow without end
                    stamp[f] += 1
                    queued[f] = new
                    whole = heap_push(cython.address(queue), new, f, stamp[f]) and whole
                h = following[h]
        free(queue.entries)
    if not whole:
        raise MemoryError("merging regions: no memory left for the queue of borders")
    return merges.base[:done], costs.base[:done]
