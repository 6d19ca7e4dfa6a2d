"""Undoing the row filters of PNG (ISO/IEC 15948, clause 9), for the 16-bit files that Pillow would cut to 8 bits."""

# mypy: ignore-errors

import cython
from cython import cast, void
from cython.cimports.kontur.kernels.common import i32, i64, u8


@cython.locals(height=i64, y=i64)
def unfilter(rows: u8[:, ::1], pixel_bytes: i64):
    """Undo the filters in place; False for an unknown filter type.

    rows: (H, 1 + bytes a row) uint8; the first byte of a row is its filter type, 0 to 4.
    """
    height = rows.shape[0]
    if pixel_bytes < 1:
        raise ValueError(f"pixel_bytes: expected 1 or more, got {pixel_bytes}")
    for y in range(height):
        if rows[y, 0] > 4:
            return False
    with cython.nogil:
        _unfilter(rows, pixel_bytes)
    return True


@cython.cfunc
@cython.nogil
@cython.locals(
    left=i32, up=i32, corner=i32, guess=i32, to_left=i32, to_up=i32, to_corner=i32, height=i64, width=i64, y=i64,
    x=i64, kind=u8
)  # fmt: skip
def _unfilter(rows: u8[:, ::1], pixel_bytes: i64) -> void:
    height, width = rows.shape[0], rows.shape[1]
    for y in range(height):
        kind = rows[y, 0]
        for x in range(1, width):
            left = rows[y, x - pixel_bytes] if x > pixel_bytes else 0
            up = rows[y - 1, x] if y else 0
            corner = rows[y - 1, x - pixel_bytes] if y and x > pixel_bytes else 0
            guess = 0
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
            rows[y, x] = cast(u8, (rows[y, x] + guess) & 255)
