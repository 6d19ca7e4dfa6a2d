"""Oriented watershed and ultrametric contour map: a soft boundary map becomes a hierarchy of closed regions.

Paper: Arbeláez, Maire, Fowlkes & Malik, "Contour Detection and Hierarchical Image Segmentation", TPAMI 33(5), 2011,
sections 4.1 and 4.2:

    strength (H, W) -> watershed of its minima -> arcs, straight segments -> strength along each segment's direction
        -> mean strength of the arcs between two regions, less what lies inside -> merging, weakest first -> Hierarchy

A plain watershed gives an arc that ends at a strong boundary high values there, although nothing lies along the arc.

Differs from the paper: the map has no orientations, so the strength at a pixel in an arc's direction is its strength
times min(1, 5 n'Jn / greatest eigenvalue of J), n the unit vector across the arc, J the structure tensor of the map
(Förstner & Gülch, 1987): 1 for arcs up to 63 degrees off a line of the map, falling to 0 across it, 1 in every direction
where several lines meet. (Without the factor 5, bends and short arcs of true boundaries lose strength.) The watershed's
lines lie between pixels, not on pixels, so no pixel is lost to them. Half of the least strength inside the two regions,
the greater one, is taken off the mean strength of their border: a network's strengths are level on the crest of a broad
boundary, and the ripples there would else be regions with the strongest of borders (figures in docs/log.md).
An arc (section 4.1: cut at its farthest point while that
lies too far from the straight line between its ends) is a chain of the sides of pixels, not of pixels; a chain steps
even along a straight slanted line, so a point may lie one pixel off whatever the segment's length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.hierarchy import Hierarchy, checked_strength
from .boundary_arcs_kernel import normals
from .boundary_thinning import thinned
from .oriented_watershed_kernel import least_inside, minima, products, weigh

# Chosen on BSDS500 val (benchmarks/contours_bsds.py --tune).
_LEVELS = 4095  # steps of strength that the flood tells apart
_ALIGNED = 0.2  # squared cosine between an arc and the map's line from which on they count as one
_SIGMA = 2.0  # pixels; over which the structure tensor is gathered
_REACH = 3.0  # of the Gaussian, in sigmas
_SIZE = 0.0  # power of the pair's harmonic area
_FLOOR = 0.5  # share of the least strength inside a region that is taken off its border's
_COLOUR = 0.0  # share of the colours' distance in a pair's height
_SHARE = 0.1  # of a segment's length that its points may lie off it
_ROWS = 1024  # of the structure tensor that are in memory at a time


def contour_hierarchy(
    strength: NDArray,
    *,
    default: float = 0.5,
    thin: bool = True,
    planes: NDArray[np.float32] | None = None,
    levels: int = _LEVELS,
    aligned: float = _ALIGNED,
    sigma: float = _SIGMA,
    rim: int = 0,
    size: float = _SIZE,
    colour: float = _COLOUR,
    floor: float = _FLOOR,
) -> Hierarchy:
    """The hierarchy of closed regions that a soft boundary map (H, W) in [0, 1] implies.

    Heights are mean strengths of borders, less half of the least strength inside.

    `boundaries` of the result is the map thinned (`boundary_thinning`); with thin=False, which saves a third of the
    time, its ultrametric. Every leaf, and so every region, is 4-connected. default: the level that `level()` takes.

    The method's constants: levels, in 1..65535: steps of strength that the flood tells apart; aligned, above 0: squared
    cosine between an arc and the map's line from which on they count as one; sigma: of the structure tensor, pixels;
    rim: see `thinned`; size: heights are multiplied by (4 a b / ((a + b) N))^size, a and b the areas, N the image's, so
    that crumbs go first; colour: share in a height of the distance of the mean values of planes (C, H, W), in [0, 1];
    floor: the share of the least strength inside that is taken off a height.

    Raises InputError for another shape and for values outside [0, 1].
    """
    from ..kernels.region_graph import merge_tree, region_graph, region_sums

    strength = checked_strength(strength)
    leaves = watershed_leaves(strength, levels)
    graph = region_graph(leaves, *oriented_strength(strength, leaves, aligned, sigma))
    count = int(leaves.max())
    area, sums = np.ones(count), np.zeros((count, 0))
    if size > 0 or colour > 0:
        area = np.bincount(leaves.ravel())[1:].astype(np.float64)
        if colour > 0:
            if planes is None:
                raise OptionError(f"option colour: expected 0 without planes, got {colour}")
            _, sums = region_sums(leaves, planes)
        unit = leaves.size / 4  # the largest harmonic area of two regions
        area, sums = area / unit, sums / unit
    floors = floor * least_inside(strength, leaves, count) if floor > 0 else None
    merges, heights = merge_tree(graph, area, sums, border=1 - colour, colour=colour, size=size, floors=floors)
    lines = thinned(strength, rim=rim) if thin else None
    return Hierarchy(leaves, merges, np.minimum(heights, 1), default, thinned=lines)


def watershed_leaves(strength: NDArray[np.float32], levels: int = _LEVELS) -> NDArray[np.int32]:
    """The watershed's basins, (H, W) int32 ids 1..n, one for each 4-connected minimum of the strength in so many steps."""
    from ..kernels.priority_flood import priority_flood

    relief = (strength * np.float32(levels) + np.float32(0.5)).astype(np.uint16)
    return priority_flood(relief, minima(relief))


def oriented_strength(
    strength: NDArray[np.float32], leaves: NDArray[np.int32], aligned: float = _ALIGNED, sigma: float = _SIGMA
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The strength of each pixel side between two leaves, in the direction of its arc.

    To the right, (H, W - 1), and below, (H - 1, W); 0 inside a leaf. The stronger of the two pixels counts.
    """
    across, down = border_normals(leaves)
    height, width = strength.shape
    right, below = np.zeros((height, width - 1), np.float32), np.zeros((height - 1, width), np.float32)
    margin = int(_REACH * sigma + 0.5) + 2
    for top in range(0, height, _ROWS):
        stop = min(top + _ROWS, height)
        first = max(top - margin, 0)
        xx, xy, yy = structure_tensor(strength[first : stop + margin], sigma)
        weigh(strength, xx, xy, yy, first, across, down, right, below, top, stop, np.float32(aligned))
    return right, below


def structure_tensor(strength: NDArray[np.float32], sigma: float = _SIGMA) -> tuple[NDArray[np.float32], ...]:
    """Products of the derivatives along x and y, xx, xy, yy, gathered by a Gaussian of sigma pixels: three (H, W) float32."""
    from scipy.ndimage import gaussian_filter

    xx, xy, yy = products(strength)
    return tuple(gaussian_filter(plane, sigma, truncate=_REACH) for plane in (xx, xy, yy))


def border_normals(ids: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors (x, y) across the segment that each pixel side between two regions belongs to.

    ids: (H, W). Returns those of the sides between a pixel and the next to the right, (H, W - 1, 2), and below,
    (H - 1, W, 2); 0 where both pixels are of one region, and on closed borders one pixel wide.
    """
    return normals(np.ascontiguousarray(ids), np.float64(_SHARE))
