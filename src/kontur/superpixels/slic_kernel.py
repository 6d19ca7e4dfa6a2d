"""The compiled loops of SLIC: L*a*b* planes, and rounds of assigning pixels and moving centres."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.colour import lab_of, linear_light
from ..kernels.narrow import add16, distance16

_FAR = np.int16(32767)


@njit(cache=True, nogil=True)
def fill_lab_planes(rgb, planes, units, linear, root, matrix):  # type: ignore[no-untyped-def]
    height, width = rgb.shape[:2]
    for y in range(height):
        for x in range(width):
            red = linear_light(rgb[y, x, 0], linear)
            green = linear_light(rgb[y, x, 1], linear)
            blue = linear_light(rgb[y, x, 2], linear)
            lightness, a, b = lab_of(red, green, blue, root, matrix)
            planes[0, y, x] = np.int16(lightness * units + np.float32(0.5))
            # Shifted to be positive, so that cutting off the fraction rounds down everywhere.
            planes[1, y, x] = np.int16((a + np.float32(128)) * units + np.float32(0.5))
            planes[2, y, x] = np.int16((b + np.float32(128)) * units + np.float32(0.5))


@njit(cache=True, nogil=True)
def iterate(planes, labels, rows, columns, step, weight, adaptive, iterations, stride):  # type: ignore[no-untyped-def]
    """Assign and update `iterations` times, each on one row in `stride`, then assign every pixel."""
    channels, height, width = planes.shape
    count = len(rows)
    centre = np.empty((count, channels), np.int16)
    for k in range(count):
        for c in range(channels):
            centre[k, c] = planes[c, rows[k], columns[k]]
    # SLICO: a colour distance is divided by the largest one its cluster has had, but counted like m at that distance.
    share = np.ones(count, np.float32)
    best = np.empty((height, width), np.int16)
    reach = int(np.ceil(step))
    # Windows are widened to whole vectors: what is left over at a row's end would cost as much as a vector each pixel.
    near_x = np.empty((reach + 15) // 16 * 32, np.int16)
    for iteration in range(iterations):
        phase = iteration % stride
        _assign(
            planes, labels, best, rows, columns, centre, share, adaptive, weight / step, reach, near_x, phase, stride
        )
        _update(planes, labels, rows, columns, centre, share, adaptive, weight, phase, stride)
    _assign(planes, labels, best, rows, columns, centre, share, adaptive, weight / step, reach, near_x, 0, 1)


@njit(cache=True, nogil=True)
def _assign(planes, labels, best, rows, columns, centre, share, adaptive, per_pixel, reach, near_x, phase, stride):  # type: ignore[no-untyped-def]
    """Give each pixel of the rows phase, phase + stride, .. to the nearest cluster whose window holds it."""
    channels, height, width = planes.shape
    for y in range(phase, height, stride):
        for x in range(width):
            # Outside the mask nothing is nearer than -1.
            best[y, x] = np.int16(-1) if labels[y, x] < 0 else _FAR
    wide = len(near_x) // 2
    for d in range(2 * wide):
        near_x[d] = np.int16(min(per_pixel * np.float32(abs(d - wide)), np.float32(9000)))
    # Flat arrays and unsigned places: a slice for each short row would cost more than the row.
    values, flat_best, flat_labels = planes.ravel(), best.ravel(), labels.ravel()
    plane = np.uint64(height * width)
    for k in range(len(rows)):
        left, right = max(0, columns[k] - wide), min(width, columns[k] + wide)
        skipped = np.uint64(left - (columns[k] - wide))
        n = np.uint64(right - left)
        top, bottom = max(0, rows[k] - reach), min(height, rows[k] + reach + 1)
        for y in range(top + (phase - top) % stride, bottom, stride):
            near_y = np.int16(min(per_pixel * np.float32(abs(y - rows[k])), np.float32(9000)))
            first = np.uint64(y * width + left)
            if channels == 3:
                a, b, c = centre[k, 0], centre[k, 1], centre[k, 2]
                if adaptive:
                    _shared_row3(
                        values, plane, near_x, skipped, flat_best, flat_labels, first, n, a, b, c, near_y, share[k], k
                    )
                else:
                    _row3(values, plane, near_x, skipped, flat_best, flat_labels, first, n, a, b, c, near_y, k)
            else:
                _row(
                    planes[:, y, left:right], near_x[skipped:], best[y, left:right], labels[y, left:right], centre[k],
                    near_y, share[k], k,
                )  # fmt: skip


@njit(nogil=True, inline="always")
def _row3(values, plane, near, skipped, best, labels, first, n, a, b, c, near_y, k):  # type: ignore[no-untyped-def]
    """One row of one cluster's window, three planes: plain int16, which the compiler turns into vector instructions."""
    for x in range(n):
        i = first + x
        colour = add16(
            add16(distance16(values[i], a), distance16(values[i + plane], b)), distance16(values[i + plane + plane], c)
        )
        d = add16(colour, add16(near[skipped + x], near_y))
        closer = d < best[i]
        best[i] = d if closer else best[i]
        labels[i] = k if closer else labels[i]


