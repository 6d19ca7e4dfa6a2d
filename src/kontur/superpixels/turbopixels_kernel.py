"""The compiled loop of TurboPixels: fronts that fill pixels."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, f32, f64, i32, i64, u8
from cython.cimports.libc.math import sqrtf


@cython.locals(
    bend=f32, length=f32, along=f64, speed=f64, mine=i32, height=i64, width=i64, size=i64, y=i64, x=i64, count=i64,
    remaining=i64, i=i64, inside=i64, normal_y=i64, normal_x=i64, dy=i64, dx=i64, v=i64, u=i64, filled=f32[:, ::1],
    owner=i32[:, ::1], front=i32[:, ::1], ready=i32[:, ::1], queued=u8[:, ::1]
)  # fmt: skip
def flow(
    ids: i32[:, ::1], phi: cf32[:, ::1], drift_y: cf32[:, ::1], drift_x: cf32[:, ::1], curvature: f32, doublet: f32,
    step: f32, slowest: f32
):  # fmt: skip
    """Spread ids (0 = free) until no pixel is free. A free pixel beside a front fills up and then joins it."""
    height, width = ids.shape[0], ids.shape[1]
    filled = np.zeros((height, width), np.float32)
    owner = np.zeros((height, width), np.int32)
    queued = np.zeros((height, width), np.bool_)
    front = np.empty((height * width, 2), np.int32)
    size = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if ids[y, x] > 0:
                    size = _enlist(ids, owner, queued, front, size, y, x)
    ready = np.empty((height * width, 2), np.int32)
    with cython.nogil:
        while size:
            count = 0
            remaining = 0
            for i in range(size):
                y, x = front[i, 0], front[i, 1]
                mine = owner[y, x]
                # Of the 5 x 5 window: how much is filled by the front's own superpixel, and on which side.
                inside, normal_y, normal_x = 0, 0, 0
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        v, u = y + dy, x + dx
                        if 0 <= v < height and 0 <= u < width and ids[v, u] == mine:
                            inside += 1
                            normal_y -= dy
                            normal_x -= dx
                # A straight front fills 10 of the 24 neighbours; fewer means that the front bulges out here.
                bend = cast(f32, 10 - inside) / cast(f32, 10)
                length = sqrtf(cast(f32, normal_y * normal_y + normal_x * normal_x)) + cast(f32, 1e-6)
                along = (cast(f64, normal_y) * drift_y[y, x] + cast(f64, normal_x) * drift_x[y, x]) / length
                speed = (cast(f32, 1) - curvature * bend) * phi[y, x] - doublet * min(along, cast(f32, 0))
                filled[y, x] += step * min(max(speed, slowest), cast(f32, 1))
                if filled[y, x] >= cast(f32, 1):
                    ready[count, 0], ready[count, 1] = y, x
                    count += 1
                else:
                    front[remaining, 0], front[remaining, 1] = y, x
                    remaining += 1
            size = remaining
            for i in range(count):
                ids[ready[i, 0], ready[i, 1]] = owner[ready[i, 0], ready[i, 1]]
            for i in range(count):
                size = _enlist(ids, owner, queued, front, size, ready[i, 0], ready[i, 1])


@cython.cfunc
@cython.nogil
@cython.locals(height=i64, width=i64, side=i64, v=i64, u=i64)
def _enlist(
    ids: ci32[:, ::1], owner: i32[:, ::1], queued: u8[:, ::1], front: i32[:, ::1], size: i64, y: i64, x: i64
) -> i64:  # fmt: skip
    """Put the free neighbours of an assigned pixel on the front; who comes first owns them."""
    height, width = ids.shape[0], ids.shape[1]
    for side in range(4):
        v = y + (1 if side == 0 else -1 if side == 1 else 0)
        u = x + (1 if side == 2 else -1 if side == 3 else 0)
        if 0 <= v < height and 0 <= u < width and ids[v, u] == 0 and not queued[v, u]:
            queued[v, u] = True
            owner[v, u] = ids[y, x]
            front[size, 0], front[size, 1] = v, u
            size += 1
    return size
