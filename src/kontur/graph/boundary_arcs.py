"""Borders between regions as arcs from junction to junction, and the straight segments that fit them.

Source: Arbeláez, Maire, Fowlkes & Malik, "Contour Detection and Hierarchical Image Segmentation", TPAMI 33(5), 2011,
section 4.1: an arc is cut at its farthest point while that lies too far from the straight line between its ends.

Differs from the paper: an arc is a chain of the sides of pixels, not of pixels; a chain steps even along a straight
slanted line, so a point may lie one pixel off whatever the segment's length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .boundary_arcs_kernel import normals

_SHARE = 0.1  # of a segment's length that its points may lie off it


def border_normals(ids: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors (x, y) across the segment that each pixel side between two regions belongs to.

    ids: (H, W). Returns those of the sides between a pixel and the next to the right, (H, W - 1, 2), and below,
    (H - 1, W, 2); 0 where both pixels are of one region, and on closed borders one pixel wide.
    """
    return normals(np.ascontiguousarray(ids), np.float64(_SHARE))
