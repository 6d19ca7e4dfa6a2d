"""The compiled loops of alpha expansion: the energy of a labelling, and the cut problem of one expansion."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, f64, i32, i64, step_down, step_right
from cython.cimports.libc.math import rint


@cython.locals(total=f64, row=f64, height=i64, width=i64, y=i64, x=i64, d=i64, ny=i64, nx=i64)
def energy_of(costs: cf32[:, :, ::1], links: cf32[:, :, ::1], labels: ci32[:, ::1]):
    height, width = labels.shape[0], labels.shape[1]
    total = 0.0
    with cython.nogil:
        for y in range(height):
            row = 0.0
            for x in range(width):
                row += costs[labels[y, x], y, x]
                for d in range(0, links.shape[0], 2):
                    ny, nx = y + step_down(d), x + step_right(d)
                    if ny < height and 0 <= nx < width and labels[y, x] != labels[ny, nx]:
                        row += links[d, y, x]
            total += row
    return total


@cython.locals(
    gain=f64, price=i32, both_keep=i32, p_keeps=i32, q_keeps=i32, height=i64, width=i64, y=i64, x=i64, d=i64, ny=i64,
    nx=i64, terminals=i32[:, ::1], arcs=i32[:, :, ::1]
)  # fmt: skip
def expansion(
    costs: cf32[:, :, ::1], links: cf32[:, :, ::1], labels: ci32[:, ::1], alpha: i64, scale: f64, largest: f64
):  # fmt: skip
    """The cut problem of one expansion; the source's side takes alpha."""
    height, width = labels.shape[0], labels.shape[1]
    terminals = np.zeros((height, width), np.int32)
    arcs = np.zeros_like(links, np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                gain = cast(f64, costs[labels[y, x], y, x]) - costs[alpha, y, x]
                terminals[y, x] += cast(i32, rint(min(max(gain, -largest), largest) * scale))
                for d in range(0, links.shape[0], 2):
                    ny, nx = y + step_down(d), x + step_right(d)
                    if not (ny < height and 0 <= nx < width):
                        continue
                    price = cast(i32, rint(links[d, y, x] * scale))
                    both_keep = price if labels[y, x] != labels[ny, nx] else cast(i32, 0)
                    p_keeps = price if labels[y, x] != alpha else cast(i32, 0)
                    q_keeps = price if labels[ny, nx] != alpha else cast(i32, 0)
                    terminals[y, x] -= q_keeps - both_keep
                    terminals[ny, nx] += q_keeps
                    arcs[d + 1, ny, nx] = p_keeps + q_keeps - both_keep
    return terminals.base, arcs.base
