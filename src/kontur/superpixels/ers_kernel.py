"""The compiled loop of entropy rate superpixels: a queue of stale gains."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf32, cf64, cu8, f32, f64, find, i32, i64
from cython.cimports.libc.math import log


@cython.cfunc
@cython.nogil
def _term(p: f64) -> f64:
    return -p * log(p) if p > 1e-300 else 0.0


@cython.cfunc
@cython.nogil
@cython.locals(gain=f64, stay=f64, go=f64, left=f64, v=i32, side=i64)
def _entropy_gain(w: f64, a: i32, b: i32, total: cf64[::1], loop: cf64[::1], everything: f64) -> f64:
    """Of an edge of weight w that leaves the self-loops of its ends a and b."""
    gain = 0.0
    for side in range(2):
        v = b if side else a
        stay, go = loop[v] / total[v], w / total[v]
        left = max(stay - go, 0.0)
        gain += total[v] / everything * (_term(go) + _term(left) - _term(stay))
    return gain


@cython.cfunc
@cython.nogil
@cython.locals(p=f64, q=f64)
def _balance_gain(m: i64, n: i64, pixels: i64) -> f64:
    """Of joining parts of m and n pixels: the entropy of the sizes, and one part fewer."""
    p, q = cast(f64, m) / pixels, cast(f64, n) / pixels
    return _term(p + q) - _term(p) - _term(q) + 1.0


@cython.cfunc
@cython.nogil
@cython.locals(k=f64, i=i32, child=i64)
def _sink(key: f64[::1], item: i32[::1], at: i64, size: i64) -> void:
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


@cython.locals(
    w=f32, everything=f64, highest=f64, even=f64, strength=f64, gain=f64, a=i32, b=i32, height=i64, width=i64,
    edges=i64, e=i64, y=i64, x=i64, side=i64, v=i64, u=i64, pixels=i64, at=i64, parts=i64, size=i64, n=i64, p=i64,
    root=i64, first=i32[::1], second=i32[::1], item=i32[::1], parent=i32[::1], ids=i32[::1], names=i32[::1],
    weight=f64[::1], total=f64[::1], loop=f64[::1], key=f64[::1], count=i64[::1], flat=cu8[::1]
)  # fmt: skip
def grow(across: cf32[:, ::1], down: cf32[:, ::1], inside: cu8[:, ::1], segments: i64, balance: f64):
    height, width = down.shape[0] + 1, across.shape[1] + 1
    edges = (across.shape[0] * across.shape[1]) + (down.shape[0] * down.shape[1])
    first = np.empty(edges, np.int32)
    second = np.empty(edges, np.int32)
    weight = np.empty(edges, np.float64)
    total = np.full(height * width, 1e-12, np.float64)
    e = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                for side in range(2):
                    v, u = y + side, x + 1 - side
                    if v < height and u < width and inside[y, x] and inside[v, u]:
                        w = across[y, x] if side == 0 else down[y, x]
                        first[e], second[e] = y * width + x, v * width + u
                        weight[e] = max(cast(f64, w), 1e-12)
                        total[first[e]] += weight[e]
                        total[second[e]] += weight[e]
                        e += 1
    edges = e
    pixels = np.count_nonzero(inside)
    everything = 0.0
    for e in range(height * width):
        everything += total[e]
    loop = total.base.copy()
    key = np.empty(edges, np.float64)
    item = np.arange(edges).astype(np.int32)
    highest = 0.0
    with cython.nogil:
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
    with cython.nogil:
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
    flat = np.ravel(inside)
    with cython.nogil:
        for p in range(height * width):
            if not flat[p]:
                continue
            root = find(parent, p)
            if names[root] == 0:
                n += 1
                names[root] = n
            ids[p] = names[root]
    return ids.base.reshape(height, width)
