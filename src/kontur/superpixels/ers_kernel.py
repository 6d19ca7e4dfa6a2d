"""The compiled loop of entropy rate superpixels: a queue of stale gains."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.union_find import find


@njit(cache=True, nogil=True)
def _term(p):  # type: ignore[no-untyped-def]
    return -p * np.log(p) if p > 1e-300 else 0.0


@njit(cache=True, nogil=True)
def _entropy_gain(w, a, b, total, loop, everything):  # type: ignore[no-untyped-def]
    """Of an edge of weight w that leaves the self-loops of its ends a and b."""
    gain = 0.0
    for v in (a, b):
        stay, go = loop[v] / total[v], w / total[v]
        left = max(stay - go, 0.0)
        gain += total[v] / everything * (_term(go) + _term(left) - _term(stay))
    return gain


@njit(cache=True, nogil=True)
def _balance_gain(m, n, pixels):  # type: ignore[no-untyped-def]
    """Of joining parts of m and n pixels: the entropy of the sizes, and one part fewer."""
    p, q = m / pixels, n / pixels
    return _term(p + q) - _term(p) - _term(q) + 1.0


@njit(cache=True, nogil=True)
def _sink(key, item, at, size):  # type: ignore[no-untyped-def]
    """Let the entry at `at` sink to its place in a heap with the largest key on top."""
    k, i = key[at], item[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and key[child + 1] > key[child]:
            child += 1
        if key[child] <= k:
            break
        key[at], item[at] = key[child], item[child]
        at = child
    key[at], item[at] = k, i


@njit(cache=True, nogil=True)
def grow(across, down, inside, segments, balance):  # type: ignore[no-untyped-def]
    height, width = down.shape[0] + 1, across.shape[1] + 1
    edges = across.size + down.size
    first = np.empty(edges, np.int32)
    second = np.empty(edges, np.int32)
    weight = np.empty(edges, np.float64)
    total = np.full(height * width, 1e-12, np.float64)
    e = 0
    for y in range(height):
        for x in range(width):
            for side in range(2):
                v, u = y + side, x + 1 - side
                if v < height and u < width and inside[y, x] and inside[v, u]:
                    w = across[y, x] if side == 0 else down[y, x]
                    first[e], second[e] = y * width + x, v * width + u
                    weight[e] = max(np.float64(w), 1e-12)
                    total[first[e]] += weight[e]
                    total[second[e]] += weight[e]
                    e += 1
    edges = e
    pixels = inside.sum()
    everything = total.sum()
    loop = total.copy()
    key = np.empty(edges, np.float64)
    item = np.arange(edges).astype(np.int32)
    highest = 0.0
    for e in range(edges):
        key[e] = _entropy_gain(weight[e], first[e], second[e], total, loop, everything)
        highest = max(highest, key[e])
    even = _balance_gain(1, 1, pixels)
    # The paper's lambda: relative to the largest first gains, times the number of superpixels.
    strength = balance * segments * highest / even
    for e in range(edges):
        key[e] += strength * even
    for at in range(edges // 2 - 1, -1, -1):
        _sink(key, item, at, edges)
    parent = np.arange(height * width).astype(np.int32)
    count = np.ones(height * width, np.int64)
    parts, size = pixels, edges
    while parts > segments and size > 0:
        e = item[0]
        a, b = find(parent, first[e]), find(parent, second[e])
        if a != b:
            gain = _entropy_gain(weight[e], first[e], second[e], total, loop, everything)
            gain += strength * _balance_gain(count[a], count[b], pixels)
            if gain < key[0]:
                key[0] = gain
                _sink(key, item, 0, size)
                if item[0] != e:
                    continue
            if count[a] < count[b]:
                a, b = b, a
            parent[b] = a
            count[a] += count[b]
            loop[first[e]] -= weight[e]
            loop[second[e]] -= weight[e]
            parts -= 1
        size -= 1
        key[0], item[0] = key[size], item[size]
        _sink(key, item, 0, size)
    ids = np.zeros(height * width, np.int32)
    names = np.zeros(height * width, np.int32)
    n = 0
    flat = inside.ravel()
    for p in range(height * width):
        if not flat[p]:
            continue
        root = find(parent, p)
        if names[root] == 0:
            n += 1
            names[root] = n
        ids[p] = names[root]
    return ids.reshape(height, width)
