"""Which regions touch, how strong the border between them is, and merging by it: what edge methods end with.

    labels (H, W) 0..n-1 -> borders: pairs (E, 2), length (E,), mean strength (E,) -> merged labels (H, W)

A crack is the unit piece of border between two 4-neighbouring pixels. Merging goes in rounds: in each, the borders that
are the best of both their regions are removed, so the cost is a few passes over the borders, not one a merger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cracks = tuple[NDArray, NDArray]
"""A number for each crack: between columns (H, W-1) and between rows (H-1, W)."""


@dataclass(frozen=True)
class Borders:
    """pairs: (E, 2) regions, lower first, rising. length: (E,) cracks. total: (E,) sum of the cracks' numbers."""

    pairs: NDArray[np.int64]
    length: NDArray[np.int64]
    total: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.total / self.length

    def renamed(self, new: NDArray[np.int64]) -> Borders:
        """The borders after region i has become new[i]."""
        a, b = new[self.pairs[:, 0]], new[self.pairs[:, 1]]
        return _collected(a, b, self.length, self.total)


def cracks_of(values: NDArray) -> Cracks:
    """The larger of the two pixels' values (H, W) at every crack."""
    return np.maximum(values[:, 1:], values[:, :-1]), np.maximum(values[1:], values[:-1])


def borders(labels: NDArray, cracks: Cracks) -> Borders:
    """All pairs of touching regions. labels: (H, W), 0..n-1."""
    a = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    b = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    differ = a != b
    weights = np.concatenate([cracks[0].ravel(), cracks[1].ravel()])[differ].astype(np.float64)
    return _collected(a[differ].astype(np.int64), b[differ].astype(np.int64), np.ones(len(weights), np.int64), weights)


def merge_weak_borders(labels: NDArray, cracks: Cracks, least: float) -> NDArray[np.int64]:
    """Merge neighbours, weakest border first, until every border's mean is at least `least`.

    labels: (H, W), 0..n-1. The result is numbered 0..m-1 again.
    """
    count = int(labels.max()) + 1
    names = np.arange(count)
    graph = borders(labels, cracks)
    while len(graph.pairs):
        weak = graph.mean < least
        if not weak.any():
            break
        best = _best_border(graph.pairs, graph.mean, count)
        index = np.arange(len(graph.pairs))
        mutual = weak & (best[graph.pairs[:, 0]] == index) & (best[graph.pairs[:, 1]] == index)
        joined, count = _joined(graph.pairs[mutual], count)
        names, graph = joined[names], graph.renamed(joined)
    return names[labels]


def absorb_small(labels: NDArray, features: NDArray, least: int) -> NDArray[np.int64]:
    """Join every region of fewer than `least` pixels to the neighbour of the nearest mean, until none is left.

    labels: (H, W), 0..n-1. features: (H, W, C), compared by Euclidean distance. Only a sole region may stay smaller.
    """
    count = int(labels.max()) + 1
    names = np.arange(count)
    flat = labels.ravel()
    area = np.bincount(flat, minlength=count).astype(np.float64)
    channels = features.reshape(flat.size, -1).T
    sums = np.stack([np.bincount(flat, channel, count) for channel in channels], axis=1)
    nothing = (np.zeros(labels[:, 1:].shape, np.uint8), np.zeros(labels[1:].shape, np.uint8))
    graph = borders(labels, nothing)
    while len(graph.pairs) and (area < least).any():
        means = sums / area[:, None]
        distance = np.sqrt(((means[graph.pairs[:, 0]] - means[graph.pairs[:, 1]]) ** 2).sum(axis=1))
        best = _best_border(graph.pairs, distance, count)
        joined, count = _joined(graph.pairs[np.unique(best[area < least])], count)
        area = np.bincount(joined, area, count).astype(np.float64)
        sums = np.stack([np.bincount(joined, column, count) for column in sums.T], axis=1)
        names, graph = joined[names], graph.renamed(joined)
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


def _collected(a: NDArray, b: NDArray, length: NDArray[np.int64], total: NDArray[np.float64]) -> Borders:
    """Equal pairs added up; pairs of a region with itself dropped."""
    differ = a != b
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    size = int(high.max()) + 1 if len(high) else 1
    keys, inverse = np.unique(low * size + high, return_inverse=True)
    pairs = np.stack([keys // size, keys % size], axis=1)
    lengths = np.bincount(inverse, length[differ], len(keys)).astype(np.int64)
    return Borders(pairs, lengths, np.bincount(inverse, total[differ], len(keys)).astype(np.float64))
