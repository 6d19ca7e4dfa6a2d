"""The compiled loops of SLIC: L*a*b* planes, and rounds of assigning pixels and moving centres."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import bint, cast, void
from cython.cimports.kontur.kernels.common import cf32, ci16, ci32, f32, floor_div, i16, i32, i64, lab_of, linear_light
from cython.cimports.libc.math import ceilf

ids = cython.fused_type(cython.short, cython.int)


@cython.locals(red=f32, green=f32, blue=f32, lightness=f32, a=f32, b=f32, height=i64, width=i64, y=i64, x=i64)
def fill_lab_planes(
    rgb: cf32[:, :, ::1], planes: i16[:, :, ::1], units: f32, linear: cf32[::1], root: cf32[::1], matrix: cf32[:, ::1]
) -> None:  # fmt: skip
    height, width = rgb.shape[0], rgb.shape[1]
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                red = linear_light(rgb[y, x, 0], linear)
                green = linear_light(rgb[y, x, 1], linear)
                blue = linear_light(rgb[y, x, 2], linear)
                lightness, a, b = lab_of(red, green, blue, root, matrix)
                planes[0, y, x] = cast(i16, lightness * units + cast(f32, 0.5))
                # Shifted to be positive, so that cutting off the fraction rounds down everywhere.
                planes[1, y, x] = cast(i16, (a + cast(f32, 128)) * units + cast(f32, 0.5))
                planes[2, y, x] = cast(i16, (b + cast(f32, 128)) * units + cast(f32, 0.5))


def iterate(
    planes: ci16[:, :, ::1], labels: ids[:, ::1], rows: i32[::1], columns: i32[::1], step: f32, weight: f32,
    adaptive: bint, iterations: i64, stride: i64
) -> None:  # fmt: skip
    """Assign and update `iterations` times, each on one row in `stride`, then assign every pixel."""
    count: i64 = rows.shape[0]
    reach: i64 = cast(i64, ceilf(step))
    centre: i16[:, ::1] = np.empty((count, planes.shape[0]), np.int16)
    # SLICO: a colour distance is divided by the largest one its cluster has had, but counted like m at that distance.
    share: f32[::1] = np.ones(count, np.float32)
    best: i16[:, ::1] = np.empty((planes.shape[1], planes.shape[2]), np.int16)
    # Windows are widened to whole vectors: what is left over at a row's end would cost as much as a vector each pixel.
    near_x: i16[::1] = np.empty((reach + 15) // 16 * 32, np.int16)
    total: i64[:, ::1] = np.empty((count, planes.shape[0] + 3), np.int64)
    largest: i32[::1] = np.empty(count, np.int32)
    k: i64
    c: i64
    turn: i64
    phase: i64
    with cython.nogil:
        for k in range(count):
            for c in range(planes.shape[0]):
                centre[k, c] = planes[c, rows[k], columns[k]]
        for turn in range(iterations):
            phase = turn % stride
            _assign(
                planes,
                labels,
                best,
                rows,
                columns,
                centre,
                share,
                adaptive,
                weight / step,
                reach,
                near_x,
                phase,
                stride,
            )
            _update(planes, labels, rows, columns, centre, total, phase, stride)
            if adaptive:
                _share_out(planes, labels, centre, share, largest, weight, phase, stride)
        _assign(planes, labels, best, rows, columns, centre, share, adaptive, weight / step, reach, near_x, 0, 1)


@cython.cfunc
@cython.nogil
@cython.locals(
    channels=i64, height=i64, width=i64, plane=i64, y=i64, x=i64, d=i64, k=i64, c=i64, wide=i64, left=i64, right=i64,
    top=i64, bottom=i64, near_y=i16, colour=i16, e=i16, near=cython.p_short
)  # fmt: skip
def _assign(
    planes: ci16[:, :, ::1], labels: ids[:, ::1], best: i16[:, ::1], rows: ci32[::1], columns: ci32[::1],
    centre: ci16[:, ::1], share: cf32[::1], adaptive: bint, per_pixel: f32, reach: i64, near_x: i16[::1], phase: i64,
    stride: i64
) -> void:  # fmt: skip
    """Give each pixel of the rows phase, phase + stride, .. to the nearest cluster whose window holds it."""
    v: cython.pointer(ci16)
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    plane = height * width
    y = phase
    while y < height:
        for x in range(width):
            # Outside the mask nothing is nearer than -1.
            best[y, x] = -1 if labels[y, x] < 0 else 32767
        y += stride
    wide = near_x.shape[0] // 2
    for d in range(2 * wide):
        near_x[d] = _near(per_pixel, d - wide)
    for k in range(rows.shape[0]):
        left, right = max(0, columns[k] - wide), min(width, columns[k] + wide)
        top, bottom = max(0, rows[k] - reach), min(height, rows[k] + reach + 1)
        near = cython.address(near_x[left - (columns[k] - wide)])
        y = top + (phase - top % stride + stride) % stride
        while y < bottom:
            near_y = _near(per_pixel, y - rows[k])
            v = cython.address(planes[0, y, left])
            if channels == 3 and adaptive:
                _shared_row3(
                    v, v + plane, v + 2 * plane, near, cython.address(best[y, left]), cython.address(labels[y, left]),
                    right - left, centre[k, 0], centre[k, 1], centre[k, 2], near_y, share[k], k,
                )  # fmt: skip
            elif channels == 3:
                _row3(
                    v, v + plane, v + 2 * plane, near, cython.address(best[y, left]), cython.address(labels[y, left]),
                    right - left, centre[k, 0], centre[k, 1], centre[k, 2], near_y, k,
                )  # fmt: skip
            else:
                for x in range(left, right):
                    colour = 0
                    for c in range(channels):
                        colour = cast(i16, colour + abs(planes[c, y, x] - centre[k, c]))
                    e = cast(i16, cast(i16, cast(f32, colour) * share[k]) + near[x - left] + near_y)
                    if e < best[y, x]:
                        best[y, x] = e
                        labels[y, x] = k
            y += stride


@cython.cfunc
@cython.nogil
def _near(per_pixel: f32, steps: i64) -> i16:
    """What a distance of so many pixels costs; not more than fits beside three colour distances."""
    return cast(i16, min(per_pixel * cast(f32, -steps if steps < 0 else steps), cast(f32, 9000)))


@cython.cfunc
@cython.nogil
@cython.locals(x=i64, d=i16, old=i16, before=ids, new=ids)
def _row3(
    u: cython.pointer(ci16), v: cython.pointer(ci16), w: cython.pointer(ci16), near: cython.p_short,
    best: cython.p_short, labels: cython.pointer(ids), n: i64, a: i16, b: i16, c: i16, near_y: i16, k: i64
) -> void:  # fmt: skip
    """One row of one cluster's window, three planes: plain int16, which the compiler turns into vector instructions."""
    new = cast(i32, k)
    for x in range(n):
        d = cast(i16, abs(u[x] - a) + abs(v[x] - b) + abs(w[x] - c) + near[x] + near_y)
        old, before = best[x], labels[x]
        best[x] = d if d < old else old
        labels[x] = new if d < old else before


