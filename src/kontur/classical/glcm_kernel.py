"""The compiled loop of co-occurrence features: a window that slides by columns of pairs."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf64, cu8, f32, f64, i32, i64
from cython.cimports.libc.math import log, sqrt


@cython.locals(
    height=i64, width=i64, row=i64, d=i64, y=i64, top=i64, bottom=i64, x=i64, right=i64, left=i64, cells=i32[:, ::1],
    sums=f64[::1], inverse=f64[::1]
)  # fmt: skip
def slide(
    level: cu8[:, ::1], levels: i64, radius: i64, dy: i64, dx: i64, step: i64, logs: cf64[::1],
    result: f32[:, :, :]
):  # fmt: skip
    height, width = level.shape[0], level.shape[1]
    cells = np.zeros((levels, levels), np.int32)
    sums = np.zeros(7)
    inverse = np.empty(levels)
    with cython.nogil:
        for d in range(levels):
            inverse[d] = 1.0 / (1.0 + d * d)
        for row in range((height + step - 1) // step):
            y = row * step
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
                    _features(sums, result[row, x // step])


@cython.cfunc
@cython.nogil
@cython.locals(before=i32, near=i64, y=i64, i=i64, j=i64, d=i64, after=i64)
def _column(
    level: cu8[:, ::1], top: i64, bottom: i64, right: i64, dy: i64, dx: i64, sign: i64, cells: i32[:, ::1],
    sums: f64[::1], inverse: cf64[::1], logs: cf64[::1]
) -> void:  # fmt: skip
    """Add (sign 1) or take away (-1) the pairs whose right-hand pixel lies in column `right`.

    sums, over the symmetric matrix: of count, count^2, (i - j)^2, i, i^2, 1 / (1 + (i - j)^2), count log count.
    """
    near = right if dx < 0 else right - dx  # the column of the pair's first pixel
    for y in range(max(top, top - dy), min(bottom, bottom - dy)):
        i, j = cast(i64, level[y, near]), cast(i64, level[y + dy, near + dx])
        d = abs(i - j)
        sums[0] += 2 * sign
        sums[2] += 2 * sign * d * d
        sums[3] += sign * (i + j)
        sums[4] += sign * (i * i + j * j)
        sums[5] += 2 * sign * inverse[d]
        before = cells[i, j]
        if i == j:
            after = before + 2 * sign
            sums[1] += after * after - cast(i64, before) * before
            sums[6] += logs[after] - logs[before]
            cells[i, i] = after
        else:
            after = before + sign
            sums[1] += 2 * (after * after - cast(i64, before) * before)
            sums[6] += 2 * (logs[after] - logs[before])
            cells[i, j] = after
            cells[j, i] = after


@cython.cfunc
@cython.nogil
@cython.locals(number=f64, mean=f64, variance=f64, covariance=f64)
def _features(sums: cf64[::1], feature: f32[:]) -> void:
    number = sums[0]
    if number == 0:
        feature[:] = 0
        return
    mean = sums[3] / number
    variance = sums[4] / number - mean * mean
    # 2 i j = i^2 + j^2 - (i - j)^2
    covariance = (sums[4] - sums[2] / 2) / number - mean * mean
    feature[0] = sqrt(sums[1]) / number
    feature[1] = sums[2] / number
    feature[2] = covariance / variance if variance > 1e-9 else 1.0
    feature[3] = sums[5] / number
    feature[4] = log(number) - sums[6] / number
