"""Gaussian noise: a sensor's thermal noise, added to every value on its own.

Model: Gonzalez & Woods, Digital Image Processing, ch. 5 (noise models): g = f + n, n ~ N(0, sigma^2).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import FullScale, Seed, damage, scale_of


@damage
def gaussian_noise(
    image: Image,
    *,
    sigma: Annotated[float, Option("standard deviation, as a share of black to white", 0, 10)] = 0.1,
    seed: Seed = 0,
    full_scale: FullScale = None,
) -> NDArray:
    """Add N(0, (sigma * span)^2) to each value of each band; span is 255 for uint8, 65535 for uint16, 1 for float in 0..1.

    Values end at black and white, so near these the mean moves inwards. Raises OptionError for sigma outside its range.
    """
    scale = scale_of(image, full_scale)
    draw = np.random.default_rng(seed)
    noisy = draw.standard_normal(image.pixels.shape, dtype=np.float32)
    noisy *= np.float32(sigma * scale.span)
    noisy += image.pixels
    return np.minimum(noisy, np.float32(scale.high)) if full_scale is not None else noisy
