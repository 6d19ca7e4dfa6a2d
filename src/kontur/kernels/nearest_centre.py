"""The inner loop of k-means: each point to its nearest centre, and the sums for the next centres, in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def assign(points, centres, labels, sums, counts):  # type: ignore[no-untyped-def]
    """Give each point (N, F) the index of its nearest centre (K, F), the first of equals; return the sum of squares.

    labels: (N,) int32, written.   sums: (K, F) and counts: (K,) float64, overwritten.   points, centres: float32.
    """
    number, width = points.shape
    clusters = centres.shape[0]
    sums[:] = 0
    counts[:] = 0
    total = np.float64(0)
    for n in range(number):
        best, nearest = np.float32(np.inf), 0
        for k in range(clusters):
            square = np.float32(0)
            for f in range(width):
                difference = points[n, f] - centres[k, f]
                square += difference * difference
            if square < best:
                best, nearest = square, k
        labels[n] = nearest
        counts[nearest] += 1
        for f in range(width):
            sums[nearest, f] += points[n, f]
        total += np.float64(best)
    return total
