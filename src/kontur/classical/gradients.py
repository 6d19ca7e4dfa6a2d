"""Gradients by masks of three pixels: a central difference across the edge, smoothed along it.

band (H, W) in [0, 1] -> sqrt((gx^2 + gy^2) / 2) (H, W); a step of height 1 has magnitude 0.71
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image

SOBEL = (1 / 4, 2 / 4, 1 / 4)
SCHARR = (3 / 16, 10 / 16, 3 / 16)
PREWITT = (1 / 3, 1 / 3, 1 / 3)


def gradient_magnitude(band: NDArray, across: tuple[float, float, float]) -> NDArray[np.float64]:
    """sqrt((gx^2 + gy^2) / 2) of one band (H, W) in [0, 1], borders repeated; `across` smooths along the edge."""
    from scipy import ndimage

    band = band.astype(np.float64)
    square = np.zeros(band.shape)
    for axis in (0, 1):
        step = ndimage.correlate1d(band, (-1.0, 0.0, 1.0), axis=axis, mode="reflect")
        square += ndimage.correlate1d(step, across, axis=1 - axis, mode="reflect") ** 2
    return np.sqrt(square / 2)


def strongest_gradient(image: Image, across: tuple[float, float, float], sigma: float) -> NDArray[np.float64]:
    """The largest gradient magnitude of any band, after Gaussian smoothing; (H, W) in [0, 1]."""
    from scipy import ndimage

    strongest = np.zeros(image.shape)
    for band in np.moveaxis(image.unit(), -1, 0):
        smooth = ndimage.gaussian_filter(band.astype(np.float64), sigma) if sigma else band
        np.maximum(strongest, gradient_magnitude(smooth, across), out=strongest)
    return strongest
