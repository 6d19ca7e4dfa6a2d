"""The compiled loop of Panoptic-DeepLab: the centre nearest to where each pixel points."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def nearest(centres, offsets, foreground, groups):  # type: ignore[no-untyped-def]
    """centres: (N, 2) float32, N >= 1.   offsets: (2, H, W) float32.   groups: (H, W) int32, written on the foreground."""
    height, width = foreground.shape
    for row in range(height):
        last = 0
        for column in range(width):
            if not foreground[row, column]:
                continue
            y = np.float32(row) + offsets[0, row, column]
            x = np.float32(column) + offsets[1, row, column]
            # Mostly the left neighbour's centre; starting with it, few others come nearer.
            down, right = y - centres[last, 0], x - centres[last, 1]
            best, nearest = down * down + right * right, last
            for n in range(len(centres)):
                down = y - centres[n, 0]
                square = down * down
                if square > best:
                    continue
                right = x - centres[n, 1]
                square += right * right
                if square < best or (square == best and n < nearest):
                    best, nearest = square, n
            groups[row, column] = nearest + 1
            last = nearest
