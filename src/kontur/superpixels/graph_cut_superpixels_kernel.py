"""The compiled loop of graph cut superpixels: expansions of patches."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, ci64, f32, i32, i64, step_down, step_right, u8
from cython.cimports.libc.math import rintf

from ..kernels.grid_maxflow import _solve


@cython.locals(
    moved=cython.bint, changed=cython.bint, gain=f32, mine=i32, price=i32, other=i32, both_keep=i32, p_keeps=i32,
    q_keeps=i32, height=i64, width=i64, channels=i64, _=i64, alpha=i64, y0=i64, y1=i64, x0=i64, x1=i64, rows=i64,
    columns=i64, stride=i64, y=i64, x=i64, here=i64, c=i64, d=i64, ny=i64, nx=i64, there=i64, moving=u8[::1],
    capacity=i32[:, ::1], excess=i32[::1], takes=u8[:, ::1]
)  # fmt: skip
def expansions(
    labels: i32[:, ::1], planes: cf32[:, :, ::1], links: ci32[:, :, ::1], centres: ci64[:, ::1],
    colours: cf32[:, ::1], reach: i64, weight: f32, rounds: i64
):  # fmt: skip
    """Expand each label inside its patch, over and over, until none moves; changes `labels`."""
    height, width = labels.shape[0], labels.shape[1]
    channels = planes.shape[0]
    moving = np.ones(centres.shape[0], np.bool_)
    for _ in range(rounds):
        moved = False
        for alpha in range(centres.shape[0]):
            if not moving[alpha]:
                continue
            y0, y1 = max(0, centres[alpha, 0] - reach), min(height, centres[alpha, 0] + reach)
            x0, x1 = max(0, centres[alpha, 1] - reach), min(width, centres[alpha, 1] + reach)
            rows, columns = y1 - y0, x1 - x0
            stride = columns + 2
            capacity = np.zeros(((rows + 2) * stride, 8), np.int32)
            excess = np.zeros((rows + 2) * stride, np.int32)
            with cython.nogil:
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        here = (y - y0 + 1) * stride + x - x0 + 1
                        mine = labels[y, x]
                        if mine != alpha:
                            gain = cast(f32, 0)
                            for c in range(channels):
                                gain += abs(planes[c, y, x] - colours[mine, c]) - abs(
                                    planes[c, y, x] - colours[alpha, c]
                                )
                            excess[here] += cast(i32, rintf(gain * weight))
                        for d in range(8):
                            ny, nx = y + step_down(d), x + step_right(d)
                            if not (0 <= ny < height and 0 <= nx < width):
                                continue
                            price = links[d, y, x]
                            other = labels[ny, nx]
                            both_keep = price if mine != other else cast(i32, 0)
                            p_keeps = price if mine != alpha else cast(i32, 0)
                            q_keeps = price if other != alpha else cast(i32, 0)
                            if not (y0 <= ny < y1 and x0 <= nx < x1):
                                excess[here] += both_keep - q_keeps  # the neighbour keeps its label
                            elif d % 2 == 0:
                                there = (ny - y0 + 1) * stride + nx - x0 + 1
                                excess[here] -= q_keeps - both_keep
                                excess[there] += q_keeps
                                capacity[there, d + 1] = p_keeps + q_keeps - both_keep
            takes = _solve(capacity, excess, rows, columns)
            changed = False
            with cython.nogil:
                for y in range(rows):
                    for x in range(columns):
                        if takes[y, x] and labels[y0 + y, x0 + x] != alpha:
                            labels[y0 + y, x0 + x] = alpha
                            changed = True
            moving[alpha] = changed
            moved |= changed
        if not moved:
            break
