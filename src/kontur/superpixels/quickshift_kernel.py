"""The compiled loops of quick shift: densities, nearest higher pixels, roots."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast, void
from cython.cimports.kontur.kernels.common import cf32, f32, float_of_bits, i32, i64
from cython.cimports.libc.math import INFINITY, nextafterf


@cython.locals(
    space=f32, d=f32, difference=f32, channels=i64, height=i64, width=i64, y=i64, x=i64, dy=i64, dx=i64, begin=i64,
    n=i64, there=i64, c=i64, weight=f32[::1]
)  # fmt: skip
def add_density(planes: cf32[:, :, ::1], inside: cf32[:, ::1], reach: i64, rate: f32, density: f32[:, ::1]):
    """Each pair of pixels is weighed once, for both."""
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    weight = np.empty(width, np.float32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                density[y, x] += inside[y, x]
            for dy in range(min(reach, height - 1 - y) + 1):
                for dx in range(1 if dy == 0 else -min(reach, width - 1), min(reach, width - 1) + 1):
                    begin, n = max(0, -dx), width - abs(dx)
                    there = begin + dx
                    space = cast(f32, dy * dy + dx * dx)
                    if channels == 3:
                        _weights3(
                            planes[0, y, begin:], planes[1, y, begin:], planes[2, y, begin:],
                            planes[0, y + dy, there:], planes[1, y + dy, there:], planes[2, y + dy, there:],
                            space, rate, weight, n,
                        )  # fmt: skip
                    else:
                        for x in range(n):
                            d = space
                            for c in range(channels):
                                difference = planes[c, y, begin + x] - planes[c, y + dy, there + x]
                                d += difference * difference
                            weight[x] = _power_of_two(d * rate)
                    _share(weight, inside[y, begin:], inside[y + dy, there:], density[y, begin:], n)
                    _share(weight, inside[y + dy, there:], inside[y, begin:], density[y + dy, there:], n)


@cython.cfunc
@cython.nogil
@cython.locals(i=f32, j=f32, k=f32, x=i64)
def _weights3(
    p: cf32[::1], q: cf32[::1], r: cf32[::1], s: cf32[::1], t: cf32[::1], u: cf32[::1], space: f32, rate: f32,
    weight: f32[::1], n: i64
) -> void:  # fmt: skip
    for x in range(n):
        i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
        weight[x] = _power_of_two((space + i * i + j * j + k * k) * rate)


@cython.cfunc
@cython.nogil
@cython.locals(x=i64)
def _share(weight: cf32[::1], here: cf32[::1], there: cf32[::1], density: f32[::1], n: i64) -> void:
    for x in range(n):
        density[x] += weight[x] * here[x] * there[x]


@cython.cfunc
@cython.nogil
@cython.locals(f=f32, g=f32, p=f32, whole=i32)
def _power_of_two(t: f32) -> f32:
    """2^t for t <= 0, relative error below 1e-6; 0 below 2^-126. Free of branches, so that a loop of it is vectorised."""
    t = max(t, cast(f32, -126))
    whole = cast(i32, t)  # towards 0: the fraction lies in (-1, 0]
    f = t - cast(f32, whole)
    # Taylor's polynomial of 2^f around -1/2, with ln 2 worked in.
    g = (f + cast(f32, 0.5)) * cast(f32, 0.6931471805599453)
    p = cast(f32, 1.0 / 720.0) * g + cast(f32, 1.0 / 120.0)
    p = p * g + cast(f32, 1.0 / 24.0)
    p = p * g + cast(f32, 1.0 / 6.0)
    p = p * g + cast(f32, 0.5)
    p = p * g + cast(f32, 1)
    p = p * g + cast(f32, 1)
    return p * cast(f32, 0.7071067811865476) * float_of_bits((whole + 127) << 23)


@cython.locals(
    earlier=cython.bint, above=f32, space=f32, d=f32, difference=f32, mine=f32, other=f32, first=i32, channels=i64,
    height=i64, width=i64, y=i64, x=i64, dy=i64, dx=i64, begin=i64, n=i64, there=i64, c=i64, best=f32[::1]
)  # fmt: skip
def find_parents(planes: cf32[:, :, ::1], density: cf32[:, ::1], reach: i64, farthest: f32, root: i32[:, ::1]):
    """The flat index of the nearest higher pixel within the distance, or the pixel itself."""
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    best = np.empty(width, np.float32)
    above = nextafterf(farthest, INFINITY)  # a pointer may be as long as the limit
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                best[x] = above
                root[y, x] = y * width + x
            for dy in range(-min(reach, y), min(reach, height - 1 - y) + 1):
                for dx in range(-min(reach, width - 1), min(reach, width - 1) + 1):
                    space = cast(f32, dy * dy + dx * dx)
                    if space > farthest or (dy == 0 and dx == 0):
                        continue
                    begin, n = max(0, -dx), width - abs(dx)
                    there = begin + dx
                    earlier = dy < 0 or (dy == 0 and dx < 0)
                    first = cast(i32, (y + dy) * width + there)
                    if channels == 3:
                        _nearer3(
                            planes[0, y, begin:], planes[1, y, begin:], planes[2, y, begin:],
                            planes[0, y + dy, there:], planes[1, y + dy, there:], planes[2, y + dy, there:],
                            density[y, begin:], density[y + dy, there:], earlier, space, first,
                            best[begin:], root[y, begin:], n,
                        )  # fmt: skip
                    else:
                        for x in range(n):
                            d = space
                            for c in range(channels):
                                difference = planes[c, y, begin + x] - planes[c, y + dy, there + x]
                                d += difference * difference
                            mine, other = density[y, begin + x], density[y + dy, there + x]
                            if d < best[begin + x] and (other > mine or (earlier and other == mine)):
                                best[begin + x] = d
                                root[y, begin + x] = first + x


@cython.cfunc
@cython.nogil
@cython.locals(take=cython.bint, i=f32, j=f32, k=f32, d=f32, x=i64)
def _nearer3(
    p: cf32[::1], q: cf32[::1], r: cf32[::1], s: cf32[::1], t: cf32[::1], u: cf32[::1], mine: cf32[::1],
    other: cf32[::1], earlier: bint, space: f32, first: i32, best: f32[::1], root: i32[::1], n: i64
) -> void:  # fmt: skip
    if earlier:
        for x in range(n):
            i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
            d = space + i * i + j * j + k * k
            take = (d < best[x]) & (other[x] >= mine[x])
            best[x] = d if take else best[x]
            root[x] = first + cast(i32, x) if take else root[x]
    else:
        for x in range(n):
            i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
            d = space + i * i + j * j + k * k
            take = (d < best[x]) & (other[x] > mine[x])
            best[x] = d if take else best[x]
            root[x] = first + cast(i32, x) if take else root[x]


@cython.locals(following=i32, i=i64, top=i64)
def climb(root: i32[::1]):
    """Pointers to parents become pointers to roots."""
    with cython.nogil:
        for i in range(root.shape[0]):
            top = i
            while root[top] != top:
                top = root[top]
            while root[i] != top:
                following = root[i]
                root[i] = top
                i = following