@cython.cfunc
@cython.nogil
@cython.locals(x=i64, colour=i16, d=i16, old=i16, before=ids, new=ids)
def _shared_row3(
    u: cython.pointer(ci16), v: cython.pointer(ci16), w: cython.pointer(ci16), near: cython.p_short,
    best: cython.p_short, labels: cython.pointer(ids), n: i64, a: i16, b: i16, c: i16, near_y: i16, share: f32, k: i64
) -> void:  # fmt: skip
    """The same for SLICO: the colour distance is scaled by the cluster's own share."""
    new = cast(i32, k)
    for x in range(n):
        colour = cast(i16, abs(u[x] - a) + abs(v[x] - b) + abs(w[x] - c))
        d = cast(i16, cast(i16, cast(f32, colour) * share) + near[x] + near_y)
        old, before = best[x], labels[x]
        best[x] = d if d < old else old
        labels[x] = new if d < old else before


@cython.cfunc
@cython.nogil
@cython.locals(
    channels=i64, height=i64, width=i64, y=i64, x=i64, k=i64, c=i64, begin=i64, end=i64, n=i64, part=i64
)  # fmt: skip
def _update(
    planes: ci16[:, :, ::1], labels: ids[:, ::1], rows: i32[::1], columns: i32[::1], centre: i16[:, ::1],
    total: i64[:, ::1], phase: i64, stride: i64
) -> void:  # fmt: skip
    """Move each centre to the mean of its pixels in these rows. total (K, C + 3): planes, then x, y, pixels."""
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    total[:, :] = 0
    y = phase
    while y < height:
        begin = 0
        while begin < width:
            k = labels[y, begin]
            end = begin + 1
            while end < width and labels[y, end] == k:
                end += 1
            if k >= 0:
                for c in range(channels):
                    part = 0
                    for x in range(begin, end):
                        part += planes[c, y, x]
                    total[k, c] += part
                total[k, channels] += (begin + end - 1) * (end - begin) // 2
                total[k, channels + 1] += y * (end - begin)
                total[k, channels + 2] += end - begin
            begin = end
        y += stride
    for k in range(rows.shape[0]):
        n = total[k, channels + 2]
        if n:
            for c in range(channels):
                centre[k, c] = cast(i16, floor_div(total[k, c] + n // 2, n))
            columns[k] = (total[k, channels] + n // 2) // n
            rows[k] = (total[k, channels + 1] + n // 2) // n


@cython.cfunc
@cython.nogil
@cython.locals(y=i64, x=i64, k=i64, c=i64, d=i32)
def _share_out(
    planes: ci16[:, :, ::1], labels: ids[:, ::1], centre: ci16[:, ::1], share: f32[::1], largest: i32[::1],
    weight: f32, phase: i64, stride: i64
) -> void:  # fmt: skip
    """SLICO: each cluster's share is m over the largest colour distance it has had."""
    largest[:] = 0
    y = phase
    while y < planes.shape[1]:
        for x in range(planes.shape[2]):
            k = labels[y, x]
            if k >= 0:
                d = 0
                for c in range(planes.shape[0]):
                    d += abs(planes[c, y, x] - centre[k, c])
                largest[k] = max(largest[k], d)
        y += stride
    for k in range(share.shape[0]):
        share[k] = min(share[k], weight / cast(f32, max(largest[k], 1)))
