"""Normalised-cut superpixels: the image cut in two, the larger part again, until there are as many as asked for.

Paper: Ren & Malik, "Learning a Classification Model for Segmentation", ICCV 2003:

    image -> fine superpixels -> their graph, weights by contour and colour -> normalised cuts -> superpixels

Differs from the paper: nodes are SLIC superpixels (about four to one of the result, 1000 at least), not pixels, which
makes it hundreds of times faster; contours are colour contrast along the common border, without texture.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .frame import Frame, bands_of, each_its_own
from .slic import slic_labels


@method
def normalized_cut_superpixels(
    image: Image,
    *,
    segments: Annotated[int, Option("number of regions", 1, 20_000, "regions")] = 400,
    sigma: Annotated[
        float, Option("colour difference at which an edge has weight 0.6", 0.01, 1000, "units of L*")
    ] = 10.0,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Superpixels of even size by recursive normalised cuts; exactly the number asked for, at most one a pixel.

    Every region is 4-connected. Any number of bands; three are taken as red, green and blue.
    """
    return Segmentation.from_ids(ncut_labels(bands_of(image), segments, sigma, mask=mask))


def ncut_labels(
    bands: NDArray, segments: int, sigma: float = 10.0, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Normalised-cut superpixels of an array (H, W) or (H, W, C), uint8 or float in [0, 1]: ids 1..n (H, W).

    mask: (H, W) bool; superpixels lie in it only, 0 outside; each of its connected pieces gets one at least.
    """
    from ..kernels.region_graph import region_sums
    from ..kernels.spectral_cut import even_cuts

    frame = Frame.of(bands, segments, mask)
    if frame.area == 0:
        return np.zeros(frame.shape, np.int32)
    fine = slic_labels(bands, min(max(4 * frame.count, 1000), frame.area), 10.0, mask=mask)
    if fine.max() < frame.count:  # an image of a few pixels
        fine = each_its_own(frame.inside)
    affinity, touching = region_affinity(fine, frame.planes.astype(np.float32) / np.float32(frame.units), sigma)
    area, _ = region_sums(fine, frame.planes[:1])
    parts = np.concatenate([[0], even_cuts(affinity, touching, area, frame.count) + 1])
    return parts.astype(np.int32)[fine]


def region_affinity(ids: NDArray[np.int32], planes: NDArray[np.float32], sigma: float) -> tuple[Any, Any]:
    """Weights and contacts of the regions 1..n of a map, (n, n) CSR each.

    A weight is the length of the common border times exp(-(d² + c²) / 2 sigma²), d the distance of mean colours, c the mean
    contrast along the border; planes (C, H, W).
    """
    from scipy import sparse

    from ..kernels.region_graph import region_graph, region_sums

    across = np.sqrt((np.diff(planes, axis=2) ** 2).sum(axis=0))
    down = np.sqrt((np.diff(planes, axis=1) ** 2).sum(axis=0))
    graph = region_graph(ids, across, down)
    area, sums = region_sums(ids, planes)
    mean = sums / area[:, None]
    i, j = graph.ends.T
    contrast = graph.strength / graph.length
    squares = ((mean[i] - mean[j]) ** 2).sum(axis=1) + contrast**2
    weight = graph.length * (np.exp(-squares / (2 * sigma * sigma)) + 1e-6)
    shape = (len(area), len(area))

    def symmetric(values: NDArray) -> Any:
        return sparse.csr_matrix((np.tile(values, 2), (np.concatenate([i, j]), np.concatenate([j, i]))), shape)

    return symmetric(weight), symmetric(np.ones(len(i)))
