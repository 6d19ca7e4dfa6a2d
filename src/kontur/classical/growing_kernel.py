"""The compiled loop of seeded region growing: a heap of border pixels."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint
from cython.cimports.kontur.kernels.common import Heap, cf32, cf64, ci32, ci64, f64, free, heap_pop, heap_push, i32, i64
from cython.cimports.libc.math import sqrt
from numpy.typing import NDArray

from ..kernels.door import indices

_MOST = 1 << 24  # labels


@cython.locals(labels=i32[:, ::1], count=i64[::1], total=f64[:, ::1], waiting=f64[:, ::1], done=cython.bint)
def grow(pixels: cf32[:, :, ::1], seeds: ci32[:, ::1]) -> NDArray[np.int32]:
    """Every pixel's region. pixels: (H, W, C). seeds: (H, W), labels 1.. at one or more pixels, 0 elsewhere."""
    if seeds.shape[0] != pixels.shape[0] or seeds.shape[1] != pixels.shape[1]:
        raise ValueError("seeds: expected the size of the image")
    labels = indices("seeds", seeds, np.int32, _MOST, None, None).copy()
    regions = np.max(labels) + 1
    count = np.zeros(regions, np.int64)
    total = np.zeros((regions, pixels.shape[2]), np.float64)
    # The least difference a pixel waits with; a pixel that a nearer region comes to touch is queued once more.
    waiting = np.full((seeds.shape[0], seeds.shape[1]), np.inf)
    with cython.nogil:
        done = _grow(pixels, labels, count, total, waiting)
    if not done:
        raise MemoryError("region growing: no memory left for the queue of pixels")
    return labels.base


@cython.cfunc
@cython.nogil
@cython.locals(
    distance=f64, height=i64, width=i64, y=i64, x=i64, label=i64, band=i64, order=i64, step=i64, below=i64, right=i64,
    queue=Heap, done=cython.bint
)  # fmt: skip
def _grow(
    pixels: cf32[:, :, ::1], labels: i32[:, ::1], count: i64[::1], total: f64[:, ::1], waiting: f64[:, ::1]
) -> bint:  # fmt: skip
    """Entries of the queue: distance, the order in which they came, flat index of the pixel."""
    height, width = labels.shape[0], labels.shape[1]
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label > 0:
                count[label] += 1
                for band in range(pixels.shape[2]):
                    total[label, band] += pixels[y, x, band]
    queue.entries, queue.size, queue.room = cython.NULL, 0, 0
    done = True
    order = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] == 0:
                distance, label = _nearest(pixels, labels, count, total, y, x)
                if distance >= 0:
                    done = heap_push(cython.address(queue), distance, order, y * width + x) and done
                    order += 1
                    waiting[y, x] = distance
    while queue.size > 0 and done:
        x = heap_pop(cython.address(queue)).second
        y, x = x // width, x % width
        if labels[y, x] != 0:
            continue
        distance, label = _nearest(pixels, labels, count, total, y, x)
        labels[y, x] = label
        count[label] += 1
        for band in range(pixels.shape[2]):
            total[label, band] += pixels[y, x, band]
        for step in range(4):
            below = y + (step == 1) - (step == 0)
            right = x + (step == 3) - (step == 2)
            if not (0 <= below < height and 0 <= right < width):
                continue
            if labels[below, right] == 0:
                distance, label = _nearest(pixels, labels, count, total, below, right)
                if distance < waiting[below, right]:
                    done = heap_push(cython.address(queue), distance, order, below * width + right) and done
                    order += 1
                    waiting[below, right] = distance
    free(queue.entries)
    return done


@cython.cfunc
@cython.nogil
@cython.locals(best=f64, distance=f64, difference=f64, label=i32, chosen=i64, step=i64, y=i64, x=i64, band=i64)
def _nearest(
    pixels: cf32[:, :, ::1], labels: ci32[:, ::1], count: ci64[::1], total: cf64[:, ::1], row: i64, column: i64
) -> tuple[f64, i64]:  # fmt: skip
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
        distance = sqrt(distance)
        if best < 0 or distance < best:
            best, chosen = distance, label
    return best, chosen
