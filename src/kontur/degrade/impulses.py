"""Impulse noise: dead pixels and transmission faults that turn pixels white (salt) or black (pepper).

Model: Gonzalez & Woods, Digital Image Processing, ch. 5 (salt-and-pepper noise). A pixel is hit in all bands together.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import FullScale, Seed, damage, scale_of

Share = Annotated[float, Option("share of the pixels that is hit", 0, 1)]


@damage
def salt_noise(image: Image, *, share: Share = 0.05, seed: Seed = 0, full_scale: FullScale = None) -> NDArray:
    """Turn each pixel white with probability `share`: 255 for uint8, 65535 for uint16, 1 for float in 0..1."""
    return _hit(image, share, 1.0, seed, full_scale)


@damage
def pepper_noise(image: Image, *, share: Share = 0.05, seed: Seed = 0, full_scale: FullScale = None) -> NDArray:
    """Turn each pixel black with probability `share`: 0, or the minimum of a float image with negative values."""
    return _hit(image, share, 0.0, seed, full_scale)


@damage
def salt_and_pepper_noise(
    image: Image,
    *,
    share: Share = 0.05,
    salt: Annotated[float, Option("share of the hit pixels that turns white; the others turn black", 0, 1)] = 0.5,
    seed: Seed = 0,
    full_scale: FullScale = None,
) -> NDArray:
    """Hit each pixel with probability `share`; a hit one is white with probability `salt`, else black."""
    return _hit(image, share, salt, seed, full_scale)


def _hit(image: Image, share: float, salt: float, seed: int, full_scale: float | None) -> NDArray:
    scale = scale_of(image, full_scale)
    lot = np.random.default_rng(seed).random(image.shape)
    pixels = image.pixels.copy()
    pixels[lot < share] = scale.low
    pixels[lot < share * salt] = scale.high
    return pixels
