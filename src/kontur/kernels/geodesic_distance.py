"""Geodesic distance on a pixel grid by raster sweeps, until nothing changes.

Papers: Toivanen, "New Geodesic Distance Transforms for Gray-Scale Images", Pattern Recognition Letters 17(5), 1996;
Criminisi, Sharp & Blake, "GeoS", ECCV 2008.

Each sweep visits the pixels forwards, then backwards, and looks at the four neighbours already passed, so a few sweeps
carry a distance along any natural path. The sweeps end when no distance became shorter: the result is then exact on the
8-neighbour graph. Of a row only the stretch is visited again in which a change since the last visit can be felt, and on from
there as long as distances become shorter.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def geodesic_distance(pixels, start, spatial):  # type: ignore[no-untyped-def]
    """The cheapest way from the start pixels to every pixel: (H, W) float32.

    pixels: (H, W, C) float32.   start: (H, W) float32, 0 where paths begin (or a head start), infinite elsewhere.
    A step of length s between colours x and y costs sqrt((spatial s)^2 + |x - y|^2). All infinite if nothing starts.
    """
    height, width, channels = pixels.shape
    distance = start.copy()
    square = np.float32(spatial * spatial)
    endless = 4 * (height + width)  # sweeps; a path that turns more often than this does not occur in practice
    # The stretch of each row in which a sweep forwards (0), or backwards (1), may find something: first column, and end.
    low = np.zeros((2, height), np.int64)
    high = np.full((2, height), width, np.int64)
    changed = True
    while changed and endless > 0:
        changed = False
        endless -= 1
        for way in (0, 1):
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
                        step = square * (2 if ny != y and nx != x else 1)
                        for c in range(channels):
                            difference = pixels[y, x, c] - pixels[ny, nx, c]
                            step += difference * difference
                        # Rounded as it will be stored: else a value that rounds upwards would "improve" for ever.
                        through = np.float32(distance[ny, nx] + np.sqrt(step))
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
                for other, ny in ((1 - way, y), (0, y + 1), (1, y - 1)):
                    if 0 <= ny < height:
                        low[other, ny] = min(low[other, ny], left)
                        high[other, ny] = max(high[other, ny], right)
    return distance
