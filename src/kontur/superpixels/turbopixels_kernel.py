"""The compiled loop of TurboPixels: fronts that fill pixels."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def flow(ids, phi, drift_y, drift_x, curvature, doublet, step, slowest):  # type: ignore[no-untyped-def]
    """Spread ids (0 = free) until no pixel is free. A free pixel beside a front fills up and then joins it."""
    height, width = ids.shape
    filled = np.zeros((height, width), np.float32)
    owner = np.zeros((height, width), np.int32)
    queued = np.zeros((height, width), np.bool_)
    front = np.empty((height * width, 2), np.int32)
    size = 0
    for y in range(height):
        for x in range(width):
            if ids[y, x] > 0:
                size = _enlist(ids, owner, queued, front, size, y, x)
    ready = np.empty((height * width, 2), np.int32)
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
            bend = np.float32(10 - inside) / np.float32(10)
            length = np.sqrt(np.float32(normal_y * normal_y + normal_x * normal_x)) + np.float32(1e-6)
            along = (normal_y * drift_y[y, x] + normal_x * drift_x[y, x]) / length
            speed = (np.float32(1) - curvature * bend) * phi[y, x] - doublet * min(along, np.float32(0))
            filled[y, x] += step * min(max(speed, slowest), np.float32(1))
            if filled[y, x] >= np.float32(1):
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


@njit(cache=True, nogil=True)
def _enlist(ids, owner, queued, front, size, y, x):  # type: ignore[no-untyped-def]
    """Put the free neighbours of an assigned pixel on the front; who comes first owns them."""
    height, width = ids.shape
    for side in range(4):
        v = y + (1 if side == 0 else -1 if side == 1 else 0)
        u = x + (1 if side == 2 else -1 if side == 3 else 0)
        if 0 <= v < height and 0 <= u < width and ids[v, u] == 0 and not queued[v, u]:
            queued[v, u] = True
            owner[v, u] = ids[y, x]
            front[size, 0], front[size, 1] = v, u
            size += 1
    return size
