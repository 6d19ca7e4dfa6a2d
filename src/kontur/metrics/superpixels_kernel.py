"""The compiled loops of superpixel scores: boundaries, perimeters, colour sums."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def boundary(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels with a 4-neighbour of another label."""
    height, width = labels.shape
    edge = np.zeros((height, width), np.bool_)
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
    return edge


@njit(cache=True, nogil=True)
def near(edge: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Pixels whose (2 radius + 1)^2 square holds an edge pixel: a dilation along rows, then along columns."""
    height, width = edge.shape
    rows = edge.copy()
    for shift in range(1, min(radius, width - 1) + 1):
        for y in range(height):
            for x in range(width - shift):
                rows[y, x] |= edge[y, x + shift]
            for x in range(shift, width):
                rows[y, x] |= edge[y, x - shift]
    square = rows.copy()
    for shift in range(1, min(radius, height - 1) + 1):
        for y in range(height - shift):
            for x in range(width):
                square[y, x] |= rows[y + shift, x]
                square[y + shift, x] |= rows[y, x]
    return square


@njit(cache=True, nogil=True)
def perimeters_of(labels: NDArray[np.int32], superpixels: int) -> NDArray[np.int64]:
    """Of each superpixel, the pixel edges to other labels and to the outside."""
    height, width = labels.shape
    perimeters = np.zeros(superpixels, np.int64)
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
    return perimeters


@njit(cache=True, nogil=True)
def colour_sums(labels: NDArray[np.int32], pixels: NDArray, superpixels: int) -> tuple[NDArray[np.float64], float]:
    """Sum of (x - mean) by superpixel (S, C), and the sum of |x - mean|^2."""
    height, width, bands = pixels.shape
    mean = np.zeros(bands, np.float64)
    for y in range(height):
        for x in range(width):
            for band in range(bands):
                mean[band] += np.float64(pixels[y, x, band])
    mean /= height * width
    sums = np.zeros((superpixels, bands), np.float64)
    total = 0.0
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            for band in range(bands):
                value = np.float64(pixels[y, x, band]) - mean[band]
                sums[label, band] += value
                total += value * value
    return sums, total
