"""Undoing the row filters of PNG (ISO/IEC 15948, clause 9), for the 16-bit files that Pillow would cut to 8 bits."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def unfilter(rows: NDArray[np.uint8], pixel_bytes: int) -> bool:
    """Undo the filters in place; False for an unknown filter type.

    rows: (H, 1 + bytes a row) uint8; the first byte of a row is its filter type, 0 to 4.
    """
    height, width = rows.shape
    for y in range(height):
        kind = rows[y, 0]
        if kind > 4:
            return False
        for x in range(1, width):
            left = np.int32(rows[y, x - pixel_bytes]) if x > pixel_bytes else np.int32(0)
            up = np.int32(rows[y - 1, x]) if y else np.int32(0)
            corner = np.int32(rows[y - 1, x - pixel_bytes]) if y and x > pixel_bytes else np.int32(0)
            guess = np.int32(0)
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) >> 1
            elif kind == 4:  # Paeth: whichever of the three is nearest to left + up - corner
                to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                if to_left <= to_up and to_left <= to_corner:
                    guess = left
                elif to_up <= to_corner:
                    guess = up
                else:
                    guess = corner
            rows[y, x] = np.uint8((np.int32(rows[y, x]) + guess) & 255)
    return True
