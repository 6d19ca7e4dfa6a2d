"""The compiled loop of Panoptic-DeepLab: the centre nearest to where each pixel points."""

# mypy: ignore-errors

import cython
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, cu8, f32, i32, i64


@cython.locals(
    y=f32, x=f32, down=f32, right=f32, best=f32, square=f32, height=i64, width=i64, row=i64, column=i64, last=i64,
    nearest=i64, n=i64
)  # fmt: skip
def nearest(centres: cf32[:, ::1], offsets: cf32[:, :, ::1], foreground: cu8[:, ::1], groups: i32[:, ::1]):
    """centres: (N, 2) float32, N >= 1.   offsets: (2, H, W) float32.   groups: (H, W) int32, written on the foreground."""
    height, width = foreground.shape[0], foreground.shape[1]
    with cython.nogil:
        for row in range(height):
            last = 0
            for column in range(width):
                if not foreground[row, column]:
                    continue
                y = cast(f32, row) + offsets[0, row, column]
                x = cast(f32, column) + offsets[1, row, column]
                # Mostly the left neighbour's centre; starting with it, few others come nearer.
                down, right = y - centres[last, 0], x - centres[last, 1]
                best, nearest = down * down + right * right, last
                for n in range(centres.shape[0]):
                    down = y - centres[n, 0]
                    square = down * down
                    if square > best:
                        continue
                    right = x - centres[n, 1]
                    square += right * right
                    if square < best or (square == best and n < nearest):
                        best, nearest = square, n
                groups[row, column] = nearest + 1
                last = nearest
