"""Oriented watershed and ultrametric contour map: a soft boundary map becomes a hierarchy of closed regions.

Paper: Arbeláez, Maire, Fowlkes & Malik, "Contour Detection and Hierarchical Image Segmentation", TPAMI 33(5), 2011,
sections 4.1 and 4.2:

    strength (H, W) -> watershed of its minima -> arcs, straight segments -> strength along each segment's direction
        -> mean strength of the arcs between two regions -> merging, weakest first -> Hierarchy

A plain watershed gives an arc that ends at a strong boundary high values there, although nothing lies along the arc.

Differs from the paper: the map has no orientations, so the strength at a pixel in an arc's direction is its strength
times min(1, 5 n'Jn / greatest eigenvalue of J), n the unit vector across the arc, J the structure tensor of the map
(Förstner & Gülch, 1987): 1 for arcs up to 63 degrees off a line of the map, falling to 0 across it, 1 in every direction
where several lines meet. (Without the factor 5, bends and short arcs of true boundaries lose strength.) The watershed's
lines lie between pixels, not on pixels, so no pixel is lost to them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..core.hierarchy import Hierarchy
from .boundary_arcs import border_normals
from .boundary_thinning import checked_strength, thinned

_LEVELS = 4095  # steps of strength that the flood tells apart
_ALIGNED = np.float32(0.2)  # squared cosine between an arc and the map's line from which on they count as one
_SIGMA = 2.0  # pixels; over which the structure tensor is gathered


def contour_hierarchy(strength: NDArray, *, default: float = 0.5) -> Hierarchy:
    """The hierarchy of closed regions that a soft boundary map (H, W) in [0, 1] implies; heights are mean strengths.

    `boundaries` of the result is the map thinned (`boundary_thinning`). Every leaf, and so every region, is 4-connected.
    default: the level that `level()` takes. Raises InputError for another shape and for values outside [0, 1].
    """
    from ..kernels.region_graph import merge_tree, region_graph

    strength = checked_strength(strength)
    leaves = watershed_leaves(strength)
    graph = region_graph(leaves, *oriented_strength(strength, leaves))
    count = int(leaves.max())
    merges, heights = merge_tree(graph, np.ones(count), np.zeros((count, 0)))
    return Hierarchy(leaves, merges, np.minimum(heights, 1), default, thinned=thinned(strength))


def watershed_leaves(strength: NDArray[np.float32]) -> NDArray[np.int32]:
    """The watershed's basins, (H, W) int32 ids 1..n, one for each 4-connected minimum of the strength in 4095 steps."""
    from ..kernels.priority_flood import priority_flood

    relief = (strength * np.float32(_LEVELS) + np.float32(0.5)).astype(np.uint16)
    return priority_flood(relief, _minima(relief))


def oriented_strength(
    strength: NDArray[np.float32], leaves: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The strength of each pixel side between two leaves, in the direction of its arc.

    To the right, (H, W - 1), and below, (H - 1, W); 0 inside a leaf. The stronger of the two pixels counts.
    """
    xx, xy, yy = structure_tensor(strength)
    across, down = border_normals(leaves)
    return _weighted(strength, xx, xy, yy, across, down)


def structure_tensor(strength: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Products of the derivatives along x and y, xx, xy, yy, gathered by a Gaussian of 2 pixels: three (H, W) float32."""
    from scipy.ndimage import gaussian_filter

    xx, xy, yy = _products(strength)
    return tuple(gaussian_filter(plane, _SIGMA, truncate=3.0) for plane in (xx, xy, yy))


@njit(cache=True, nogil=True)
def _products(strength):  # type: ignore[no-untyped-def]
    height, width = strength.shape
    xx, xy, yy = np.empty_like(strength), np.empty_like(strength), np.empty_like(strength)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            dx = (strength[y, right] - strength[y, left]) / np.float32(max(right - left, 1))
            dy = (strength[down, x] - strength[up, x]) / np.float32(max(down - up, 1))
            xx[y, x], xy[y, x], yy[y, x] = dx * dx, dx * dy, dy * dy
    return xx, xy, yy


@njit(nogil=True, inline="always")
def _along(strength, xx, xy, yy, y0, x0, y1, x1, nx, ny):  # type: ignore[no-untyped-def]
    if strength[y1, x1] > strength[y0, x0]:
        y0, x0 = y1, x1
    a, b, c = xx[y0, x0], xy[y0, x0], yy[y0, x0]
    greatest = np.float32(0.5) * (a + c + np.sqrt((a - c) * (a - c) + np.float32(4) * b * b))
    if greatest <= 0 or (nx == 0 and ny == 0):
        return strength[y0, x0]
    share = (a * nx * nx + np.float32(2) * b * nx * ny + c * ny * ny) / greatest
    return strength[y0, x0] * min(max(share / _ALIGNED, np.float32(0)), np.float32(1))


@njit(cache=True, nogil=True)
def _weighted(strength, xx, xy, yy, across, down):  # type: ignore[no-untyped-def]
    height, width = strength.shape
    right, below = np.zeros((height, across.shape[1]), np.float32), np.zeros((down.shape[0], width), np.float32)
    for y in range(height):
        for x in range(width - 1):
            nx, ny = across[y, x, 0], across[y, x, 1]
            right[y, x] = _along(strength, xx, xy, yy, y, x, y, x + 1, nx, ny)
    for y in range(height - 1):
        for x in range(width):
            nx, ny = down[y, x, 0], down[y, x, 1]
            below[y, x] = _along(strength, xx, xy, yy, y, x, y + 1, x, nx, ny)
    return right, below


@njit(cache=True, nogil=True)
def _minima(relief):  # type: ignore[no-untyped-def]
    """Plateaus (4-connected) without a lower 4-neighbour, numbered from 1 in the order of their first pixels; 0 elsewhere."""
    height, width = relief.shape
    ids = np.full((height, width), -1, np.int32)  # -1: not seen yet
    plateau = np.empty(height * width, np.int32)
    count = 0
    for start in range(height * width):
        if ids[start // width, start % width] >= 0:
            continue
        level = relief[start // width, start % width]
        lowest = True
        plateau[0] = start
        ids[start // width, start % width] = 0
        found, done = 1, 0
        while done < found:
            y, x = plateau[done] // width, plateau[done] % width
            done += 1
            for k in range(4):
                qy, qx = y + (k == 2) - (k == 0), x + (k == 1) - (k == 3)
                if not (0 <= qy < height and 0 <= qx < width):
                    continue
                other = relief[qy, qx]
                if other < level:
                    lowest = False
                elif other == level and ids[qy, qx] < 0:
                    ids[qy, qx] = 0
                    plateau[found] = qy * width + qx
                    found += 1
        if lowest:
            count += 1
            for k in range(found):
                ids[plateau[k] // width, plateau[k] % width] = count
    return ids
