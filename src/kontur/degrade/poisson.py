"""Poisson noise: light comes in photons, so their number varies with the square root of the brightness.

Model: Hasinoff, "Photon, Poisson noise", in Ikeuchi (ed.), Computer Vision: A Reference Guide, Springer 2014.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import FullScale, Seed, damage, scale_of


@damage
def poisson_noise(
    image: Image,
    *,
    photons: Annotated[
        float, Option("photons that make a white value; fewer are noisier", 0.01, 1e12, "photons")
    ] = 100.0,
    seed: Seed = 0,
    full_scale: FullScale = None,
) -> NDArray:
    """Count photons: a value v on [0, 1] (black to white) becomes Poisson(v * photons) / photons, each band on its own.

    Mean v, variance v / photons. Black stays black; values end at white.
    """
    scale = scale_of(image, full_scale)
    return count_photons(image.pixels, scale.low, scale.span, photons, np.random.default_rng(seed), scale.high)


def count_photons(
    pixels: NDArray, low: float, span: float, photons: float, draw: np.random.Generator, high: float
) -> NDArray[np.float64]:
    """Poisson counts of pixels whose white is `photons`, back in the pixels' units and at most `high`."""
    if not span:
        return pixels.astype(np.float64)
    expected = (pixels.astype(np.float64) - low) * (photons / span)
    return np.minimum(draw.poisson(expected) * (span / photons) + low, high)
