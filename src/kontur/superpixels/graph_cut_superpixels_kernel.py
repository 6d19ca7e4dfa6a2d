"""The compiled loop of graph cut superpixels: expansions of patches."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.grid_maxflow import STEPS, _solve


@njit(cache=True, nogil=True)
def expansions(labels, planes, links, centres, colours, reach, weight, rounds):  # type: ignore[no-untyped-def]
    """Expand each label inside its patch, over and over, until none moves; changes `labels`."""
    height, width = labels.shape
    channels = planes.shape[0]
    moving = np.ones(len(centres), np.bool_)
    for _ in range(rounds):
        moved = False
        for alpha in range(len(centres)):
            if not moving[alpha]:
                continue
            y0, y1 = max(0, centres[alpha, 0] - reach), min(height, centres[alpha, 0] + reach)
            x0, x1 = max(0, centres[alpha, 1] - reach), min(width, centres[alpha, 1] + reach)
            rows, columns = y1 - y0, x1 - x0
            stride = columns + 2
            capacity = np.zeros(((rows + 2) * stride, 8), np.int32)
            excess = np.zeros((rows + 2) * stride, np.int32)
            for y in range(y0, y1):
                for x in range(x0, x1):
                    here = (y - y0 + 1) * stride + x - x0 + 1
                    mine = labels[y, x]
                    if mine != alpha:
                        gain = np.float32(0)
                        for c in range(channels):
                            gain += abs(planes[c, y, x] - colours[mine, c]) - abs(planes[c, y, x] - colours[alpha, c])
                        excess[here] += np.int32(np.rint(gain * weight))
                    for d in range(8):
                        ny, nx = y + STEPS[d][0], x + STEPS[d][1]
                        if not (0 <= ny < height and 0 <= nx < width):
                            continue
                        price = links[d, y, x]
                        other = labels[ny, nx]
                        both_keep = price if mine != other else np.int32(0)
                        p_keeps = price if mine != alpha else np.int32(0)
                        q_keeps = price if other != alpha else np.int32(0)
                        if not (y0 <= ny < y1 and x0 <= nx < x1):
                            excess[here] += both_keep - q_keeps  # the neighbour keeps its label
                        elif d % 2 == 0:
                            there = (ny - y0 + 1) * stride + nx - x0 + 1
                            excess[here] -= q_keeps - both_keep
                            excess[there] += q_keeps
                            capacity[there, d + 1] = p_keeps + q_keeps - both_keep
            takes = _solve(capacity, excess, rows, columns)
            changed = False
            for y in range(rows):
                for x in range(columns):
                    if takes[y, x] and labels[y0 + y, x0 + x] != alpha:
                        labels[y0 + y, x0 + x] = alpha
                        changed = True
            moving[alpha] = changed
            moved |= changed
        if not moved:
            break
