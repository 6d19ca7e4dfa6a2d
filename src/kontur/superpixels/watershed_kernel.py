"""The compiled loops of watershed superpixels: gradient, and markers at its weakest."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import ci16, ci32, cu16, i32, i64, u16


@cython.locals(
    channels=i64, height=i64, width=i64, y=i64, c=i64, x=i64, total=i32[::1], up=ci16[::1], row=ci16[::1],
    down=ci16[::1]
)  # fmt: skip
def gradient_of(planes: ci16[:, :, ::1], relief: u16[:, ::1]):
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    total = np.empty(width, np.int32)
    with cython.nogil:
        for y in range(height):
            total[:] = 0
            for c in range(channels):
                up, row, down = planes[c, max(y - 1, 0)], planes[c, y], planes[c, min(y + 1, height - 1)]
                for x in range(width):
                    total[x] += abs(cast(i32, down[x]) - cast(i32, up[x]))
                for x in range(1, width - 1):
                    total[x] += abs(cast(i32, row[x + 1]) - cast(i32, row[x - 1]))
                if width > 1:
                    total[0] += abs(cast(i32, row[1]) - cast(i32, row[0]))
                    total[width - 1] += abs(cast(i32, row[width - 1]) - cast(i32, row[width - 2]))
            for x in range(width):
                relief[y, x] = min(total[x] // 2, 65535)


@cython.locals(y0=i32, x0=i32, height=i64, width=i64, n=i64, best=i64, y=i64, x=i64, key=i64)
def to_weakest(relief: cu16[:, ::1], cells: ci32[:, ::1], rows: i32[::1], columns: i32[::1], reach: i64):
    """Move each marker to the weakest gradient of its cell within `reach` pixels; of equal ones to the nearest."""
    height, width = relief.shape[0], relief.shape[1]
    with cython.nogil:
        for n in range(rows.shape[0]):
            y0, x0 = rows[n], columns[n]
            best = cast(i64, 1) << 60
            for y in range(max(0, y0 - reach), min(height, y0 + reach + 1)):
                for x in range(max(0, x0 - reach), min(width, x0 + reach + 1)):
                    if cells[y, x] == n:
                        key = (cast(i64, relief[y, x]) << 32) + ((y - y0) * (y - y0)) + ((x - x0) * (x - x0))
                        if key < best:
                            best = key
                            rows[n], columns[n] = y, x
