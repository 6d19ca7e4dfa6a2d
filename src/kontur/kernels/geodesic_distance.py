"""Geodesic distance on a pixel grid by raster sweeps, until nothing changes.

Papers: Toivanen, "New Geodesic Distance Transforms for Gray-Scale Images", Pattern Recognition Letters 17(5), 1996;
Criminisi, Sharp & Blake, "GeoS", ECCV 2008.

Each sweep visits the pixels forwards, then backwards, and looks at the four neighbours already passed, so a few sweeps
carry a distance along any natural path. The sweeps end when no distance became shorter: the result is then exact on the
8-neighbour graph. Of a row only the stretch is visited again in which a change since the last visit can be felt, and on from
there as long as distances become shorter.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, f32, f64, i64
from cython.cimports.libc.math import sqrt
from numpy.typing import NDArray

from .door import array


def geodesic_distance(pixels: NDArray, start: NDArray, spatial: f64) -> NDArray[np.float32]:
    """The cheapest way from the start pixels to every pixel: (H, W) float32.

    pixels: (H, W, C) float32.   start: (H, W) float32, 0 where paths begin (or a head start), infinite elsewhere.
    A step of length s between colours x and y costs sqrt((spatial s)^2 + |x - y|^2). All infinite if nothing starts.
    """
    pixels = array("pixels", pixels, np.float32, None, None, None)
    return _sweep(pixels, array("start", start, np.float32, *pixels.shape[:2]), spatial)


@cython.locals(
    changed=cython.bint, shorter=cython.bint, square=f32, best=f32, before=f32, difference=f32, through=f32, step=f64,
    height=i64, width=i64, channels=i64, endless=i64, way=i64, sign=i64, row=i64, y=i64, first=i64, end=i64, left=i64,
    right=i64, x=i64, k=i64, ny=i64, nx=i64, c=i64, other=i64, distance=f32[:, ::1], low=i64[:, ::1], high=i64[:, ::1]
)  # fmt: skip
def _sweep(pixels: cf32[:, :, ::1], start: cf32[:, ::1], spatial: f64):
    height, width, channels = pixels.shape[0], pixels.shape[1], pixels.shape[2]
    distance = np.array(start)
    square = cast(f32, spatial * spatial)
    endless = 4 * (height + width)  # sweeps; a path that turns more often than this does not occur in practice
    # The stretch of each row in which a sweep forwards (0), or backwards (1), may find something: first column, and end.
    low = np.zeros((2, height), np.int64)
    high = np.full((2, height), width, np.int64)
    changed = True
    with cython.nogil:
        while changed and endless > 0:
            changed = False
            endless -= 1
            for way in range(2):
                sign = -1 if way == 0 else 1
                for row in range(height):
                    y = row if way == 0 else height - 1 - row
                    first, end = low[way, y], high[way, y]
                    if first >= end:
                        continue
                    low[way, y], high[way, y] = width, 0
                    left, right = width, -1
                    x = first if way == 0 else end - 1
                    while 0 <= x < width:
                        best = distance[y, x]
                        before = best
                        for k in range(4):
                            # The row already passed (three pixels), then the pixel just visited.
                            ny = y + sign if k < 3 else y
                            nx = x + k - 1 if k < 3 else x + sign
                            if ny < 0 or ny >= height or nx < 0 or nx >= width or distance[ny, nx] >= best:
                                continue
                            step = cast(f64, square) * (2.0 if ny != y and nx != x else 1.0)
                            for c in range(channels):
                                difference = pixels[y, x, c] - pixels[ny, nx, c]
                                step += difference * difference
                            # Rounded as it will be stored: else a value that rounds upwards would "improve" for ever.
                            through = cast(f32, distance[ny, nx] + sqrt(step))
                            best = min(best, through)
                        shorter = best < before
                        if shorter:
                            distance[y, x] = best
                            left, right = min(left, x), max(right, x)
                        x -= sign
                        if not shorter and (x >= end if way == 0 else x < first):
                            break
                    if right < 0:
                        continue
                    changed = True
                    left, right = max(0, left - 1), min(width, right + 2)
                    # It is felt by the other way in this row, forwards in the next row, and backwards in the one above.
                    for k in range(3):
                        other = 1 - way if k == 0 else k - 1
                        ny = y if k == 0 else y + 1 if k == 1 else y - 1
                        if 0 <= ny < height:
                            low[other, ny] = min(low[other, ny], left)
                            high[other, ny] = max(high[other, ny], right)
    return distance.base
