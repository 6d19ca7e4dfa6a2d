"""The compiled loop of box proposals: the rectangle of the largest sum."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def best_box(gain):  # type: ignore[no-untyped-def]
    """The rectangle with the largest sum: (sum, x0, y0, x1, y1); O(H^2 W)."""
    height, width = gain.shape
    best, bx0, by0, bx1, by1 = 0.0, 0, 0, 0, 0
    columns = np.zeros(width, np.float64)
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
