"""The compiled loop of local binary patterns."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def codes(grey, rows, columns):  # type: ignore[no-untyped-def]
    height, width = grey.shape
    points = len(rows)
    codes = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            # Interpolating equal values may lose the last bit; a flat patch must still count as "at least as bright".
            least = np.float64(grey[y, x]) - 1e-7
            changes = bright = 0
            first = before = False
            for p in range(points):
                v, u = y + rows[p], x + columns[p]
                top, left = int(np.floor(v)), int(np.floor(u))
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
    return codes
