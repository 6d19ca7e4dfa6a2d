"""The compiled loops of superpixel scores: boundaries, perimeters, colour sums."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, cf64, ci16, ci32, ci64, cu16, cu8, f64, i32, i64, u8
from numpy.typing import NDArray


values = cython.fused_type(cu8, cu16, ci16, ci32, ci64, cf32, cf64)


@cython.locals(differs=cython.bint, height=i64, width=i64, y=i64, x=i64, edge=u8[:, ::1])
def boundary(labels: ci32[:, ::1]):
    """Pixels with a 4-neighbour of another label."""
    height, width = labels.shape[0], labels.shape[1]
    edge = np.zeros((height, width), np.bool_)
    with cython.nogil:
        for y in range(height):
            for x in range(width - 1):
                differs = labels[y, x] != labels[y, x + 1]
                edge[y, x] |= differs
                edge[y, x + 1] |= differs
        for y in range(height - 1):
            for x in range(width):
                differs = labels[y, x] != labels[y + 1, x]
                edge[y, x] |= differs
                edge[y + 1, x] |= differs
    return edge.base


@cython.locals(height=i64, width=i64, shift=i64, y=i64, x=i64, rows=u8[:, ::1], square=u8[:, ::1])
def near(edge: cu8[:, ::1], radius: i64):
    """Pixels whose (2 radius + 1)^2 square holds an edge pixel: a dilation along rows, then along columns."""
    height, width = edge.shape[0], edge.shape[1]
    rows = np.array(edge)
    with cython.nogil:
        for shift in range(1, min(radius, width - 1) + 1):
            for y in range(height):
                for x in range(width - shift):
                    rows[y, x] |= edge[y, x + shift]
                for x in range(shift, width):
                    rows[y, x] |= edge[y, x - shift]
    square = np.array(rows)
    with cython.nogil:
        for shift in range(1, min(radius, height - 1) + 1):
            for y in range(height - shift):
                for x in range(width):
                    square[y, x] |= rows[y + shift, x]
                    square[y + shift, x] |= rows[y, x]
    return square.base


@cython.locals(height=i64, width=i64, y=i64, x=i64, perimeters=i64[::1])
def perimeters_of(labels: ci32[:, ::1], superpixels: i64):
    """Of each superpixel, the pixel edges to other labels and to the outside."""
    height, width = labels.shape[0], labels.shape[1]
    perimeters = np.zeros(superpixels, np.int64)
    with cython.nogil:
        for y in range(height):
            perimeters[labels[y, 0]] += 1
            perimeters[labels[y, width - 1]] += 1
            for x in range(width - 1):
                if labels[y, x] != labels[y, x + 1]:
                    perimeters[labels[y, x]] += 1
                    perimeters[labels[y, x + 1]] += 1
        for x in range(width):
            perimeters[labels[0, x]] += 1
            perimeters[labels[height - 1, x]] += 1
        for y in range(height - 1):
            for x in range(width):
                if labels[y, x] != labels[y + 1, x]:
                    perimeters[labels[y, x]] += 1
                    perimeters[labels[y + 1, x]] += 1
    return perimeters.base


def colour_sums(labels: ci32[:, ::1], pixels: values[:, :, ::1], superpixels: i64) -> tuple[NDArray[np.float64], float]:
    """Sum of (x - mean) by superpixel (S, C), and the sum of |x - mean|^2."""
    mean: f64[::1] = np.zeros(pixels.shape[2], np.float64)
    sums: f64[:, ::1] = np.zeros((superpixels, pixels.shape[2]), np.float64)
    total: f64
    with cython.nogil:
        total = _colour_sums(labels, pixels, mean, sums)
    return sums.base, total


@cython.cfunc
@cython.nogil
@cython.locals(total=f64, value=f64, label=i32, height=i64, width=i64, bands=i64, y=i64, x=i64, band=i64)
def _colour_sums(labels: ci32[:, ::1], pixels: values[:, :, ::1], mean: f64[::1], sums: f64[:, ::1]) -> f64:
    height, width, bands = pixels.shape[0], pixels.shape[1], pixels.shape[2]
    for y in range(height):
        for x in range(width):
            for band in range(bands):
                mean[band] += cast(f64, pixels[y, x, band])
    for band in range(bands):
        mean[band] /= height * width
    total = 0.0
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            for band in range(bands):
                value = cast(f64, pixels[y, x, band]) - mean[band]
                sums[label, band] += value
                total += value * value
    return total
