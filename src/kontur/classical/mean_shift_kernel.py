"""The compiled loops of mean shift: climbing to the modes, and joining neighbours whose modes are near."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, f32, f64, find, i32, i64, u8, unite_low
from cython.cimports.libc.math import ceil, ceilf, sqrt


_CLIMB = cython.declare(cython.int, 50)  # steps at most


@cython.locals(
    far=f32, unlike=f32, alike=f32, y=f32, x=f32, total_y=f32, total_x=f32, square=f32, difference=f32, share=f32,
    step=f32, moved=f32, reach=f64, height=i64, width=i64, bands=i64, row=i64, column=i64, passed=i64, joined_y=i64,
    joined_x=i64, _=i64, count=i64, v=i64, u=i64, c=i64, i=i64, modes=f32[:, :, ::1], known=u8[:, ::1],
    path=i32[:, ::1], here=f32[::1], total=f32[::1]
)  # fmt: skip
def modes_of(colours: cf32[:, :, ::1], spatial: f32, radius: f32):
    """The colour each pixel ends at, (H, W, C): flat kernel, disk of `spatial` pixels, ball of `radius` in colour."""
    height, width, bands = colours.shape[0], colours.shape[1], colours.shape[2]
    modes = np.empty_like(colours)
    known = np.zeros((height, width), np.bool_)
    path = np.empty((_CLIMB + 1, 2), np.int32)
    here, total = np.empty(bands, np.float32), np.empty(bands, np.float32)
    far, unlike, alike = spatial * spatial, radius * radius, radius * radius * cast(f32, 0.25)
    with cython.nogil:
        for row in range(height):
            for column in range(width):
                if known[row, column]:
                    continue
                y, x = cast(f32, row), cast(f32, column)
                here[:] = colours[row, column]
                path[0, 0], path[0, 1] = row, column
                passed = 1
                joined_y, joined_x = -1, -1
                for _ in range(_CLIMB):
                    count = 0
                    total[:] = 0
                    total_y = total_x = cast(f32, 0)
                    for v in range(max(0, cast(i64, ceilf(y - spatial))), min(height, cast(i64, y + spatial) + 1)):
                        reach = sqrt(max(cast(f32, 0), far - (cast(f64, v) - y) * (cast(f64, v) - y)))
                        for u in range(max(0, cast(i64, ceil(x - reach))), min(width, cast(i64, x + reach) + 1)):
                            square = cast(f32, 0)
                            for c in range(bands):
                                difference = colours[v, u, c] - here[c]
                                square += difference * difference
                            if square <= unlike:
                                count += 1
                                total_y += cast(f32, v) - y
                                total_x += cast(f32, u) - x
                                for c in range(bands):
                                    total[c] += colours[v, u, c]
                    if count == 0:
                        break
                    share = cast(f32, 1) / cast(f32, count)
                    step = (total_y * total_y + total_x * total_x) * share * share / far
                    y += total_y * share
                    x += total_x * share
                    for c in range(bands):
                        moved = total[c] * share
                        step += (moved - here[c]) * (moved - here[c]) / unlike
                        here[c] = moved
                    if step < cast(f32, 1e-4):
                        break
                    v, u = cast(i64, y + cast(f32, 0.5)), cast(i64, x + cast(f32, 0.5))
                    square = cast(f32, 0)
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
    return modes.base


@cython.locals(
    square=f32, side=i64, height=i64, width=i64, bands=i64, y=i64, x=i64, v=i64, u=i64, c=i64, i=i64, parent=i32[::1],
    labels=i32[:, ::1]
)  # fmt: skip
def fuse(modes: cf32[:, :, ::1], nearer: f32):
    """Each pixel's region by its root pixel, (H, W) int32: 4-neighbours join when their modes are near."""
    height, width, bands = modes.shape[0], modes.shape[1], modes.shape[2]
    parent = np.arange(height * width).astype(np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                for side in range(2):
                    v, u = y - side, x - 1 + side
                    if v < 0 or u < 0:
                        continue
                    square = cast(f32, 0)
                    for c in range(bands):
                        square += (modes[y, x, c] - modes[v, u, c]) * (modes[y, x, c] - modes[v, u, c])
                    if square < nearer:
                        unite_low(parent, y * width + x, v * width + u)
    labels = np.empty((height, width), np.int32)
    with cython.nogil:
        for i in range(height * width):
            labels[i // width, i % width] = find(parent, i)
    return labels.base
