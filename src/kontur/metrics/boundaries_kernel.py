"""The compiled loops of boundary scores: erosion, shares of near pixels, distances to the other label."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def eroded(mask: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Pixels whose (2 distance + 1)^2 square is all set and inside the image."""
    height, width = mask.shape
    rows = np.zeros((height, width), np.bool_)
    for y in range(height):
        run = 0
        for x in range(width):
            run = run + 1 if mask[y, x] else 0
            if run > 2 * distance:
                rows[y, x - distance] = True
    square = np.zeros((height, width), np.bool_)
    runs = np.zeros(width, np.int32)
    for y in range(height):
        for x in range(width):
            runs[x] = runs[x] + 1 if rows[y, x] else 0
        if y >= 2 * distance:
            for x in range(width):
                square[y - distance, x] = runs[x] > 2 * distance
    return square


@njit(cache=True, nogil=True)
def share_near(of: NDArray[np.bool_], to: NDArray[np.bool_], offsets: NDArray[np.int64]) -> float:
    """Share of the pixels of one map with a pixel of the other at one of the offsets (nearest offsets first)."""
    height, width = of.shape
    pixels = 0
    near = 0
    for y in range(height):
        for x in range(width):
            if not of[y, x]:
                continue
            pixels += 1
            for k in range(len(offsets)):
                v, u = y + offsets[k, 0], x + offsets[k, 1]
                if 0 <= v < height and 0 <= u < width and to[v, u]:
                    near += 1
                    break
    return near / pixels


@njit(cache=True, nogil=True)
def distance_to_other(mask: NDArray[np.bool_], reach: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Squared distance to the nearest pixel of the other label; beyond `reach` some larger number.

    The nearest such pixel always has a 4-neighbour of this pixel's label (else a step towards this pixel would find a
    nearer one), so only those on the outline are asked.
    """
    height, width = mask.shape
    distance = np.full((height, width), (reach + 1) ** 2, np.int64)
    for y in range(height):
        for x in range(width):
            here = mask[y, x]
            outline = (
                (y > 0 and mask[y - 1, x] != here)
                or (y < height - 1 and mask[y + 1, x] != here)
                or (x > 0 and mask[y, x - 1] != here)
                or (x < width - 1 and mask[y, x + 1] != here)
            )
            if not outline:
                continue
            for k in range(len(offsets)):
                dy, dx = offsets[k, 0], offsets[k, 1]
                v, u = y + dy, x + dx
                if 0 <= v < height and 0 <= u < width and mask[v, u] != here:
                    distance[v, u] = min(distance[v, u], dy * dy + dx * dx)
    return distance
