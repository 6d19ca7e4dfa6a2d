"""The compiled loops of fuzzy c-means: memberships of points, and the centres they pull at."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import void
from cython.cimports.kontur.kernels.common import cf32, cf64, f32, f64, i32, i64
from cython.cimports.libc.math import INFINITY


@cython.cfunc
@cython.nogil
@cython.locals(smallest=f64, square=f64, difference=f64, total=f64, k=i64, f=i64)
def _memberships_of(points: cf32[:, ::1], n: i64, centres: cf64[:, ::1], power: f64, degree: f64[::1]) -> void:
    """Memberships of point n into degree (K,). Distances go in relative to the smallest, so no power overflows."""
    smallest = INFINITY
    for k in range(centres.shape[0]):
        square = 0.0
        for f in range(centres.shape[1]):
            difference = points[n, f] - centres[k, f]
            square += difference * difference
        degree[k] = square
        smallest = min(smallest, square)
    total = 0.0
    for k in range(centres.shape[0]):
        if degree[k] <= smallest:
            degree[k] = 1.0
        elif smallest == 0.0:
            degree[k] = 0.0
        elif power == 1.0:
            degree[k] = smallest / degree[k]
        else:
            degree[k] = (smallest / degree[k]) ** power
        total += degree[k]
    for k in range(centres.shape[0]):
        degree[k] /= total


@cython.locals(
    power=f64, weight=f64, clusters=i64, width=i64, n=i64, k=i64, f=i64, sums=f64[:, ::1], moved=f64[:, ::1],
    weights=f64[::1], degree=f64[::1]
)  # fmt: skip
def next_centres(points: cf32[:, ::1], centres: cf64[:, ::1], fuzziness: f64):
    clusters, width = centres.shape[0], centres.shape[1]
    sums = np.zeros((clusters, width))
    weights = np.zeros(clusters)
    degree = np.empty(clusters)
    power = 1.0 / (fuzziness - 1.0)
    with cython.nogil:
        for n in range(points.shape[0]):
            _memberships_of(points, n, centres, power, degree)
            for k in range(clusters):
                weight = degree[k] * degree[k] if fuzziness == 2.0 else degree[k] ** fuzziness
                weights[k] += weight
                for f in range(width):
                    sums[k, f] += weight * points[n, f]
    moved = np.array(centres)
    with cython.nogil:
        for k in range(clusters):
            if weights[k] > 0:
                for f in range(width):
                    moved[k, f] = sums[k, f] / weights[k]
    return moved.base


@cython.locals(n=i64, best=i64, k=i64, labels=i32[::1], membership=f32[::1], degree=f64[::1])
def strongest(points: cf32[:, ::1], centres: cf64[:, ::1], power: f64):
    labels = np.empty(points.shape[0], np.int32)
    membership = np.empty(points.shape[0], np.float32)
    degree = np.empty(centres.shape[0])
    with cython.nogil:
        for n in range(points.shape[0]):
            _memberships_of(points, n, centres, power, degree)
            best = 0
            for k in range(1, centres.shape[0]):
                if degree[k] > degree[best]:
                    best = k
            labels[n] = best
            membership[n] = degree[best]
    return labels.base, membership.base


@cython.locals(n=i64)
def all_memberships(points: cf32[:, ::1], centres: cf64[:, ::1], power: f64, result: f64[:, ::1]):
    with cython.nogil:
        for n in range(points.shape[0]):
            _memberships_of(points, n, centres, power, result[n])
