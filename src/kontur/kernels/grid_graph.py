"""The 4-neighbour graph of a pixel grid as rows of its Laplacian, marked pixels taken out."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf64, ci32, f64, i32, i64
from numpy.typing import NDArray

from .door import array, indices


def grid_rows(right: NDArray, down: NDArray, marks: NDArray[np.integer], labels: int) -> tuple[NDArray, ...]:
    """CSR rows (start, other, weight) of the n pixels with mark 0, in scan order, and pulls (labels, n).

    right, down: (H, W - 1) and (H - 1, W) float64 edge weights. marks: (H, W) int32, 0 = free, k = label k - 1.
    pulls[k]:    the weights of a free pixel's edges to pixels of label k.
    """
    marks = indices("marks", marks, np.int32, labels + 1, None, None)
    height, width = marks.shape
    right = array("right", right, np.float64, height, max(width - 1, 0))
    return _rows(right, array("down", down, np.float64, max(height - 1, 0), width), marks, labels)


@cython.locals(
    w=f64, height=i64, width=i64, n=i64, y=i64, x=i64, at=i64, i=i64, side=i64, v=i64, u=i64, number=i32[:, ::1],
    start=i32[::1], other=i32[::1], weight=f64[::1], pulls=f64[:, ::1]
)  # fmt: skip
def _rows(right: cf64[:, ::1], down: cf64[:, ::1], marks: ci32[:, ::1], labels: i64):
    height, width = marks.shape[0], marks.shape[1]
    number = np.empty((height, width), np.int32)
    n = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                number[y, x] = n
                n += marks[y, x] == 0
    start = np.zeros(n + 1, np.int32)
    other = np.empty(4 * n, np.int32)
    weight = np.empty(4 * n, np.float64)
    pulls = np.zeros((labels, n), np.float64)
    at = 0
    i = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if marks[y, x]:
                    continue
                for side in range(4):
                    v, u, w = y, x, 0.0
                    if side == 0 and y > 0:
                        v, w = y - 1, down[y - 1, x]
                    elif side == 1 and x > 0:
                        u, w = x - 1, right[y, x - 1]
                    elif side == 2 and x + 1 < width:
                        u, w = x + 1, right[y, x]
                    elif side == 3 and y + 1 < height:
                        v, w = y + 1, down[y, x]
                    if w == 0:
                        continue
                    if marks[v, u]:
                        pulls[marks[v, u] - 1, i] += w
                    else:
                        other[at] = number[v, u]
                        weight[at] = w
                        at += 1
                i += 1
                start[i] = at
    return start.base, other.base[:at].copy(), weight.base[:at].copy(), pulls.base
