"""The compiled loop of box proposals: the rectangle of the largest sum."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf32, f64, i64


@cython.locals(
    best=f64, running=f64, height=i64, width=i64, bx0=i64, by0=i64, bx1=i64, by1=i64, top=i64, bottom=i64, left=i64,
    x=i64, columns=f64[::1]
)  # fmt: skip
def best_box(gain: cf32[:, ::1]):
    """The rectangle with the largest sum: (sum, x0, y0, x1, y1); O(H^2 W)."""
    height, width = gain.shape[0], gain.shape[1]
    best, bx0, by0, bx1, by1 = 0.0, 0, 0, 0, 0
    columns = np.zeros(width, np.float64)
    with cython.nogil:
        for top in range(height):
            columns[:] = 0
            for bottom in range(top, height):
                running, left = 0.0, 0
                for x in range(width):
                    columns[x] += gain[bottom, x]
                    if running <= 0:
                        running, left = 0.0, x
                    running += columns[x]
                    if running > best:
                        best, bx0, by0, bx1, by1 = running, left, top, x + 1, bottom + 1
    return best, bx0, by0, bx1, by1
