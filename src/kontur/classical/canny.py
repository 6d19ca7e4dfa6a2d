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


@method
def canny(
    image: Image,
    *,
    sigma: Annotated[float, Option("standard deviation of the Gaussian", 0, 50, "pixels")] = 1.5,
    low: Annotated[float, Option("weak edges: gradient on the scaled image", 0, 4)] = 0.08,
    high: Annotated[float, Option("strong edges: gradient on the scaled image", 0, 4)] = 0.2,
    closure: Annotated[float, Option("least share of a border that is edge; 1 closes no gap", 0, 1)] = 0.6,
    min_area: Annotated[
        int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")
    ] = 50,
) -> Segmentation:
    """Connected regions enclosed by Canny's edges, gaps bridged.

    low, high: on the gradient as in scikit-image's `feature.canny`, where a smoothed step of height 1 has about
    1.6 / sigma. An edge that encloses nothing leaves no region.

    Raises OptionError where low > high.

    Source: Canny 1986.
    """
    from scipy import ndimage
    from skimage.feature import canny as detect

    from .watershed import deep_minima, flooded

    if low > high:
        raise OptionError(f"option low: expected at most high ({high:g}), got {low:g}")
    edges = detect(image.grey().astype(np.float64), sigma, low, high, mode="nearest")
    if not edges.any():
        return Segmentation.from_ids(np.ones(image.shape, np.int32))
    distance = ndimage.distance_transform_edt(~edges)
    basins = flooded(-distance, deep_minima(-distance, 0.5)) - 1
    labels = merge_weak_borders(basins, cracks_of(edges.astype(np.float32)), closure)
    return Segmentation.from_labels(absorb_small(labels, image.unit(), min_area))
