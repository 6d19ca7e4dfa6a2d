"""The compiled loops of watershed superpixels: gradient, and markers at its weakest."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def gradient_of(planes, relief):  # type: ignore[no-untyped-def]
    channels, height, width = planes.shape
    total = np.empty(width, np.int32)
    for y in range(height):
        total[:] = 0
        for c in range(channels):
            up, row, down = planes[c, max(y - 1, 0)], planes[c, y], planes[c, min(y + 1, height - 1)]
            for x in range(width):
                total[x] += abs(np.int32(down[x]) - np.int32(up[x]))
            for x in range(1, width - 1):
                total[x] += abs(np.int32(row[x + 1]) - np.int32(row[x - 1]))
            if width > 1:
                total[0] += abs(np.int32(row[1]) - np.int32(row[0]))
                total[width - 1] += abs(np.int32(row[width - 1]) - np.int32(row[width - 2]))
        for x in range(width):
            relief[y, x] = min(total[x] // 2, 65535)


@njit(cache=True, nogil=True)
def to_weakest(relief, cells, rows, columns, reach):  # type: ignore[no-untyped-def]
    """Move each marker to the weakest gradient of its cell within `reach` pixels; of equal ones to the nearest."""
    height, width = relief.shape
    for n in range(len(rows)):
        y0, x0 = rows[n], columns[n]
        best = np.int64(1) << 60
        for y in range(max(0, y0 - reach), min(height, y0 + reach + 1)):
            for x in range(max(0, x0 - reach), min(width, x0 + reach + 1)):
                if cells[y, x] == n:
                    key = (np.int64(relief[y, x]) << 32) + (y - y0) ** 2 + (x - x0) ** 2
                    if key < best:
                        best = key
                        rows[n], columns[n] = y, x
