"""A soft border for a hard mask: how much of each border pixel is object.

Source: the idea of border matting in Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004, section 4; the local colours
by normalised convolution, Knutsson & Westin, CVPR 1993.

    sure object, sure background -> local mean colours F, B -> alpha = projection of the pixel on the line B..F

Differs from the paper: alpha is solved for each pixel by itself instead of along the contour, and falls back to a blurred
step where F and B look alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ALIKE = 20.0
"""Object and background colours nearer than this (grey levels of 255) do not decide alpha."""


def soft_border(pixels: NDArray[np.float32], mask: NDArray[np.bool_], *, radius: int = 4) -> NDArray[np.float32]:
    """Alpha of an object: (H, W) float32 in [0, 1]; 0 or 1 farther than `radius` pixels from the border.

    pixels: (H, W, C) float32 in 0..255.   mask: (H, W) bool.   radius: at least 1.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    if mask.all() or not mask.any():
        return mask.astype(np.float32)
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    band = (inside <= radius) & (outside <= radius)

    def local_mean(sure: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
        weight = gaussian_filter(sure.astype(np.float32), radius, truncate=3)
        planes = [gaussian_filter(np.where(sure, plane, 0), radius, truncate=3) for plane in np.moveaxis(pixels, 2, 0)]
        return np.stack(planes, axis=2) / np.maximum(weight, 1e-6)[..., None], weight

    # Half the band is taken for sure, so that thin objects keep colours to learn from.
    front, front_weight = local_mean(inside > radius / 2)
    back, back_weight = local_mean(outside > radius / 2)
    difference = front - back
    square = (difference**2).sum(2)
    along = ((pixels - back) * difference).sum(2) / np.maximum(square, 1e-6)
    step = np.clip(0.5 + (inside - outside) / (2 * radius), 0, 1)
    known = (front_weight > 1e-3) & (back_weight > 1e-3)
    trust = np.where(known, square / (square + _ALIKE**2), 0)
    alpha = trust * np.clip(along, 0, 1) + (1 - trust) * step
    # Towards the band's two ends the hard mask takes over, so there is no jump.
    depth = np.clip(np.maximum(inside, outside) / radius, 0, 1) ** 2
    alpha = (1 - depth) * alpha + depth * mask
    return np.where(band, np.clip(alpha, 0, 1), mask).astype(np.float32)
