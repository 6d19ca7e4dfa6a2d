"""Lee filter: against speckle; the local mean where the image is even, the pixel itself where it is not.

Paper: Lee, "Digital image enhancement and noise filtering by use of local statistics", IEEE TPAMI 2(2), 1980 (the
multiplicative noise of its second part): the linear estimate of least squared error from local mean and variance, for
the noise in first order, x + mean (u - 1) instead of x u.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage


@damage
def lee_filter(
    image: Image,
    *,
    radius: Annotated[int, Option("of the square window; 3 is 7 x 7", 1, 100, "pixels")] = 3,
    looks: Annotated[float, Option("looks of the speckle: its variance is 1 / looks", 0.05, 1e9, "looks")] = 4.0,
) -> NDArray:
    """Each band on its own; beyond the border the image is mirrored."""
    from scipy.ndimage import uniform_filter

    def one(band: NDArray) -> NDArray[np.float64]:
        values = band.astype(np.float64)
        middle = float(values.mean())  # taken off first, or the difference of squares would lose its digits
        side = 2 * radius + 1
        mean = uniform_filter(values - middle, side, mode="reflect")
        variance = uniform_filter((values - middle) ** 2, side, mode="reflect") - mean**2
        return estimate(values, mean + middle, variance, 1 / looks)

    return by_band(one, image.pixels)


def estimate(
    values: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64], speckle: float
) -> NDArray[np.float64]:
    """Mean + k (value - mean), with k the share of the local variance that is the signal's.

    mean, variance: of the window, (H, W). speckle: the noise's variance about its mean 1.
    """
    # With z = x u, u of mean 1 and independent of x: var z = var x (1 + speckle) + mean^2 speckle, solved for var x.
    grain = mean**2 * speckle
    signal = np.maximum(variance - grain, 0) / (1 + speckle)
    total = signal + grain
    share = np.divide(signal, total, out=np.zeros_like(total), where=total > 0)
    return mean + share * (values - mean)
