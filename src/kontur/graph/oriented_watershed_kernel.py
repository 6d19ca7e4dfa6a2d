"""The compiled loops of the oriented watershed: minima, structure tensor, strength along the arcs."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, cu16, f32, f64, i32, i64, u16
from cython.cimports.libc.math import sqrtf


@cython.locals(
    dx=f32, dy=f32, height=i64, width=i64, y=i64, up=i64, down=i64, x=i64, left=i64, right=i64, xx=f32[:, ::1],
    xy=f32[:, ::1], yy=f32[:, ::1]
)  # fmt: skip
def products(strength: cf32[:, ::1]):
    height, width = strength.shape[0], strength.shape[1]
    xx, xy, yy = np.empty_like(strength), np.empty_like(strength), np.empty_like(strength)
    with cython.nogil:
        for y in range(height):
            up, down = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                dx = (strength[y, right] - strength[y, left]) / cast(f32, max(right - left, 1))
                dy = (strength[down, x] - strength[up, x]) / cast(f32, max(down - up, 1))
                xx[y, x], xy[y, x], yy[y, x] = dx * dx, dx * dy, dy * dy
    return xx.base, xy.base, yy.base


@cython.cfunc
@cython.nogil
@cython.locals(a=f32, b=f32, c=f32, greatest=f32, share=f32)
def _along(
    strength: cf32[:, ::1], xx: cf32[:, ::1], xy: cf32[:, ::1], yy: cf32[:, ::1], first: i64, y0: i64, x0: i64,
    y1: i64, x1: i64, nx: f32, ny: f32, aligned: f32
) -> f32:  # fmt: skip
    if strength[y1, x1] > strength[y0, x0]:
        y0, x0 = y1, x1
    a, b, c = xx[y0 - first, x0], xy[y0 - first, x0], yy[y0 - first, x0]
    greatest = cast(f32, 0.5) * (a + c + sqrtf((a - c) * (a - c) + cast(f32, 4) * b * b))
    if greatest <= 0 or (nx == 0 and ny == 0):
        return strength[y0, x0]
    share = (a * nx * nx + cast(f32, 2) * b * nx * ny + c * ny * ny) / greatest
    return strength[y0, x0] * min(max(share / aligned, cast(f32, 0)), cast(f32, 1))


@cython.locals(nx=f32, ny=f32, height=i64, width=i64, y=i64, x=i64)
def weigh(
    strength: cf32[:, ::1], xx: cf32[:, ::1], xy: cf32[:, ::1], yy: cf32[:, ::1], first: i64, across: cf32[:, :, ::1],
    down: cf32[:, :, ::1], right: f32[:, ::1], below: f32[:, ::1], top: i64, stop: i64, aligned: f32
):  # fmt: skip
    """Fill the rows top..stop of right and below. xx, xy, yy: of the rows from `first` on."""
    height, width = strength.shape[0], strength.shape[1]
    with cython.nogil:
        for y in range(top, stop):
            for x in range(width - 1):
                nx, ny = across[y, x, 0], across[y, x, 1]
                right[y, x] = _along(strength, xx, xy, yy, first, y, x, y, x + 1, nx, ny, aligned)
            if y + 1 < height:
                for x in range(width):
                    nx, ny = down[y, x, 0], down[y, x, 1]
                    below[y, x] = _along(strength, xx, xy, yy, first, y, x, y + 1, x, nx, ny, aligned)


@cython.locals(height=i64, width=i64, y=i64, x=i64, least=f64[::1])
def least_inside(strength: cf32[:, ::1], leaves: ci32[:, ::1], count: i64):
    """The least strength in each leaf, (count,) float64."""
    height, width = strength.shape[0], strength.shape[1]
    least = np.ones(count, np.float64)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                least[leaves[y, x] - 1] = min(least[leaves[y, x] - 1], cast(f64, strength[y, x]))
    return least.base


@cython.locals(
    lowest=cython.bint, height=i64, width=i64, count=i64, start=i64, found=i64, done=i64, y=i64, x=i64, k=i64, qy=i64,
    qx=i64, level=u16, other=u16, ids=i32[:, ::1], plateau=i32[::1]
)  # fmt: skip
def minima(relief: cu16[:, ::1]):
    """Plateaus (4-connected) without a lower 4-neighbour, numbered from 1 in the order of their first pixels; 0 elsewhere."""
    height, width = relief.shape[0], relief.shape[1]
    ids = np.full((height, width), -1, np.int32)  # -1: not seen yet
    plateau = np.empty(height * width, np.int32)
    count = 0
    with cython.nogil:
        for start in range(height * width):
            if ids[start // width, start % width] >= 0:
                continue
            level = relief[start // width, start % width]
            lowest = True
            plateau[0] = start
            ids[start // width, start % width] = 0
            found, done = 1, 0
            while done < found:
                y, x = plateau[done] // width, plateau[done] % width
                done += 1
                for k in range(4):
                    qy, qx = y + (k == 2) - (k == 0), x + (k == 1) - (k == 3)
                    if not (0 <= qy < height and 0 <= qx < width):
                        continue
                    other = relief[qy, qx]
                    if other < level:
                        lowest = False
                    elif other == level and ids[qy, qx] < 0:
                        ids[qy, qx] = 0
                        plateau[found] = qy * width + qx
                        found += 1
            if lowest:
                count += 1
                for k in range(found):
                    ids[plateau[k] // width, plateau[k] % width] = count
    return ids.base
