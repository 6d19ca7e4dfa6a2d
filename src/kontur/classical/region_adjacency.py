"""Merging regions by the strength of the border between them, and by size: what edge methods end with.

    labels (H, W) 0..n-1, a strength for each crack -> labels (H, W) 0..m-1

A crack is the unit piece of border between two 4-neighbouring pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.region_graph import merge_tree, region_graph, region_sums

Cracks = tuple[NDArray, NDArray]
"""A number for each crack: between columns (H, W-1) and between rows (H-1, W)."""


def cracks_of(values: NDArray) -> Cracks:
    """The larger of the two pixels' values (H, W) at every crack."""
    return np.maximum(values[:, 1:], values[:, :-1]), np.maximum(values[1:], values[:-1])


def merge_weak_borders(labels: NDArray, cracks: Cracks, least: float) -> NDArray[np.int64]:
    """Merge neighbours, weakest border first, until every border's mean is at least `least`.

    Two borders that become one are measured anew, over their whole length. labels: (H, W), 0..n-1.
    """
    count = int(labels.max()) + 1
    graph = region_graph(labels + 1, *cracks)
    merges, costs = merge_tree(graph, np.ones(count), np.zeros((count, 1)), border=1.0)
    # Costs never fall, so the mergers below `least` are the first ones; the k-th makes node count + k of its two.
    merges = merges[: np.searchsorted(costs, least)]
    made = np.arange(count, count + len(merges))
    names, _ = _joined(
        np.concatenate([np.stack([merges[:, side], made], axis=1) for side in (0, 1)]), count + len(merges)
    )
    return names[labels]


def absorb_small(labels: NDArray, features: NDArray, least: int) -> NDArray[np.int64]:
    """Join every region of fewer than `least` pixels to the neighbour of the nearest mean, until none is left.

    labels: (H, W), 0..n-1. features: (H, W, C), compared by Euclidean distance. Only a sole region may stay smaller.
    In each round all small regions join at once, so there are few rounds.
    """
    count = int(labels.max()) + 1
    names = np.arange(count)
    area, sums = region_sums(labels + 1, np.moveaxis(features, -1, 0))
    pairs = region_graph(labels + 1).ends.astype(np.int64)
    while len(pairs) and (area < least).any():
        means = sums / area[:, None]
        distance = np.sqrt(((means[pairs[:, 0]] - means[pairs[:, 1]]) ** 2).sum(axis=1))
        best = _best_border(pairs, distance, count)
        joined, count = _joined(pairs[np.unique(best[area < least])], count)
        area = np.bincount(joined, area, count).astype(np.float64)
        sums = np.stack([np.bincount(joined, column, count) for column in sums.T], axis=1)
        names, pairs = joined[names], _renamed(pairs, joined, count)
    return names[labels]


def _best_border(pairs: NDArray[np.int64], value: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """For every region the index of its border of least value, the earlier of equals; each must have a border."""
    by_value = np.argsort(value, kind="stable")
    rank = np.empty(len(value), np.int64)
    rank[by_value] = np.arange(len(value))
    lowest = np.full(count, len(value), np.int64)
    np.minimum.at(lowest, pairs.ravel(), np.repeat(rank, 2))
    return by_value[lowest]


def _joined(pairs: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    """New names 0..m-1 of `count` regions when those of every pair are one; m."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    parts, names = connected_components(graph, directed=False)
    return names.astype(np.int64), int(parts)


def _renamed(pairs: NDArray[np.int64], new: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The pairs of different regions after region i has become new[i], each once."""
    a, b = new[pairs[:, 0]], new[pairs[:, 1]]
    keys = np.unique((np.minimum(a, b) * count + np.maximum(a, b))[a != b])
    return np.stack([keys // count, keys % count], axis=1)
