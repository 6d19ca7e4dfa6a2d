"""The compiled loops of alpha expansion: the energy of a labelling, and the cut problem of one expansion."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.grid_maxflow import STEPS


@njit(cache=True, nogil=True)
def energy_of(costs, links, labels):  # type: ignore[no-untyped-def]
    height, width = labels.shape
    total = 0.0
    for y in range(height):
        row = 0.0
        for x in range(width):
            row += costs[labels[y, x], y, x]
            for d in range(0, links.shape[0], 2):
                ny, nx = y + STEPS[d][0], x + STEPS[d][1]
                if ny < height and 0 <= nx < width and labels[y, x] != labels[ny, nx]:
                    row += links[d, y, x]
        total += row
    return total


@njit(cache=True, nogil=True)
def expansion(costs, links, labels, alpha, scale, largest):  # type: ignore[no-untyped-def]
    """The cut problem of one expansion; the source's side takes alpha."""
    height, width = labels.shape
    terminals = np.zeros((height, width), np.int32)
    arcs = np.zeros(links.shape, np.int32)
    for y in range(height):
        for x in range(width):
            gain = np.float64(costs[labels[y, x], y, x]) - costs[alpha, y, x]
            terminals[y, x] += np.int32(np.rint(min(max(gain, -largest), largest) * scale))
            for d in range(0, links.shape[0], 2):
                ny, nx = y + STEPS[d][0], x + STEPS[d][1]
                if not (ny < height and 0 <= nx < width):
                    continue
                price = np.int32(np.rint(links[d, y, x] * scale))
                both_keep = price if labels[y, x] != labels[ny, nx] else np.int32(0)
                p_keeps = price if labels[y, x] != alpha else np.int32(0)
                q_keeps = price if labels[ny, nx] != alpha else np.int32(0)
                terminals[y, x] -= q_keeps - both_keep
                terminals[ny, nx] += q_keeps
                arcs[d + 1, ny, nx] = p_keeps + q_keeps - both_keep
    return terminals, arcs
