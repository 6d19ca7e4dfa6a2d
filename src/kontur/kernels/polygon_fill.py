"""Polygons to runs by COCO's rule, compiled: for the thousands of outlines of an annotation file.

The rule is `core.rle.from_polygons`' (points rounded to fifths of a pixel, joined by digital lines, even-odd where they
cross the middle of a column), which also checks what is given to it; here nothing is checked.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf64, ci64, f64, i32, i64
from cython.cimports.libc.math import ceil

from .door import array, indices

_FARTHEST = 1e9


@cython.cfunc
@cython.nogil
@cython.locals(row=f64)
def _position(u: i64, v: i64, height: i64) -> i64:
    """The first pixel, down the columns, below a crossing at (u, v) in fifths of a pixel."""
    row = ceil(min(max((v + 0.5) / 5 - 0.5, 0.0), cast(f64, height)))
    return u // 5 * height + cast(i64, row)


@cython.cfunc
@cython.nogil
@cython.locals(
    flat=cython.bint, slope=f64, number=i64, n=i64, i=i64, j=i64, x0=i64, y0=i64, x1=i64, y1=i64, dx=i64, dy=i64,
    column=i64, t=i64, v=i64, here=i64, step=i64, there=i64, u=i64
)  # fmt: skip
def _cross(points: cf64[:, ::1], height: i64, width: i64, found: i64[::1]) -> i64:
    """Where the outline (N, 2) float64, x and y in pixels, crosses columns' middles, in no order; returns how many.

    With more than fit, `found` holds the first ones only.
    """
    number = 0
    n = points.shape[0]
    for i in range(n):
        j = (i + 1) % n
        x0, y0 = cast(i64, 5 * points[i, 0] + 0.5), cast(i64, 5 * points[i, 1] + 0.5)
        x1, y1 = cast(i64, 5 * points[j, 0] + 0.5), cast(i64, 5 * points[j, 1] + 0.5)
        dx, dy = abs(x1 - x0), abs(y1 - y0)
        if dx == 0:
            continue
        flat = dx >= dy
        if (flat and x0 > x1) or (not flat and y0 > y1):  # lines are drawn the same way in both directions
            x0, y0, x1, y1 = x1, y1, x0, y0
        if flat:
            slope = cast(f64, y1 - y0) / dx
            column = max(0, (x0 + 2) // 5)  # the first with 5 column + 2 >= x0
            while column < width and 5 * column + 2 < x1:
                t = 5 * column + 2 - x0
                v = min(cast(i64, y0 + slope * t + 0.5), cast(i64, y0 + slope * (t + 1) + 0.5))
                if number < found.shape[0]:
                    found[number] = _position(5 * column + 2, v, height)
                number += 1
                column += 1
        else:
            slope = cast(f64, x1 - x0) / dy
            here = cast(i64, x0 + slope * 0 + 0.5)
            for step in range(dy):
                there = cast(i64, x0 + slope * (step + 1) + 0.5)
                if here != there:
                    u = min(here, there)
                    if u >= 0 and u % 5 == 2 and u < 5 * width:
                        if number < found.shape[0]:
                            found[number] = _position(u, y0 + step, height)
                        number += 1
                here = there
    return number


def fill_polygons(points: NDArray, ends: NDArray, height: int, width: int) -> NDArray[np.int32]:
    """The union of rings, all points (N, 2) float64 in one array, ring r up to ends[r]: runs (R, 2) int32, rising."""
    points = array("points", points, np.float64, None, 2)
    ends = indices("ends", ends, np.int64, len(points) + 1, None)
    if not (np.abs(points) < _FARTHEST).all() or (np.diff(ends) < 0).any() or min(height, width) < 0:
        raise ValueError(
            "polygons: expected coordinates below a billion pixels, rising ends, a height and width of 0 or more"
        )
    return _fill(points, ends, height, width)


@cython.locals(
    used=i64, i=i64, begin=i64, r=i64, number=i64, k=i64, end=i64, count=i64, start=i64, pieces=i64[:, ::1],
    larger=i64[:, ::1], ring=cf64[:, ::1], found=i64[::1], at=i64[::1], order=i64[::1], runs=i32[:, ::1]
)  # fmt: skip
def _fill(points: cf64[:, ::1], ends: ci64[::1], height: i64, width: i64):
    pieces = np.empty((64, 2), np.int64)
    used = 0
    begin = 0
    for r in range(ends.shape[0]):
        ring = points[begin : ends[r]]
        begin = ends[r]
        found = np.empty(4 * ring.shape[0] + 2 * width + 8, np.int64)
        number = _cross(ring, height, width, found)
        if number > found.shape[0]:
            found = np.empty(number, np.int64)
            _cross(ring, height, width, found)
        at = np.sort(found.base[:number])
        if used + number // 2 + 1 > pieces.shape[0]:
            larger = np.empty((2 * (used + number), 2), np.int64)
            larger[:used] = pieces[:used]
            pieces = larger
        for k in range(0, number, 2):
            end = at[k + 1] if k + 1 < number else height * width
            if end > at[k]:
                pieces[used, 0], pieces[used, 1] = at[k], end
                used += 1
    order = np.argsort(pieces.base[:used, 0])
    runs = np.empty((used, 2), np.int32)
    count = 0
    with cython.nogil:
        for i in range(used):
            k = order[i]
            start, end = pieces[k, 0], pieces[k, 1]
            if count and start <= runs[count - 1, 1]:
                runs[count - 1, 1] = max(end, cast(i64, runs[count - 1, 1]))
            else:
                runs[count, 0], runs[count, 1] = start, end
                count += 1
    return runs.base[:count]
