"""The compiled loops of thinning: second derivatives, and suppression across the boundary."""

from __future__ import annotations

import numpy as np
from numba import njit

# Squared cosines to the direction across from which on a pixel lies across. At 45 degrees the next ones along both axes do, but
# a line along an axis goes on diagonally.
_BESIDE, _DIAGONAL, _BEYOND = 0.42, 0.6, 0.85


@njit(cache=True, nogil=True)
def hessian(smooth):  # type: ignore[no-untyped-def]
    height, width = smooth.shape
    dx, dy = np.empty_like(smooth), np.empty_like(smooth)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            dx[y, x] = (smooth[y, right] - smooth[y, left]) / np.float32(max(right - left, 1))
            dy[y, x] = (smooth[down, x] - smooth[up, x]) / np.float32(max(down - up, 1))
    xx, xy, yy = np.empty_like(smooth), np.empty_like(smooth), np.empty_like(smooth)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            xx[y, x] = (dx[y, right] - dx[y, left]) / np.float32(max(right - left, 1))
            xy[y, x] = (dx[down, x] - dx[up, x]) / np.float32(max(down - up, 1))
            yy[y, x] = (dy[down, x] - dy[up, x]) / np.float32(max(down - up, 1))
    return xx, xy, yy


@njit(nogil=True, inline="always")
def _across(xx, xy, yy):  # type: ignore[no-untyped-def]
    """Unit vector (x, y) of the greatest absolute curvature; x where there is none."""
    # The angle of the greatest eigenvalue is half that of (xx - yy, 2 xy); the least lies at right angles to it.
    a, b = xx - yy, np.float32(2) * xy
    length = np.sqrt(a * a + b * b)
    if length <= 0:
        return np.float32(1), np.float32(0)
    cosine = a / length
    nx = np.sqrt(max((np.float32(1) + cosine) * np.float32(0.5), np.float32(0)))
    ny = np.sqrt(max((np.float32(1) - cosine) * np.float32(0.5), np.float32(0)))
    if b < 0:
        ny = -ny
    if xx + yy < 0:
        return -ny, nx
    return nx, ny


@njit(nogil=True, inline="always")
def _between(values, x, y):  # type: ignore[no-untyped-def]
    """Bilinear value at (x, y); outside, that of the nearest pixel."""
    height, width = values.shape
    x = min(max(x, np.float32(0)), np.float32(width - 1))
    y = min(max(y, np.float32(0)), np.float32(height - 1))
    x0, y0 = np.int64(x), np.int64(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    fx, fy = x - np.float32(x0), y - np.float32(y0)
    top = values[y0, x0] + fx * (values[y0, x1] - values[y0, x0])
    low = values[y1, x0] + fx * (values[y1, x1] - values[y1, x0])
    return top + fy * (low - top)


@njit(cache=True, nogil=True)
def suppressed(strength, xx, xy, yy, slack, reach):  # type: ignore[no-untyped-def]
    height, width = strength.shape
    out = np.zeros_like(strength)
    for y in range(height):
        for x in range(width):
            value = strength[y, x] * slack
            if value <= 0:
                continue
            nx, ny = _across(xx[y, x], xy[y, x], yy[y, x])
            keep = True
            for d in range(1, reach + 1):
                px, py = np.float32(d) * nx, np.float32(d) * ny
                fx, fy = np.float32(x), np.float32(y)
                if _between(strength, fx + px, fy + py) > value or _between(strength, fx - px, fy - py) > value:
                    keep = False
                    break
            if keep:
                out[y, x] = strength[y, x]
    # The slack and the pixels' grid keep several pixels across the boundary: the strongest stays. The curvature, which is
    # greatest in the middle, decides between the pixels of a flat top.
    places = np.flatnonzero(out)
    order = places[np.argsort((xx + yy - out).ravel()[places], kind="mergesort")]
    kept = np.zeros((height, width), np.bool_)
    for p in order:
        y, x = p // width, p % width
        nx, ny = _across(xx[y, x], xy[y, x], yy[y, x])
        kept[y, x] = not _has_kept_across(kept, y, x, nx, ny, reach)
        if not kept[y, x]:
            out[y, x] = 0
    return out


@njit(nogil=True, inline="always")
def _has_kept_across(kept, y, x, nx, ny, reach):  # type: ignore[no-untyped-def]
    height, width = kept.shape
    for qy in range(max(y - reach, 0), min(y + reach + 1, height)):
        for qx in range(max(x - reach, 0), min(x + reach + 1, width)):
            if not kept[qy, qx]:
                continue
            dx, dy = qx - x, qy - y
            off = dx * nx + dy * ny
            length = dx * dx + dy * dy
            if off * off >= (_BESIDE if length == 1 else _DIAGONAL if length == 2 else _BEYOND) * length:
                return True
    return False
