"""The compiled loops of thinning: second derivatives, and suppression across the boundary."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast
from cython.cimports.kontur.kernels.common import cf32, ci64, cu8, f32, f64, i64, u8
from cython.cimports.libc.math import sqrtf

# Squared cosines to the direction across from which on a pixel lies across. At 45 degrees the next ones along both axes do, but
# a line along an axis goes on diagonally.
_BESIDE = cython.declare(cython.double, 0.42)
_DIAGONAL = cython.declare(cython.double, 0.6)
_BEYOND = cython.declare(cython.double, 0.85)


@cython.locals(
    height=i64, width=i64, y=i64, up=i64, down=i64, x=i64, left=i64, right=i64, dx=f32[:, ::1], dy=f32[:, ::1],
    xx=f32[:, ::1], xy=f32[:, ::1], yy=f32[:, ::1]
)  # fmt: skip
def hessian(smooth: cf32[:, ::1]):
    height, width = smooth.shape[0], smooth.shape[1]
    dx, dy = np.empty_like(smooth), np.empty_like(smooth)
    with cython.nogil:
        for y in range(height):
            up, down = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                dx[y, x] = (smooth[y, right] - smooth[y, left]) / cast(f32, max(right - left, 1))
                dy[y, x] = (smooth[down, x] - smooth[up, x]) / cast(f32, max(down - up, 1))
    xx, xy, yy = np.empty_like(smooth), np.empty_like(smooth), np.empty_like(smooth)
    with cython.nogil:
        for y in range(height):
            up, down = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                xx[y, x] = (dx[y, right] - dx[y, left]) / cast(f32, max(right - left, 1))
                xy[y, x] = (dx[down, x] - dx[up, x]) / cast(f32, max(down - up, 1))
                yy[y, x] = (dy[down, x] - dy[up, x]) / cast(f32, max(down - up, 1))
    return xx.base, xy.base, yy.base


@cython.cfunc
@cython.nogil
@cython.locals(a=f32, b=f32, length=f32, cosine=f32, nx=f32, ny=f32)
def _across(xx: f32, xy: f32, yy: f32) -> tuple[f32, f32]:
    """Unit vector (x, y) of the greatest absolute curvature; x where there is none."""
    # The angle of the greatest eigenvalue is half that of (xx - yy, 2 xy); the least lies at right angles to it.
    a, b = xx - yy, cast(f32, 2) * xy
    length = sqrtf(a * a + b * b)
    if length <= 0:
        return cast(f32, 1), cast(f32, 0)
    cosine = a / length
    nx = sqrtf(max((cast(f32, 1) + cosine) * cast(f32, 0.5), cast(f32, 0)))
    ny = sqrtf(max((cast(f32, 1) - cosine) * cast(f32, 0.5), cast(f32, 0)))
    if b < 0:
        ny = -ny
    if xx + yy < 0:
        return -ny, nx
    return nx, ny


@cython.cfunc
@cython.nogil
@cython.locals(fx=f32, fy=f32, top=f32, low=f32, height=i64, width=i64, x0=i64, y0=i64, x1=i64, y1=i64)
def _between(values: cf32[:, ::1], x: f32, y: f32) -> f32:
    """Bilinear value at (x, y); outside, that of the nearest pixel."""
    height, width = values.shape[0], values.shape[1]
    x = min(max(x, cast(f32, 0)), cast(f32, width - 1))
    y = min(max(y, cast(f32, 0)), cast(f32, height - 1))
    x0, y0 = cast(i64, x), cast(i64, y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    fx, fy = x - cast(f32, x0), y - cast(f32, y0)
    top = values[y0, x0] + fx * (values[y0, x1] - values[y0, x0])
    low = values[y1, x0] + fx * (values[y1, x1] - values[y1, x0])
    return top + fy * (low - top)


@cython.locals(
    keep=cython.bint, value=f32, nx=f32, ny=f32, px=f32, py=f32, fx=f32, fy=f32, height=i64, width=i64, y=i64, x=i64,
    d=i64, n=i64, p=i64, out=f32[:, ::1], places=i64[::1], order=ci64[::1], kept=u8[:, ::1]
)  # fmt: skip
def suppressed(strength: cf32[:, ::1], xx: cf32[:, ::1], xy: cf32[:, ::1], yy: cf32[:, ::1], slack: f32, reach: i64):
    height, width = strength.shape[0], strength.shape[1]
    out = np.zeros_like(strength)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                value = strength[y, x] * slack
                if value <= 0:
                    continue
                nx, ny = _across(xx[y, x], xy[y, x], yy[y, x])
                keep = True
                for d in range(1, reach + 1):
                    px, py = cast(f32, d) * nx, cast(f32, d) * ny
                    fx, fy = cast(f32, x), cast(f32, y)
                    if _between(strength, fx + px, fy + py) > value or _between(strength, fx - px, fy - py) > value:
                        keep = False
                        break
                if keep:
                    out[y, x] = strength[y, x]
    # The slack and the pixels' grid keep several pixels across the boundary: the strongest stays. The curvature, which is
    # greatest in the middle, decides between the pixels of a flat top.
    places = np.flatnonzero(out)
    order = places.base[np.argsort((np.asarray(xx) + yy - out).ravel()[places], kind="mergesort")]
    kept = np.zeros((height, width), np.bool_)
    with cython.nogil:
        for n in range(order.shape[0]):
            p = order[n]
            y, x = p // width, p % width
            nx, ny = _across(xx[y, x], xy[y, x], yy[y, x])
            kept[y, x] = not _has_kept_across(kept, y, x, nx, ny, reach)
            if not kept[y, x]:
                out[y, x] = 0
    return out.base


@cython.cfunc
@cython.nogil
@cython.locals(off=f64, height=i64, width=i64, qy=i64, qx=i64, dx=i64, dy=i64, length=i64)
def _has_kept_across(kept: cu8[:, ::1], y: i64, x: i64, nx: f32, ny: f32, reach: i64) -> bint:
    height, width = kept.shape[0], kept.shape[1]
    for qy in range(max(y - reach, 0), min(y + reach + 1, height)):
        for qx in range(max(x - reach, 0), min(x + reach + 1, width)):
            if not kept[qy, qx]:
                continue
            dx, dy = qx - x, qy - y
            off = cast(f64, dx) * nx + cast(f64, dy) * ny
            length = dx * dx + dy * dy
            if off * off >= (_BESIDE if length == 1 else _DIAGONAL if length == 2 else _BEYOND) * length:
                return True
    return False
