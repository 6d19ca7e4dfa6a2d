"""The compiled loops of the oriented watershed: minima, structure tensor, strength along the arcs."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def products(strength):  # type: ignore[no-untyped-def]
    height, width = strength.shape
    xx, xy, yy = np.empty_like(strength), np.empty_like(strength), np.empty_like(strength)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            dx = (strength[y, right] - strength[y, left]) / np.float32(max(right - left, 1))
            dy = (strength[down, x] - strength[up, x]) / np.float32(max(down - up, 1))
            xx[y, x], xy[y, x], yy[y, x] = dx * dx, dx * dy, dy * dy
    return xx, xy, yy


@njit(nogil=True, inline="always")
def _along(strength, xx, xy, yy, first, y0, x0, y1, x1, nx, ny, aligned):  # type: ignore[no-untyped-def]
    if strength[y1, x1] > strength[y0, x0]:
        y0, x0 = y1, x1
    a, b, c = xx[y0 - first, x0], xy[y0 - first, x0], yy[y0 - first, x0]
    greatest = np.float32(0.5) * (a + c + np.sqrt((a - c) * (a - c) + np.float32(4) * b * b))
    if greatest <= 0 or (nx == 0 and ny == 0):
        return strength[y0, x0]
    share = (a * nx * nx + np.float32(2) * b * nx * ny + c * ny * ny) / greatest
    return strength[y0, x0] * min(max(share / aligned, np.float32(0)), np.float32(1))


@njit(cache=True, nogil=True)
def weigh(strength, xx, xy, yy, first, across, down, right, below, top, stop, aligned):  # type: ignore[no-untyped-def]
    """Fill the rows top..stop of right and below. xx, xy, yy: of the rows from `first` on."""
    height, width = strength.shape
    for y in range(top, stop):
        for x in range(width - 1):
            nx, ny = across[y, x, 0], across[y, x, 1]
            right[y, x] = _along(strength, xx, xy, yy, first, y, x, y, x + 1, nx, ny, aligned)
        if y + 1 < height:
            for x in range(width):
                nx, ny = down[y, x, 0], down[y, x, 1]
                below[y, x] = _along(strength, xx, xy, yy, first, y, x, y + 1, x, nx, ny, aligned)


@njit(cache=True, nogil=True)
def least_inside(strength, leaves, count):  # type: ignore[no-untyped-def]
    """The least strength in each leaf, (count,) float64."""
    height, width = strength.shape
    least = np.ones(count, np.float64)
    for y in range(height):
        for x in range(width):
            least[leaves[y, x] - 1] = min(least[leaves[y, x] - 1], np.float64(strength[y, x]))
    return least


@njit(cache=True, nogil=True)
def minima(relief):  # type: ignore[no-untyped-def]
    """Plateaus (4-connected) without a lower 4-neighbour, numbered from 1 in the order of their first pixels; 0 elsewhere."""
    height, width = relief.shape
    ids = np.full((height, width), -1, np.int32)  # -1: not seen yet
    plateau = np.empty(height * width, np.int32)
    count = 0
    for start in range(height * width):
        if ids[start // width, start % width] >= 0:
            continue
        level = relief[start // width, start % width]
        lowest = True
        plateau[0] = start
        ids[start // width, start % width] = 0
        found, done = 1, 0
        while done < found:
            y, x = plateau[done] // width, plateau[done] % width
            done += 1
            for k in range(4):
                qy, qx = y + (k == 2) - (k == 0), x + (k == 1) - (k == 3)
                if not (0 <= qy < height and 0 <= qx < width):
                    continue
                other = relief[qy, qx]
                if other < level:
                    lowest = False
                elif other == level and ids[qy, qx] < 0:
                    ids[qy, qx] = 0
                    plateau[found] = qy * width + qx
                    found += 1
        if lowest:
            count += 1
            for k in range(found):
                ids[plateau[k] // width, plateau[k] % width] = count
    return ids
