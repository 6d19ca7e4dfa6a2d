"""Split and merge: quarter the image until every block is uniform, then join neighbours while the whole stays uniform.

    image (H, W[, C]) in [0, 1] -> quadtree of uniform blocks -> merged uniform regions (H, W)

Paper: Horowitz & Pavlidis, "Picture Segmentation by a Tree Traversal Algorithm", J. ACM 23(2), 1976.

Uniform means a small range, max - min, of the values.

Differs from the paper: splitting starts at the whole image rather than at a middle level of the tree, and asks for a
smaller range than merging, since blocks that already use up the whole range merge with nothing and stay blocks.
Neighbours merge in rising order of the range of their union rather than in the tree's order. Because a union's range
never falls, one pass over the pairs ends with no two neighbours that could still merge. The image may have any size:
halves are rounded.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .region_adjacency import absorb_small


@method
def split_merge(
    image: Image,
    *,
    tolerance: Annotated[float, Option("largest max - min of a region in any band, on [0, 1]", 0, 1)] = 0.3,
    block_tolerance: Annotated[float, Option("the same of a block of the quadtree", 0, 1)] = 0.08,
    sigma: Annotated[float, Option("Gaussian smoothing before", 0, 50, "pixels")] = 1.0,
    min_area: Annotated[
        int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")
    ] = 50,
) -> Segmentation:
    """Connected regions whose values differ by at most `tolerance` in every band (before small ones are joined).

    With min_area 1 every region keeps the tolerance. A block_tolerance above `tolerance` counts as `tolerance`.
    sigma: single noisy pixels would otherwise split everything.

    Source: Horowitz & Pavlidis 1976.
    """
    from scipy import ndimage

    from .quadtree_kernel import merge, split

    unit = image.unit()
    smooth = unit
    if sigma:
        smooth = np.stack([ndimage.gaussian_filter(band, sigma) for band in np.moveaxis(unit, -1, 0)], axis=-1)
    smooth = np.ascontiguousarray(smooth)
    labels = merge(smooth, split(smooth, np.float32(min(block_tolerance, tolerance))), np.float32(tolerance))
    return Segmentation.from_labels(absorb_small(labels, smooth, min_area))
