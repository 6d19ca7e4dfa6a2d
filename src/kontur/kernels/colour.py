"""RGB to CIE L*a*b* by tables: no power or cube root a pixel.

Source: IEC 61966-2-1 (sRGB), CIE 15:2004 (L*a*b*), white point D65 of the 2-degree observer (0.95047, 1, 1.08883).
The tables are read with linear interpolation; L*, a* and b* differ from the exact formulas by less than 0.01.
"""

# mypy: ignore-errors

from functools import cache

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, cu8, f32, i16, i32, i64, lab_of, linear_light, u8
from numpy.typing import NDArray

from .door import array

_STEPS = 4096  # as in `linear_light` and `lab_of` of common.pxd
# Rows: X, Y, Z over their white point from linear red, green, blue.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])


@cache
def tables() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """sRGB to linear light and the cube root of L*a*b*, over [0, 1] in 4096 steps (one more at the end); the matrix."""
    t = np.arange(_STEPS + 2) / _STEPS
    linear = np.where(t > 0.04045, ((t + 0.055) / 1.055) ** 2.4, t / 12.92)
    root = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16.0 / 116.0)
    return linear.astype(np.float32), root.astype(np.float32), (_XYZ / _WHITE[:, None]).astype(np.float32)


def rgb_to_lab(rgb: NDArray) -> NDArray[np.float32]:
    """L* in [0, 100], a* and b* in about [-108, 99] of sRGB pixels.

    rgb: (H, W, 3) uint8, or float32 in [0, 1] (values outside are clipped).   returns (H, W, 3) float32.
    """
    rgb = np.asarray(rgb)
    rgb = array("rgb", rgb, np.uint8 if rgb.dtype == np.uint8 else np.float32, None, None, 3)
    lab = np.empty(rgb.shape, np.float32)
    if rgb.dtype == np.uint8:
        _bytes_to_lab(rgb, lab, *tables())
    else:
        _floats_to_lab(rgb, lab, *tables())
    return lab


@cache
def _byte_tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Each byte's part in X, Y, Z, (3, 3, 256), of 2^22; the cube root of 2^14 steps, of 2^13."""
    linear, _, matrix = tables()
    parts = np.rint(matrix[:, :, None].astype(np.float64) * byte_table(linear) * (1 << 22)).astype(np.int32)
    t = (np.arange((1 << 14) + 2) + 0.5) / (1 << 14)  # a step is read at its middle
    root = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16.0 / 116.0)
    return parts, np.rint(root * (1 << 13)).astype(np.int32)


def bytes_to_lab_planes(rgb: NDArray[np.uint8]) -> NDArray[np.int16]:
    """8 L*, 8 (a* + 128), 8 (b* + 128) of sRGB bytes (H, W, 3) -> (3, H, W) int16, off by less than 3."""
    rgb = array("rgb", rgb, np.uint8, None, None, 3)
    planes = np.empty((3, *rgb.shape[:2]), np.int16)
    _bytes_to_lab_planes(rgb, planes, *_byte_tables())
    return planes


@cython.locals(fx=i32, fy=i32, fz=i32, height=i64, width=i64, half=i64, y=i64, x=i64, r=u8, g=u8, b=u8)
def _bytes_to_lab_planes(rgb: cu8[:, :, ::1], planes: i16[:, :, ::1], parts: ci32[:, :, ::1], root: ci32[::1]):
    height, width = rgb.shape[0], rgb.shape[1]
    half = 1 << 12
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                r, g, b = rgb[y, x, 0], rgb[y, x, 1], rgb[y, x, 2]
                fx = root[(parts[0, 0, r] + parts[0, 1, g] + parts[0, 2, b]) >> 8]
                fy = root[(parts[1, 0, r] + parts[1, 1, g] + parts[1, 2, b]) >> 8]
                fz = root[(parts[2, 0, r] + parts[2, 1, g] + parts[2, 2, b]) >> 8]
                planes[0, y, x] = cast(i16, (8 * 116 * fy + half - (8 * 16 << 13)) >> 13)
                planes[1, y, x] = cast(i16, (8 * 500 * (fx - fy) + half + (8 * 128 << 13)) >> 13)
                planes[2, y, x] = cast(i16, (8 * 200 * (fy - fz) + half + (8 * 128 << 13)) >> 13)


@cython.locals(r=f32, g=f32, b=f32, height=i64, width=i64, y=i64, x=i64, bytes_to_linear=f32[::1])
def _bytes_to_lab(rgb: cu8[:, :, ::1], lab: f32[:, :, ::1], linear: cf32[::1], root: cf32[::1], matrix: cf32[:, ::1]):
    height, width = rgb.shape[0], rgb.shape[1]
    bytes_to_linear = byte_table(linear)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                r, g, b = bytes_to_linear[rgb[y, x, 0]], bytes_to_linear[rgb[y, x, 1]], bytes_to_linear[rgb[y, x, 2]]
                lab[y, x, 0], lab[y, x, 1], lab[y, x, 2] = lab_of(r, g, b, root, matrix)


@cython.locals(r=f32, g=f32, b=f32, height=i64, width=i64, y=i64, x=i64)
def _floats_to_lab(rgb: cf32[:, :, ::1], lab: f32[:, :, ::1], linear: cf32[::1], root: cf32[::1], matrix: cf32[:, ::1]):
    height, width = rgb.shape[0], rgb.shape[1]
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                r, g = linear_light(rgb[y, x, 0], linear), linear_light(rgb[y, x, 1], linear)
                b = linear_light(rgb[y, x, 2], linear)
                lab[y, x, 0], lab[y, x, 1], lab[y, x, 2] = lab_of(r, g, b, root, matrix)


@cython.locals(value=i64, table=f32[::1])
def byte_table(linear: cf32[::1]):
    """Linear light of the 256 byte values."""
    table = np.empty(256, np.float32)
    with cython.nogil:
        for value in range(256):
            table[value] = linear_light(cast(f32, value) / cast(f32, 255), linear)
    return table.base
