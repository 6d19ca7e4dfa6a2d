"""RGB to CIE L*a*b* by tables: no power or cube root a pixel.

Source: IEC 61966-2-1 (sRGB), CIE 15:2004 (L*a*b*), white point D65 of the 2-degree observer (0.95047, 1, 1.08883).
The tables are read with linear interpolation; L*, a* and b* differ from the exact formulas by less than 0.01.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

_STEPS = 4096
# Rows: X, Y, Z over their white point from linear red, green, blue.
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])


@cache
def tables() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """sRGB to linear light and the cube root of L*a*b*, over [0, 1] in 4096 steps (one more at the end); the matrix."""
    t = np.arange(_STEPS + 2) / _STEPS
    linear = np.where(t > 0.04045, ((t + 0.055) / 1.055) ** 2.4, t / 12.92)
    root = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return linear.astype(np.float32), root.astype(np.float32), (_XYZ / _WHITE[:, None]).astype(np.float32)


def rgb_to_lab(rgb: NDArray) -> NDArray[np.float32]:
    """L* in [0, 100], a* and b* in about [-108, 99] of sRGB pixels.

    rgb: (H, W, 3) uint8, or float32 in [0, 1] (values outside are clipped).   returns (H, W, 3) float32.
    """
    lab = np.empty(rgb.shape, np.float32)
    _convert(np.ascontiguousarray(rgb if rgb.dtype == np.uint8 else rgb.astype(np.float32, copy=False)), lab, *tables())
    return lab


@cache
def _byte_tables() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Each byte's part in X, Y, Z, (3, 3, 256), of 2^22; the cube root of 2^14 steps, of 2^13."""
    linear, _, matrix = tables()
    parts = np.rint(matrix[:, :, None].astype(np.float64) * byte_table(linear) * (1 << 22)).astype(np.int32)
    t = (np.arange((1 << 14) + 2) + 0.5) / (1 << 14)  # a step is read at its middle
    root = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return parts, np.rint(root * (1 << 13)).astype(np.int32)


def bytes_to_lab_planes(rgb: NDArray[np.uint8]) -> NDArray[np.int16]:
    """8 L*, 8 (a* + 128), 8 (b* + 128) of sRGB bytes (H, W, 3) -> (3, H, W) int16, off by less than 3."""
    planes = np.empty((3, *rgb.shape[:2]), np.int16)
    _bytes_to_lab_planes(rgb, planes, *_byte_tables())
    return planes


@njit(cache=True, nogil=True)
def _bytes_to_lab_planes(rgb, planes, parts, root):  # type: ignore[no-untyped-def]
    height, width = rgb.shape[:2]
    half = 1 << 12
    for y in range(height):
        for x in range(width):
            r, g, b = int(rgb[y, x, 0]), int(rgb[y, x, 1]), int(rgb[y, x, 2])
            fx = root[(parts[0, 0, r] + parts[0, 1, g] + parts[0, 2, b]) >> 8]
            fy = root[(parts[1, 0, r] + parts[1, 1, g] + parts[1, 2, b]) >> 8]
            fz = root[(parts[2, 0, r] + parts[2, 1, g] + parts[2, 2, b]) >> 8]
            planes[0, y, x] = np.int16((8 * 116 * fy + half - (8 * 16 << 13)) >> 13)
            planes[1, y, x] = np.int16((8 * 500 * (fx - fy) + half + (8 * 128 << 13)) >> 13)
            planes[2, y, x] = np.int16((8 * 200 * (fy - fz) + half + (8 * 128 << 13)) >> 13)


@njit(cache=True, nogil=True)
def lab_of(red, green, blue, root, matrix):  # type: ignore[no-untyped-def]
    """One pixel from linear light."""
    one, scale = np.float32(1), np.float32(_STEPS)
    fx = fy = fz = np.float32(0)
    for axis in range(3):
        t = matrix[axis, 0] * red + matrix[axis, 1] * green + matrix[axis, 2] * blue
        position = min(max(t, np.float32(0)), one) * scale
        i = np.int32(position)
        f = root[i] + (root[i + 1] - root[i]) * (position - np.float32(i))
        if axis == 0:
            fx = f
        elif axis == 1:
            fy = f
        else:
            fz = f
    return (
        np.float32(116) * fy - np.float32(16),
        np.float32(500) * (fx - fy),
        np.float32(200) * (fy - fz),
    )


@njit(cache=True, nogil=True)
def linear_light(value, linear):  # type: ignore[no-untyped-def]
    """One sRGB value in [0, 1] to linear light."""
    position = min(max(np.float32(value), np.float32(0)), np.float32(1)) * np.float32(_STEPS)
    i = np.int32(position)
    return linear[i] + (linear[i + 1] - linear[i]) * (position - np.float32(i))


@njit(cache=True, nogil=True)
def _convert(rgb, lab, linear, root, matrix):  # type: ignore[no-untyped-def]
    height, width = rgb.shape[:2]
    bytes_to_linear = byte_table(linear)
    whole = rgb.itemsize == 1
    for y in range(height):
        for x in range(width):
            if whole:
                r = bytes_to_linear[np.uint8(rgb[y, x, 0])]
                g = bytes_to_linear[np.uint8(rgb[y, x, 1])]
                b = bytes_to_linear[np.uint8(rgb[y, x, 2])]
            else:
                r = linear_light(rgb[y, x, 0], linear)
                g = linear_light(rgb[y, x, 1], linear)
                b = linear_light(rgb[y, x, 2], linear)
            lab[y, x, 0], lab[y, x, 1], lab[y, x, 2] = lab_of(r, g, b, root, matrix)


@njit(cache=True, nogil=True)
def byte_table(linear):  # type: ignore[no-untyped-def]
    """Linear light of the 256 byte values."""
    table = np.empty(256, np.float32)
    for value in range(256):
        table[value] = linear_light(np.float32(value) / np.float32(255), linear)
    return table
