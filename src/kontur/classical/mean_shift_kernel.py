"""The compiled loops of mean shift: climbing to the modes, and joining neighbours whose modes are near."""

from __future__ import annotations

import numpy as np
from numba import njit

from kontur.kernels.union_find import find, unite_low

_CLIMB = 50  # steps at most


@njit(cache=True, nogil=True)
def modes_of(colours, spatial, radius):  # type: ignore[no-untyped-def]
    """The colour each pixel ends at, (H, W, C): flat kernel, disk of `spatial` pixels, ball of `radius` in colour."""
    height, width, bands = colours.shape
    modes = np.empty_like(colours)
    known = np.zeros((height, width), np.bool_)
    path = np.empty((_CLIMB + 1, 2), np.int32)
    here, total = np.empty(bands, np.float32), np.empty(bands, np.float32)
    far, unlike, alike = spatial * spatial, radius * radius, radius * radius * np.float32(0.25)
    for row in range(height):
        for column in range(width):
            if known[row, column]:
                continue
            y, x = np.float32(row), np.float32(column)
            here[:] = colours[row, column]
            path[0, 0], path[0, 1] = row, column
            passed = 1
            joined_y, joined_x = -1, -1
            for _ in range(_CLIMB):
                count = 0
                total[:] = 0
                total_y = total_x = np.float32(0)
                for v in range(max(0, int(np.ceil(y - spatial))), min(height, int(y + spatial) + 1)):
                    reach = np.sqrt(max(np.float32(0), far - (v - y) * (v - y)))
                    for u in range(max(0, int(np.ceil(x - reach))), min(width, int(x + reach) + 1)):
                        square = np.float32(0)
                        for c in range(bands):
                            difference = colours[v, u, c] - here[c]
                            square += difference * difference
                        if square <= unlike:
                            count += 1
                            total_y += np.float32(v) - y
                            total_x += np.float32(u) - x
                            for c in range(bands):
                                total[c] += colours[v, u, c]
                if count == 0:
                    break
                share = np.float32(1) / np.float32(count)
                step = (total_y * total_y + total_x * total_x) * share * share / far
                y += total_y * share
                x += total_x * share
                for c in range(bands):
                    moved = total[c] * share
                    step += (moved - here[c]) * (moved - here[c]) / unlike
                    here[c] = moved
                if step < np.float32(1e-4):
                    break
                v, u = int(y + np.float32(0.5)), int(x + np.float32(0.5))
                square = np.float32(0)
                for c in range(bands):
                    square += (colours[v, u, c] - here[c]) * (colours[v, u, c] - here[c])
                if square < alike:
                    if known[v, u]:
                        joined_y, joined_x = v, u
                        break
                    path[passed, 0], path[passed, 1] = v, u
                    passed += 1
            if joined_y >= 0:
                here[:] = modes[joined_y, joined_x]
            for i in range(passed):
                modes[path[i, 0], path[i, 1]] = here
                known[path[i, 0], path[i, 1]] = True
    return modes


@njit(cache=True, nogil=True)
def fuse(modes, nearer):  # type: ignore[no-untyped-def]
    """Each pixel's region by its root pixel, (H, W) int32: 4-neighbours join when their modes are near."""
    height, width, bands = modes.shape
    parent = np.arange(height * width).astype(np.int32)
    for y in range(height):
        for x in range(width):
            for v, u in ((y, x - 1), (y - 1, x)):
                if v < 0 or u < 0:
                    continue
                square = np.float32(0)
                for c in range(bands):
                    square += (modes[y, x, c] - modes[v, u, c]) * (modes[y, x, c] - modes[v, u, c])
                if square < nearer:
                    unite_low(parent, y * width + x, v * width + u)
    labels = np.empty((height, width), np.int32)
    for i in range(height * width):
        labels[i // width, i % width] = find(parent, i)
    return labels
