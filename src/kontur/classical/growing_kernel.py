"""The compiled loop of seeded region growing: a heap of border pixels."""

from __future__ import annotations

import heapq

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def grow(pixels: NDArray[np.float32], seeds: NDArray[np.int32]) -> NDArray[np.int32]:
    """Every pixel's region. pixels: (H, W, C). seeds: (H, W), labels 1.. at one or more pixels, 0 elsewhere."""
    height, width, bands = pixels.shape
    labels = seeds.copy()
    regions = labels.max() + 1
    count = np.zeros(regions, np.int64)
    total = np.zeros((regions, bands), np.float64)
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0:
                count[label] += 1
                for band in range(bands):
                    total[label, band] += pixels[y, x, band]

    # The least difference a pixel waits with; a pixel that a nearer region comes to touch is queued once more.
    waiting = np.full((height, width), np.inf)
    queue = [(0.0, np.int64(0), np.int32(0), np.int32(0))]
    queue.pop()
    order = np.int64(0)
    for y in range(height):
        for x in range(width):
            if labels[y, x] == 0:
                distance, _ = _nearest(pixels, labels, count, total, y, x)
                if distance >= 0:
                    heapq.heappush(queue, (distance, order, np.int32(y), np.int32(x)))
                    order += 1
                    waiting[y, x] = distance
    while len(queue) > 0:
        _, _, row, column = heapq.heappop(queue)
        if labels[row, column] != 0:
            continue
        _, label = _nearest(pixels, labels, count, total, row, column)
        labels[row, column] = label
        count[label] += 1
        for band in range(bands):
            total[label, band] += pixels[row, column, band]
        for step in range(4):
            below = np.int32(row + (step == 1) - (step == 0))
            right = np.int32(column + (step == 3) - (step == 2))
            if not (0 <= below < height and 0 <= right < width):
                continue
            if labels[below, right] == 0:
                distance, _ = _nearest(pixels, labels, count, total, below, right)
                if distance < waiting[below, right]:
                    heapq.heappush(queue, (distance, order, below, right))
                    order += 1
                    waiting[below, right] = distance
    return labels


@njit(cache=True, nogil=True)
def _nearest(
    pixels: NDArray[np.float32],
    labels: NDArray[np.int32],
    count: NDArray[np.int64],
    total: NDArray[np.float64],
    row: int,
    column: int,
) -> tuple[float, int]:
    """The least distance to the mean of a region among the 4-neighbours, and that region; (-1, 0) if none."""
    best, chosen = -1.0, 0
    for step in range(4):
        y = row + (step == 1) - (step == 0)
        x = column + (step == 3) - (step == 2)
        if y < 0 or x < 0 or y >= labels.shape[0] or x >= labels.shape[1]:
            continue
        label = labels[y, x]
        if label == 0 or label == chosen:
            continue
        distance = 0.0
        for band in range(pixels.shape[2]):
            difference = pixels[row, column, band] - total[label, band] / count[label]
            distance += difference * difference
        distance = np.sqrt(distance)
        if best < 0 or distance < best:
            best, chosen = distance, label
    return best, chosen
