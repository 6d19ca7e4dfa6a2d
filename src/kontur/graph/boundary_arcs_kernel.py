"""The compiled loops of boundary arcs: chains of pixel sides, and the straight segments that fit them."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import ci32, ci64, cu8, f32, f64, i32, i64, u8
from cython.cimports.libc.math import sqrt

# A corner (r, c) lies above and left of pixel (r, c). The sides that end there, by direction: 0 up, 1 right, 2 down,
# 3 left. A side's key: 2 * flat index of its pixel, + 1 when it lies below it, else right of it.


@cython.cfunc
@cython.nogil
@cython.locals(height=i64, width=i64, y=i64, x=i64)
def _side(ids: ci32[:, ::1], r: i64, c: i64, direction: i64) -> i64:
    """The key of the side that leaves corner (r, c) in a direction, -1 where none divides two regions."""
    height, width = ids.shape[0], ids.shape[1]
    if direction == 0 or direction == 2:
        y = r - 1 if direction == 0 else r
        if 0 <= y < height and 0 < c < width and ids[y, c - 1] != ids[y, c]:
            return 2 * (y * width + c - 1)
    else:
        x = c if direction == 1 else c - 1
        if 0 <= x < width and 0 < r < height and ids[r - 1, x] != ids[r, x]:
            return 2 * ((r - 1) * width + x) + 1
    return -1


@cython.cfunc
@cython.nogil
@cython.locals(count=i64, key=i64, ahead=i64, turn=i64)
def _walk(
    ids: ci32[:, ::1], sides_at: cu8[:, ::1], seen: u8[::1], r: i64, c: i64, direction: i64, rows: i32[::1],
    columns: i32[::1], keys: i64[::1]
) -> i64:  # fmt: skip
    """From (r, c) along unseen sides to the next junction, or round; the number of sides passed."""
    count = 0
    rows[0], columns[0] = r, c
    while True:
        key = _side(ids, r, c, direction)
        keys[count] = key
        seen[key] = True
        count += 1
        if direction == 0:
            r -= 1
        elif direction == 1:
            c += 1
        elif direction == 2:
            r += 1
        else:
            c -= 1
        rows[count], columns[count] = r, c
        if sides_at[r, c] != 2:
            return count
        ahead = -1
        for turn in range(4):
            key = _side(ids, r, c, turn)
            if key >= 0 and not seen[key]:
                ahead = turn
        if ahead < 0:  # round and back
            return count
        direction = ahead


@cython.cfunc
@cython.nogil
@cython.locals(
    vy=f64, vx=f64, length=f64, farthest=f64, py=f64, px=f64, distance=f64, depth=i64, first=i64, last=i64, at=i64,
    i=i64, pixel=i64, y=i64, x=i64
)  # fmt: skip
def _fit(
    rows: ci32[::1], columns: ci32[::1], keys: ci64[::1], count: i64, share: f64, stack: i64[:, ::1], width: i64,
    across: f32[:, :, ::1], down: f32[:, :, ::1]
) -> void:  # fmt: skip
    """Cut the chain of `count` sides into segments and write their normals at its sides."""
    stack[0, 0], stack[0, 1] = 0, count
    depth = 1
    while depth:
        depth -= 1
        first, last = stack[depth, 0], stack[depth, 1]
        vy, vx = cast(f64, rows[last] - rows[first]), cast(f64, columns[last] - columns[first])
        length = sqrt(vy * vy + vx * vx)
        farthest, at = 0.0, -1
        for i in range(first + 1, last):
            py, px = cast(f64, rows[i] - rows[first]), cast(f64, columns[i] - columns[first])
            distance = abs(vx * py - vy * px) / length if length > 0 else sqrt(py * py + px * px)
            if distance > farthest:
                farthest, at = distance, i
        if at >= 0 and farthest > max(1.0, share * length):
            stack[depth, 0], stack[depth, 1] = first, at
            stack[depth + 1, 0], stack[depth + 1, 1] = at, last
            depth += 2
            continue
        if length == 0:
            continue
        for i in range(first, last):
            pixel = keys[i] >> 1
            y, x = pixel // width, pixel % width
            if keys[i] & 1:
                down[y, x, 0], down[y, x, 1] = -vy / length, vx / length
            else:
                across[y, x, 0], across[y, x, 1] = -vy / length, vx / length


@cython.locals(
    height=i64, width=i64, sides=i64, y=i64, x=i64, closed=i64, r=i64, c=i64, direction=i64, key=i64, count=i64,
    across=f32[:, :, ::1], down=f32[:, :, ::1], seen=u8[::1], sides_at=u8[:, ::1], rows=i32[::1], columns=i32[::1],
    keys=i64[::1], stack=i64[:, ::1]
)  # fmt: skip
def normals(ids: ci32[:, ::1], share: f64):
    height, width = ids.shape[0], ids.shape[1]
    across = np.zeros((height, max(width - 1, 0), 2), np.float32)
    down = np.zeros((max(height - 1, 0), width, 2), np.float32)
    seen = np.zeros(2 * height * width, np.bool_)
    sides_at = np.zeros((height + 1, width + 1), np.uint8)
    sides = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if x + 1 < width and ids[y, x] != ids[y, x + 1]:
                    sides += 1
                    sides_at[y, x + 1] += 1
                    sides_at[y + 1, x + 1] += 1
                if y + 1 < height and ids[y, x] != ids[y + 1, x]:
                    sides += 1
                    sides_at[y + 1, x] += 1
                    sides_at[y + 1, x + 1] += 1
    rows, columns = np.empty(sides + 1, np.int32), np.empty(sides + 1, np.int32)
    keys, stack = np.empty(sides + 1, np.int64), np.empty((sides + 2, 2), np.int64)
    with cython.nogil:
        # What is left after all arcs that end at a junction or the rim is closed.
        for closed in range(2):
            for r in range(height + 1):
                for c in range(width + 1):
                    if sides_at[r, c] == 0 or (sides_at[r, c] == 2) != (closed == 1):
                        continue
                    for direction in range(4):
                        key = _side(ids, r, c, direction)
                        if key >= 0 and not seen[key]:
                            count = _walk(ids, sides_at, seen, r, c, direction, rows, columns, keys)
                            _fit(rows, columns, keys, count, share, stack, width, across, down)
    return across.base, down.base
