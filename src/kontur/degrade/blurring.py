"""Gaussian blur: a lens out of focus, or the air between.

Model: Gonzalez & Woods, Digital Image Processing, ch. 3 (Gaussian lowpass kernels).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage


@damage
def blur(
    image: Image,
    *,
    sigma: Annotated[float, Option("standard deviation of the Gaussian", 0, 200, "pixels")] = 2.0,
) -> NDArray:
    """Convolve each band with a Gaussian, cut off at 4 sigma; beyond the border the nearest pixel is repeated."""
    if not sigma:
        return image.pixels
    from scipy.ndimage import gaussian_filter

    return by_band(lambda band: gaussian_filter(band.astype(np.float32), sigma, mode="nearest"), image.pixels)
