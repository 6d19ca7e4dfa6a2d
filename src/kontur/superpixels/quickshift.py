"""Quick shift: every pixel points to the nearest pixel of higher density; long pointers are cut, the trees are the regions.

Paper: Vedaldi & Soatto, "Quick Shift and Kernel Methods for Mode Seeking", ECCV 2008.

    bands (H, W, C) -> L*a*b* * ratio -> density (H, W) -> parent of each pixel -> trees -> connected ids (H, W)

Densities are sums over a window of 3 kernel sizes each way. Of pixels of equal density the earlier one (row by row)
counts as higher; of equally near parents the first in the window is taken: nothing is random.

Differs from the paper: parents are sought within `max_distance` only, where the cut would keep them. Trees need not be
connected on the grid, so at the end the largest pieces, as many as there are trees, stay, and smaller ones join their
most similar neighbour.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from ..kernels.colour import rgb_to_lab
from ..kernels.connectivity import connected
from .frame import bands_of, checked_mask
from .quickshift_kernel import add_density, climb, find_parents


@method
def quickshift(
    image: Image,
    *,
    kernel_size: Annotated[float, Option("width of the Gaussian density", 0.1, 50, "pixels")] = 5.0,
    max_distance: Annotated[
        float, Option("longest pointer that is kept; larger: fewer regions", 0, 1000, "pixels")
    ] = 10.0,
    ratio: Annotated[float, Option("weight of colour (L*a*b*) against position", 0, 100)] = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Regions by mode seeking in colour and position: no number to choose, shapes free.

    Any number of bands; three are taken as red, green and blue, one as L*, more weigh together as much as three. The cost
    grows with the square of `kernel_size` and `max_distance`. Source: Vedaldi & Soatto, ECCV 2008.
    """
    return Segmentation.from_ids(quickshift_labels(bands_of(image), kernel_size, max_distance, ratio, mask=mask))


def quickshift_labels(
    bands: NDArray,
    kernel_size: float = 5.0,
    max_distance: float = 10.0,
    ratio: float = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Quick shift on an array (H, W) or (H, W, C), uint8 or float in [0, 1]; (H, W) int32 ids, 0 outside the mask."""
    mask = checked_mask(mask, bands.shape[:2])
    planes = _colour_planes(bands, ratio)
    root = trees(planes, kernel_size, max_distance, mask)
    count = int(np.count_nonzero(root == np.arange(root.size).reshape(root.shape)))
    return connected(root, planes, count)


def trees(
    planes: NDArray[np.float32], kernel_size: float, max_distance: float, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """The flat index of the root of each pixel's tree, (H, W) int32; -1 outside the mask. planes: (C, H, W)."""
    height, width = planes.shape[1:]
    longest = max(height, width) - 1  # no window needs to be larger than the image
    reach = min(int(np.ceil(3 * kernel_size)), longest)
    inside = np.ones((height, width), np.float32) if mask is None else mask.astype(np.float32)
    density = np.zeros((height, width), np.float32)
    # exp(-d / 2 k^2) = 2^(d * rate)
    add_density(planes, inside, reach, np.float32(-0.5 / (kernel_size * kernel_size * np.log(2))), density)
    if mask is not None:
        density[~mask] = -1.0
    reach = min(int(np.floor(max_distance)), longest)
    root = np.empty((height, width), np.int32)
    find_parents(planes, density, reach, np.float32(min(max_distance, 1e9) ** 2), root)
    climb(root.ravel())
    if mask is not None:
        root[~mask] = -1
    return root


def _colour_planes(bands: NDArray, ratio: float) -> NDArray[np.float32]:
    bands = bands[..., None] if bands.ndim == 2 else bands
    channels = bands.shape[2]
    if channels == 3:
        values = rgb_to_lab(bands)
    else:
        whole = 255.0 if bands.dtype == np.uint8 else 1.0
        values = bands.astype(np.float32) * np.float32(100 / whole * min(1.0, (3 / channels) ** 0.5))
    return np.ascontiguousarray(np.moveaxis(values * np.float32(ratio), 2, 0))
