"""Region merging: from superpixels to the whole image, the most similar neighbours first, every level kept.

Papers: Arbeláez, "Boundary Extraction in Natural Images Using Ultrametric Contour Maps", CVPR Workshops 2006; Haris et
al., "Hybrid Image Segmentation Using Watersheds and Fast Region Merging", IEEE Trans. Image Processing 7(12), 1998:

    image -> superpixels -> region graph (border contrast, mean colour) -> merge tree -> Hierarchy -> one level

Differs from the papers: a pair costs (mean contrast along the border + distance of mean colours, L*a*b*) times a power
of the harmonic area, so that crumbs go first; the running maximum of costs makes heights an ultrametric.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.hierarchy import Hierarchy
from ..core.image import Image, as_image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation

# Chosen on 40 BSDS500 val photos by covering (benchmarks/tune_region_merging.py); the default level is the best of the set.
_BORDER, _COLOUR = 1.0, 1.0  # weights of the border's contrast and of the mean colours' distance
_SIZE = 0.2  # power of the harmonic area in a pair's cost
_HALF = 210.0  # cost that becomes height 0.5
_LEVEL = 0.5


@method
def region_merging(
    image: Image,
    *,
    level: Annotated[
        float, Option("height up to which regions are merged; ignored when regions is given", 0, 1)
    ] = _LEVEL,
    regions: Annotated[int | None, Option("number of regions", 1, 1_000_000, "regions")] = None,
    superpixels: Annotated[int | None, Option("number of regions to start from", 1, 1_000_000, "regions")] = None,
) -> Segmentation:
    """Merge superpixels by contrast and colour up to a level, or down to a number of regions.

    Every region is 4-connected. Any number of bands. Read several levels at once with `merging_hierarchy`.
    """
    return merging_hierarchy(image, superpixels=superpixels).cut(level, regions)


def merging_hierarchy(image: Image | NDArray, *, superpixels: int | None = None) -> Hierarchy:
    """The whole merge tree of an image; superpixels: its leaves, by default one for 100 pixels (at least 200)."""
    from scipy import ndimage

    from ..kernels.region_graph import merge_tree, region_graph, region_sums
    from ..superpixels.frame import lab_planes
    from ..superpixels.slic import slic_labels

    image = as_image(image)
    bands = image.pixels if image.pixels.dtype == np.uint8 else image.unit()
    wanted = superpixels or max(200, image.height * image.width // 100)
    leaves = slic_labels(bands, wanted, 10.0)
    planes, units = lab_planes(bands)
    smooth: NDArray[np.float32] = np.stack([ndimage.gaussian_filter(plane.astype(np.float32), 1.0) for plane in planes])
    smooth /= np.float32(units)
    across, down = contrast(smooth)
    area, sums = region_sums(leaves, smooth)
    graph = region_graph(leaves, across, down)
    merges, costs = merge_tree(graph, area, sums, border=_BORDER, colour=_COLOUR, size=_SIZE)
    heights = (costs / (costs + _HALF)).astype(np.float32)
    return Hierarchy(leaves, merges, heights, default=_LEVEL)


def contrast(planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Euclidean difference of planes (C, H, W) between each pixel and the next: to the right (H, W - 1), below (H - 1, W).

    Taken over two pixels on each side where there are as many, as an edge of a photo is wider than one step.
    """

    def along(values: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = np.empty((values.shape[0], values.shape[1], values.shape[2] - 1), np.float32)
        wide[...] = values[..., 1:] - values[..., :-1]
        wide[..., 1:-1] = values[..., 3:] - values[..., :-3]
        return np.sqrt((wide**2).sum(axis=0))

    return along(planes), along(planes.transpose(0, 2, 1)).T
