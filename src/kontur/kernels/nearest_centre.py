"""The inner loop of k-means: each point to its nearest centre, and the sums for the next centres, in one pass."""

# mypy: ignore-errors

import cython
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, f32, f64, i32, i64
from cython.cimports.libc.math import INFINITY


@cython.locals(
    best=f32, square=f32, difference=f32, total=f64, number=i64, width=i64, clusters=i64, n=i64, nearest=i64, k=i64,
    f=i64
)  # fmt: skip
def assign(points: cf32[:, ::1], centres: cf32[:, ::1], labels: i32[::1], sums: f64[:, ::1], counts: f64[::1]):
    """Give each point (N, F) the index of its nearest centre (K, F), the first of equals; return the sum of squares.

    labels: (N,) int32, written.   sums: (K, F) and counts: (K,) float64, overwritten.   points, centres: float32.
    """
    number, width = points.shape[0], points.shape[1]
    if not (
        centres.shape[1] == sums.shape[1] == width
        and centres.shape[0] == sums.shape[0] == counts.shape[0] > 0
        and labels.shape[0] == number
    ):
        raise ValueError(
            "k-means: expected labels (N,), sums (K, F) and counts (K,) for points (N, F) and centres (K, F)"
        )
    clusters = centres.shape[0]
    sums[:] = 0
    counts[:] = 0
    total = 0
    with cython.nogil:
        for n in range(number):
            best, nearest = INFINITY, 0
            for k in range(clusters):
                square = cast(f32, 0)
                for f in range(width):
                    difference = points[n, f] - centres[k, f]
                    square += difference * difference
                if square < best:
                    best, nearest = square, k
            labels[n] = nearest
            counts[nearest] += 1
            for f in range(width):
                sums[nearest, f] += points[n, f]
            total += cast(f64, best)
    return total
