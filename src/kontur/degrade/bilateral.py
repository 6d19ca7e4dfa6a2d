"""Bilateral filter: a Gaussian mean over pixels that are near in place and in colour.

Paper: Tomasi & Manduchi, "Bilateral filtering for gray and color images", ICCV 1998. Colour distance is Euclidean over
all bands together, so no band gets an edge of its own.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import FullScale, damage, scale_of


@damage
def bilateral_filter(
    image: Image,
    *,
    sigma_colour: Annotated[
        float, Option("standard deviation in colour, as a share of black to white", 0.0001, 100)
    ] = 0.1,
    sigma_space: Annotated[float, Option("standard deviation in place", 0.1, 10, "pixels")] = 2.0,
    full_scale: FullScale = None,
) -> NDArray:
    """Weights exp(-d^2 / 2 sigma_space^2) exp(-c^2 / 2 sigma_colour^2) in a square of radius 2 sigma_space, rounded up.

    Differs from the paper: the window ends at 2 sigma_space (weights there are below 0.14 of the centre's); beyond the
    border the nearest pixel is repeated.
    """
    scale = scale_of(image, full_scale)
    radius = math.ceil(2 * sigma_space)
    values = image.pixels.astype(np.float32).reshape(*image.shape, -1)  # (H, W, C)
    padded = np.pad(values, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    height, width = image.shape
    colour = -0.5 / (sigma_colour * (scale.span or 1.0)) ** 2
    total, weights = np.zeros_like(values), np.zeros((height, width, 1), np.float32)
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            other = padded[radius + dy : radius + dy + height, radius + dx : radius + dx + width]
            apart = ((other - values) ** 2).sum(axis=2, keepdims=True)
            near = np.exp(apart * np.float32(colour) + np.float32(-0.5 * (dx * dx + dy * dy) / sigma_space**2))
            total += near * other
            weights += near
    return (total / weights).reshape(image.pixels.shape)