@njit(nogil=True, inline="always")
def _shared_row3(values, plane, near, skipped, best, labels, first, n, a, b, c, near_y, share, k):  # type: ignore[no-untyped-def]
    """The same for SLICO: the colour distance is scaled by the cluster's own share."""
    for x in range(n):
        i = first + x
        colour = add16(
            add16(distance16(values[i], a), distance16(values[i + plane], b)), distance16(values[i + plane + plane], c)
        )
        d = add16(np.int16(np.float32(colour) * share), add16(near[skipped + x], near_y))
        closer = d < best[i]
        best[i] = d if closer else best[i]
        labels[i] = k if closer else labels[i]


@njit(nogil=True)
def _row(planes, near, best, labels, centre, near_y, share, k):  # type: ignore[no-untyped-def]
    """The same for any number of planes."""
    for x in range(len(best)):
        colour = np.int16(0)
        for c in range(planes.shape[0]):
            colour = add16(colour, distance16(planes[c, x], centre[c]))
        d = add16(np.int16(np.float32(colour) * share), add16(near[x], near_y))
        if d < best[x]:
            best[x] = d
            labels[x] = k


@njit(cache=True, nogil=True)
def _update(planes, labels, rows, columns, centre, share, adaptive, weight, phase, stride):  # type: ignore[no-untyped-def]
    """Move each centre to the mean of its pixels in these rows."""
    channels, height, width = planes.shape
    count = len(rows)
    total = np.zeros((count, channels + 3), np.int64)  # planes, then x, y, pixels
    for y in range(phase, height, stride):
        begin = 0
        while begin < width:
            k = labels[y, begin]
            end = begin + 1
            if channels == 3:
                a, b, c = int(planes[0, y, begin]), int(planes[1, y, begin]), int(planes[2, y, begin])
                while end < width and labels[y, end] == k:
                    a += planes[0, y, end]
                    b += planes[1, y, end]
                    c += planes[2, y, end]
                    end += 1
                if k >= 0:
                    total[k, 0] += a
                    total[k, 1] += b
                    total[k, 2] += c
            else:
                while end < width and labels[y, end] == k:
                    end += 1
                if k >= 0:
                    for plane in range(channels):
                        for x in range(begin, end):
                            total[k, plane] += planes[plane, y, x]
            if k >= 0:
                total[k, channels] += (begin + end - 1) * (end - begin) // 2
                total[k, channels + 1] += y * (end - begin)
                total[k, channels + 2] += end - begin
            begin = end
    for k in range(count):
        n = total[k, channels + 2]
        if n:
            for c in range(channels):
                centre[k, c] = np.int16((total[k, c] + n // 2) // n)
            columns[k] = (total[k, channels] + n // 2) // n
            rows[k] = (total[k, channels + 1] + n // 2) // n
    if adaptive:
        largest = np.zeros(count, np.int32)
        for y in range(phase, height, stride):
            for x in range(width):
                k = labels[y, x]
                if k >= 0:
                    d = np.int32(0)
                    for c in range(channels):
                        d += abs(np.int32(planes[c, y, x]) - np.int32(centre[k, c]))
                    largest[k] = max(largest[k], d)
        for k in range(count):
            share[k] = min(share[k], weight / np.float32(max(largest[k], 1)))
