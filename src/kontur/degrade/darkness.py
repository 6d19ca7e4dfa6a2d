"""Low light: a short exposure, so few photons, over the read noise of the sensor.

Model: Hasinoff, "Photon, Poisson noise", in Ikeuchi (ed.), Computer Vision: A Reference Guide, Springer 2014 (photon
noise plus signal-independent read noise).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import FullScale, Seed, damage, scale_of
from .poisson import count_photons


@damage
def low_light(
    image: Image,
    *,
    exposure: Annotated[float, Option("factor on the light; lower is darker", 0, 1)] = 0.2,
    photons: Annotated[float, Option("photons that make a white value", 0.01, 1e12, "photons")] = 500.0,
    read_noise: Annotated[float, Option("standard deviation, as a share of black to white", 0, 1)] = 0.01,
    seed: Seed = 0,
    full_scale: FullScale = None,
) -> NDArray:
    """Darken, count photons, add read noise; the picture stays dark (no gain).

    A value v on [0, 1] (black to white) gets mean exposure * v and variance exposure * v / photons + read_noise^2, before
    it ends at black and white.
    """
    scale = scale_of(image, full_scale)
    draw = np.random.default_rng(seed)
    dark = (image.pixels.astype(np.float64) - scale.low) * exposure + scale.low
    counted = count_photons(dark, scale.low, scale.span, photons, draw, scale.high)
    counted += draw.standard_normal(counted.shape) * (read_noise * scale.span)
    return np.clip(counted, scale.low, scale.high)
