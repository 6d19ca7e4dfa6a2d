"""Speckle: the grain of coherent images (radar, ultrasound, laser), which multiplies the signal.

Model: Goodman, "Some fundamental properties of speckle", J. Opt. Soc. Am. 66(11), 1976: the intensity of L averaged
independent looks is the signal times a Gamma(L, 1/L) variable of mean 1 and variance 1/L (exponential for one look).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import Seed, damage


@damage
def speckle_noise(
    image: Image,
    *,
    looks: Annotated[float, Option("independent looks averaged; fewer are noisier", 0.05, 1e9, "looks")] = 4.0,
    seed: Seed = 0,
) -> NDArray:
    """Multiply each value of each band by its own Gamma(looks, 1/looks): mean 1, variance 1/looks.

    Black stays black. Integers and float in 0..1 end at white, so bright values lose some of mean and variance; other
    float images (radar intensities) have no end.
    """
    grain = np.random.default_rng(seed).gamma(looks, 1.0 / looks, image.pixels.shape)
    return image.pixels * grain
