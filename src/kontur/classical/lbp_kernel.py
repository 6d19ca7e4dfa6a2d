"""The compiled loop of local binary patterns."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, cf64, f64, i64, u8
from cython.cimports.libc.math import floor


@cython.locals(
    first=cython.bint, before=cython.bint, inside=cython.bint, least=f64, v=f64, u=f64, down=f64, right=f64,
    upper=f64, lower=f64, height=i64, width=i64, points=i64, y=i64, x=i64, changes=i64, bright=i64, p=i64, top=i64,
    left=i64, y0=i64, y1=i64, x0=i64, x1=i64, codes=u8[:, ::1]
)  # fmt: skip
def codes(grey: cf32[:, ::1], rows: cf64[::1], columns: cf64[::1]):
    height, width = grey.shape[0], grey.shape[1]
    points = rows.shape[0]
    codes = np.empty((height, width), np.uint8)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                # Interpolating equal values may lose the last bit; a flat patch must still count as "at least as bright".
                least = cast(f64, grey[y, x]) - 1e-7
                changes = bright = 0
                first = before = False
                for p in range(points):
                    v, u = y + rows[p], x + columns[p]
                    top, left = cast(i64, floor(v)), cast(i64, floor(u))
                    down, right = v - top, u - left
                    y0, y1 = min(max(top, 0), height - 1), min(max(top + 1, 0), height - 1)
                    x0, x1 = min(max(left, 0), width - 1), min(max(left + 1, 0), width - 1)
                    upper = grey[y0, x0] * (1 - right) + grey[y0, x1] * right
                    lower = grey[y1, x0] * (1 - right) + grey[y1, x1] * right
                    inside = upper * (1 - down) + lower * down >= least
                    bright += inside
                    if p == 0:
                        first = inside
                    else:
                        changes += inside != before
                    before = inside
                changes += first != before
                codes[y, x] = bright if changes <= 2 else points + 1
    return codes.base
