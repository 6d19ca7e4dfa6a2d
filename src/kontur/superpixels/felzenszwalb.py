"""Felzenszwalb & Huttenlocher: join neighbours, the most alike first, while they differ no more than each side within.

Paper: Felzenszwalb & Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 59(2), 2004.

    bands (H, W, C) -> Gaussian smoothing -> edges of the 8-neighbour grid, sorted -> union-find -> ids (H, W)

Regions are 8-connected. Edges of equal weight are taken in the order of their left (or upper) pixel, row by row, and at
a pixel right, down, down-right, up-right.

Differs from the paper: none in the algorithm. Smoothing is that of the authors' code (kernel radius 4 sigma, border
repeated). The weights are sorted by counting on the leading bits of the squared distance, then within each bucket.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .felzenszwalb_kernel import count_edges, partition, scatter_edges, smooth, sort_buckets
from .frame import bands_of, checked_mask

# Leading bits of a float32 (without its sign) that make a bucket: 8 of exponent and 6 of mantissa.
_SHIFT = 17
_BUCKETS = 1 << (31 - _SHIFT)


@method
def felzenszwalb(
    image: Image,
    *,
    scale: Annotated[float, Option("k of the paper: larger values give larger regions", 0, 1e9)] = 300.0,
    sigma: Annotated[float, Option("smoothing before the segmentation", 0, 100, "pixels")] = 0.8,
    min_size: Annotated[int, Option("smaller regions are joined to a neighbour", 1, 1_000_000_000, "pixels")] = 100,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Regions that follow the image: large where it is even, small where it is not.

    Any number of bands; the weight of an edge is the Euclidean distance of the two pixels' values in 0..255 (beyond
    three bands divided by sqrt(C / 3)). Source: Felzenszwalb & Huttenlocher, IJCV 59(2), 2004.
    """
    return Segmentation.from_ids(felzenszwalb_labels(bands_of(image), scale, sigma, min_size, mask=mask))


def felzenszwalb_labels(
    bands: NDArray,
    scale: float = 300.0,
    sigma: float = 0.8,
    min_size: int = 100,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """The segmentation of an array.

    bands:    (H, W) or (H, W, C), uint8 or float in [0, 1].
    scale:    k of the paper.   sigma: pixels, 0 for none.   min_size: pixels.
    mask:     (H, W) bool; edges outside it are left out. A region cut off by it may be smaller than min_size.
    returns:  (H, W) int32, ids 1..n in the order of their first pixel, 0 outside the mask.
    """
    mask = checked_mask(mask, bands.shape[:2])
    planes = smoothed(bands, sigma)
    inside = np.empty((0, 0), bool) if mask is None else mask
    edges = sorted_edges(planes, inside)
    _, height, width = planes.shape
    del planes
    # Made by NumPy, which asks the system for large pages; these three are read in random order.
    parent = np.arange(height * width, dtype=np.int32)
    pixels = np.ones(height * width, np.int32)
    limit = np.full(height * width, scale, np.float32)
    return partition(edges, height, width, inside, np.float32(scale), min_size, parent, pixels, limit)


def smoothed(bands: NDArray, sigma: float) -> NDArray[np.float32]:
    """Planes (C, H, W) float32 in 0..255 after Gaussian smoothing; beyond three bands divided by sqrt(C / 3)."""
    bands = bands[..., None] if bands.ndim == 2 else bands
    height, width, channels = bands.shape
    factor = (1.0 if bands.dtype == np.uint8 else 255.0) * min(1.0, (3.0 / channels) ** 0.5)
    radius = int(np.ceil(4 * sigma)) if sigma > 0 else 0
    kernel = np.exp(-0.5 * (np.arange(radius + 1) / max(sigma, 1e-6)) ** 2)
    kernel /= kernel[0] + 2 * kernel[1:].sum()
    planes = np.empty((channels, height, width), np.float32)
    for c in range(channels):
        smooth(bands[..., c], kernel.astype(np.float32), np.float32(factor), planes[c])
    return planes


def sorted_edges(planes: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """All edges by rising weight: upper half the float32 bits of its square, lower half 4 * pixel + direction."""
    count = np.zeros(_BUCKETS + 1, np.int64)
    count_edges(planes, inside, count)
    edges = np.empty(int(count.sum()), np.uint64)
    ends = np.cumsum(count)
    start = ends - count
    scatter_edges(planes, inside, start, edges)
    sort_buckets(edges, ends - count, ends)
    return edges
