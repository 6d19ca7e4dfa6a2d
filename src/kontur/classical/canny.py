"""Canny: thin edges by non-maximum suppression and hysteresis, then linked across their gaps into closed regions.

    grey (H, W) in [0, 1] -> edges (H, W) bool -> distance to the nearest edge -> watershed from its peaks
        -> borders with too little edge on them removed -> small regions absorbed -> regions (H, W)

Paper: Canny, "A Computational Approach to Edge Detection", IEEE TPAMI 8(6), 1986. Flooding the distance to the edges
closes a gap by the straightest line between its ends, because gaps are the necks of that relief.

Differs from the paper: the thresholds are fixed on the scaled image, not estimated from the noise; one scale. The
closing into regions is not in the paper.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..core.errors import OptionError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .region_adjacency import absorb_small, cracks_of, merge_weak_borders

SOBEL_GAIN = 8.0
"""What the Sobel masks inside scikit-image's Canny make of a slope of 1 per pixel."""


@method
def canny(
    image: Image,
    *,
    sigma: Annotated[float, Option("standard deviation of the Gaussian", 0, 50, "pixels")] = 1.5,
    low: Annotated[float, Option("weak edges: slope of the scaled image per pixel", 0, 1)] = 0.015,
    high: Annotated[float, Option("strong edges: slope of the scaled image per pixel", 0, 1)] = 0.04,
    closure: Annotated[float, Option("least share of a border that is edge; 1 closes no gap", 0, 1)] = 0.6,
    min_area: Annotated[
        int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")
    ] = 50,
) -> Segmentation:
    """Connected regions enclosed by Canny's edges, gaps bridged.

    low, high: of the smoothed image; a step of height 1 has about 0.4 / sigma. (scikit-image's `feature.canny` counts
    8 times as much.) An edge that encloses nothing leaves no region.

    Raises OptionError where low > high.

    Source: Canny 1986.
    """
    from scipy import ndimage
    from skimage.feature import canny as detect

    from ..kernels.priority_flood import priority_flood
    from .watershed import deep_minima

    if low > high:
        raise OptionError(f"option low: expected at most high ({high:g}), got {low:g}")
    edges = detect(image.grey().astype(np.float64), sigma, SOBEL_GAIN * low, SOBEL_GAIN * high, mode="nearest")
    if not edges.any():
        return Segmentation.from_ids(np.ones(image.shape, np.int32))
    distance = ndimage.distance_transform_edt(~edges)
    basins = priority_flood(-distance, deep_minima(-distance, 0.5)) - 1
    labels = merge_weak_borders(basins, cracks_of(edges.astype(np.float32)), closure)
    return Segmentation.from_labels(absorb_small(labels, image.unit(), min_area))
