"""The compiled loop of co-occurrence features: a window that slides by columns of pairs."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def slide(level, levels, radius, dy, dx, step, logs, result):  # type: ignore[no-untyped-def]
    height, width = level.shape
    cells = np.zeros((levels, levels), np.int32)
    sums = np.zeros(7)
    inverse = np.empty(levels)
    for d in range(levels):
        inverse[d] = 1.0 / (1.0 + d * d)
    for y in range(0, height, step):
        cells[:] = 0
        sums[:] = 0
        top, bottom = max(0, y - radius), min(height, y + radius + 1)
        for x in range(-radius, width):
            if x + radius < width:  # pairs whose right pixel is in the column that comes in, left one still inside
                right = x + radius
                if right - abs(dx) >= max(0, x - radius):
                    _column(level, top, bottom, right, dy, dx, 1, cells, sums, inverse, logs)
            left = x - radius - 1
            if left >= 0 and left + abs(dx) <= min(width - 1, x + radius - 1):
                _column(level, top, bottom, left + abs(dx), dy, dx, -1, cells, sums, inverse, logs)
            if x >= 0 and x % step == 0:
                _features(sums, result[y // step, x // step])


@njit(cache=True, nogil=True)
def _column(level, top, bottom, right, dy, dx, sign, cells, sums, inverse, logs):  # type: ignore[no-untyped-def]
    """Add (sign 1) or take away (-1) the pairs whose right-hand pixel lies in column `right`.

    sums, over the symmetric matrix: of count, count^2, (i - j)^2, i, i^2, 1 / (1 + (i - j)^2), count log count.
    """
    near = right if dx < 0 else right - dx  # the column of the pair's first pixel
    for y in range(max(top, top - dy), min(bottom, bottom - dy)):
        i, j = np.int64(level[y, near]), np.int64(level[y + dy, near + dx])
        d = abs(i - j)
        sums[0] += 2 * sign
        sums[2] += 2 * sign * d * d
        sums[3] += sign * (i + j)
        sums[4] += sign * (i * i + j * j)
        sums[5] += 2 * sign * inverse[d]
        before = cells[i, j]
        if i == j:
            after = before + 2 * sign
            sums[1] += after * after - before * before
            sums[6] += logs[after] - logs[before]
            cells[i, i] = after
        else:
            after = before + sign
            sums[1] += 2 * (after * after - before * before)
            sums[6] += 2 * (logs[after] - logs[before])
            cells[i, j] = after
            cells[j, i] = after


@njit(cache=True, nogil=True)
def _features(sums, feature):  # type: ignore[no-untyped-def]
    number = sums[0]
    if number == 0:
        feature[:] = 0
        return
    mean = sums[3] / number
    variance = sums[4] / number - mean * mean
    # 2 i j = i^2 + j^2 - (i - j)^2
    covariance = (sums[4] - sums[2] / 2) / number - mean * mean
    feature[0] = np.sqrt(sums[1]) / number
    feature[1] = sums[2] / number
    feature[2] = covariance / variance if variance > 1e-9 else 1.0
    feature[3] = sums[5] / number
    feature[4] = np.log(number) - sums[6] / number
