"""Non-local means: each pixel becomes the mean of pixels whose surroundings look alike.

Paper: Buades, Coll & Morel, "A non-local algorithm for image denoising", CVPR 2005; scikit-image's fast version after
Darbon et al., ISBI 2008. The noise is estimated after Immerkaer, "Fast noise variance estimation", CVIU 64(2), 1996.

Differs from the paper: h is 0.8 of the noise, as the expected distance of equal patches is subtracted first.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import damage, scale_of


@damage
def non_local_means_filter(
    image: Image,
    *,
    noise: Annotated[
        float | None, Option("standard deviation of the noise, as a share of black to white; none estimates it", 0, 10)
    ] = None,
    patch: Annotated[int, Option("side of the compared squares", 1, 31, "pixels")] = 5,
    distance: Annotated[int, Option("how far away patches are looked for", 1, 50, "pixels")] = 6,
) -> NDArray:
    """Patches are compared over all bands together. No noise, or an image without any, gives the image unchanged."""
    from skimage.restoration import denoise_nl_means

    scale = scale_of(image)
    span = scale.span or 1.0
    unit = ((image.pixels.astype(np.float32) - np.float32(scale.low)) / np.float32(span)).reshape(*image.shape, -1)
    sigma = estimated_noise(unit) if noise is None else noise
    if not sigma:
        return image.pixels
    smooth = denoise_nl_means(
        unit, patch_size=patch, patch_distance=distance, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
    )
    return smooth.reshape(image.pixels.shape) * span + scale.low


def estimated_noise(unit: NDArray[np.float32]) -> float:
    """Standard deviation of Gaussian noise in (H, W, C), the mean over bands; 0 for sides under 3 pixels.

    The difference of two Laplacians hears no flat, sloped or straight-edged signal; of N(0, s^2) it has deviation 6 s.
    """
    from scipy.ndimage import correlate

    if min(unit.shape[:2]) < 3:
        return 0.0
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    heard = [np.abs(correlate(unit[..., i], mask)[1:-1, 1:-1]).mean() for i in range(unit.shape[2])]
    return float(np.mean(heard)) * math.sqrt(math.pi / 2) / 6
