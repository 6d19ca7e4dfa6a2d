"""Geodesic distance on a pixel grid by raster sweeps, until nothing changes.

Papers: Toivanen, "New Geodesic Distance Transforms for Gray-Scale Images", Pattern Recognition Letters 17(5), 1996;
Criminisi, Sharp & Blake, "GeoS", ECCV 2008.

Each sweep visits the pixels forwards, then backwards, and looks at the four neighbours already passed, so a few sweeps
carry a distance along any natural path. The sweeps end when no distance became shorter: the result is then exact on the
8-neighbour graph. A row is visited again only where it or the row before it has changed since, which is where it can.
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
    # Counted in visits of rows: when each row changed last, and when it was visited last in either direction.
    changed_at = np.zeros(height, np.int64)
    visited_at = np.full((2, height), -1, np.int64)
    visits = np.int64(0)
    changed = True
    while changed and endless > 0:
        changed = False
        endless -= 1
        for forward in (True, False):
            sign = -1 if forward else 1
            way = 0 if forward else 1
            for row in range(height):
                y = row if forward else height - 1 - row
                last = visited_at[way, y]
                if changed_at[y] <= last and (not 0 <= y + sign < height or changed_at[y + sign] <= last):
                    continue
                visits += 1
                visited_at[way, y] = visits
                for column in range(width):
                    x = column if forward else width - 1 - column
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
                    if best < before:
                        distance[y, x] = best
                        changed = True
                        changed_at[y] = visits
    return distance
