"""Marr-Hildreth: edges are the zero crossings of the Laplacian of a Gaussian, which are closed by nature.

    image (H, W[, C]) -> grey (H, W) in [0, 1] -> LoG (H, W) -> components of equal sign -> flat crossings removed
        -> small regions absorbed -> regions (H, W)

Paper: Marr & Hildreth, "Theory of Edge Detection", Proc. R. Soc. Lond. B 207, 1980.

Differs from the paper: one scale, not the agreement of several; a crossing is kept by its mean slope over a whole
border between two regions, so that what stays is closed.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .region_adjacency import absorb_small, merge_weak_borders


@method
def marr_hildreth(
    image: Image,
    *,
    sigma: Annotated[float, Option("standard deviation of the Gaussian", 0.3, 100, "pixels")] = 2.0,
    slope: Annotated[float, Option("least mean step of sigma^2 LoG across a border, on [0, 1]", 0, 1)] = 0.015,
    min_area: Annotated[
        int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")
    ] = 50,
) -> Segmentation:
    """Connected regions between zero crossings of the Laplacian of a Gaussian.

    slope: on the scale-normalised Laplacian: a straight step of height 1 has about 0.4 / sigma. 0 keeps every crossing.

    Source: Marr & Hildreth 1980.
    """
    from scipy import ndimage

    grey = image.grey().astype(np.float64)
    laplacian = sigma**2 * ndimage.gaussian_laplace(grey, sigma, mode="nearest")
    # Rounding must not make crossings out of a flat image.
    laplacian[np.abs(laplacian) < 1e-9] = 0.0
    positive, count = ndimage.label(laplacian > 0)
    negative, _ = ndimage.label(laplacian <= 0)
    labels = np.where(positive > 0, positive, negative + count)
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    steps = (np.abs(np.diff(laplacian, axis=1)), np.abs(np.diff(laplacian, axis=0)))
    labels = merge_weak_borders(labels, steps, slope)
    return Segmentation.from_labels(absorb_small(labels, image.unit(), min_area))
