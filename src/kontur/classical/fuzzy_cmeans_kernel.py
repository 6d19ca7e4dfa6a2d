"""The compiled loops of fuzzy c-means: memberships of points, and the centres they pull at."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _memberships_of(points, n, centres, power, degree):  # type: ignore[no-untyped-def]
    """Memberships of point n into degree (K,). Distances go in relative to the smallest, so no power overflows."""
    smallest = np.inf
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


@njit(cache=True, nogil=True)
def next_centres(points, centres, fuzziness):  # type: ignore[no-untyped-def]
    clusters, width = centres.shape
    sums = np.zeros((clusters, width))
    weights = np.zeros(clusters)
    degree = np.empty(clusters)
    power = 1.0 / (fuzziness - 1.0)
    for n in range(points.shape[0]):
        _memberships_of(points, n, centres, power, degree)
        for k in range(clusters):
            weight = degree[k] * degree[k] if fuzziness == 2.0 else degree[k] ** fuzziness
            weights[k] += weight
            for f in range(width):
                sums[k, f] += weight * points[n, f]
    moved = centres.copy()
    for k in range(clusters):
        if weights[k] > 0:
            for f in range(width):
                moved[k, f] = sums[k, f] / weights[k]
    return moved


@njit(cache=True, nogil=True)
def strongest(points, centres, power):  # type: ignore[no-untyped-def]
    labels = np.empty(points.shape[0], np.int32)
    membership = np.empty(points.shape[0], np.float32)
    degree = np.empty(centres.shape[0])
    for n in range(points.shape[0]):
        _memberships_of(points, n, centres, power, degree)
        best = 0
        for k in range(1, centres.shape[0]):
            if degree[k] > degree[best]:
                best = k
        labels[n] = best
        membership[n] = degree[best]
    return labels, membership


@njit(cache=True, nogil=True)
def all_memberships(points, centres, power, result):  # type: ignore[no-untyped-def]
    for n in range(points.shape[0]):
        _memberships_of(points, n, centres, power, result[n])
