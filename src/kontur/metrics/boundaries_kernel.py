"""The compiled loops of boundary scores: erosion, shares of near pixels, distances to the other label."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import ci64, cu8, f64, i32, i64, u8


@cython.locals(height=i64, width=i64, y=i64, run=i64, x=i64, rows=u8[:, ::1], square=u8[:, ::1], runs=i32[::1])
def eroded(mask: cu8[:, ::1], distance: i64):
    """Pixels whose (2 distance + 1)^2 square is all set and inside the image."""
    height, width = mask.shape[0], mask.shape[1]
    rows = np.zeros((height, width), np.bool_)
    with cython.nogil:
        for y in range(height):
            run = 0
            for x in range(width):
                run = run + 1 if mask[y, x] else 0
                if run > 2 * distance:
                    rows[y, x - distance] = True
    square = np.zeros((height, width), np.bool_)
    runs = np.zeros(width, np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                runs[x] = runs[x] + 1 if rows[y, x] else 0
            if y >= 2 * distance:
                for x in range(width):
                    square[y - distance, x] = runs[x] > 2 * distance
    return square.base


@cython.locals(height=i64, width=i64, pixels=i64, near=i64, y=i64, x=i64, k=i64, v=i64, u=i64)
def share_near(of: cu8[:, ::1], to: cu8[:, ::1], offsets: ci64[:, ::1]):
    """Share of the pixels of one map with a pixel of the other at one of the offsets (nearest offsets first)."""
    height, width = of.shape[0], of.shape[1]
    pixels = 0
    near = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if not of[y, x]:
                    continue
                pixels += 1
                for k in range(offsets.shape[0]):
                    v, u = y + offsets[k, 0], x + offsets[k, 1]
                    if 0 <= v < height and 0 <= u < width and to[v, u]:
                        near += 1
                        break
    return cast(f64, near) / pixels


@cython.locals(
    here=cython.bint, outline=cython.bint, height=i64, width=i64, y=i64, x=i64, k=i64, dy=i64, dx=i64, v=i64, u=i64,
    distance=i64[:, ::1]
)  # fmt: skip
def distance_to_other(mask: cu8[:, ::1], reach: i64, offsets: ci64[:, ::1]):
    """Squared distance to the nearest pixel of the other label; beyond `reach` some larger number.

    The nearest such pixel always has a 4-neighbour of this pixel's label (else a step towards this pixel would find a
    nearer one), so only those on the outline are asked.
    """
    height, width = mask.shape[0], mask.shape[1]
    distance = np.full((height, width), ((reach + 1) * (reach + 1)), np.int64)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                here = mask[y, x]
                outline = (
                    (y > 0 and mask[y - 1, x] != here)
                    or (y < height - 1 and mask[y + 1, x] != here)
                    or (x > 0 and mask[y, x - 1] != here)
                    or (x < width - 1 and mask[y, x + 1] != here)
                )
                if not outline:
                    continue
                for k in range(offsets.shape[0]):
                    dy, dx = offsets[k, 0], offsets[k, 1]
                    v, u = y + dy, x + dx
                    if 0 <= v < height and 0 <= u < width and mask[v, u] != here:
                        distance[v, u] = min(distance[v, u], dy * dy + dx * dx)
    return distance.base
