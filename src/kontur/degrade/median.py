"""Median filter: against salt and pepper; single wrong pixels vanish, edges stay.

Source: Tukey, Exploratory Data Analysis, 1971; Huang, Yang & Tang, IEEE Trans. ASSP 27(1), 1979.
"""

from __future__ import annotations

from typing import Annotated

from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage


@damage
def median_filter(
    image: Image, *, radius: Annotated[int, Option("of the square window; 1 is 3 x 3", 1, 25, "pixels")] = 1
) -> NDArray:
    """The median of the (2 radius + 1)^2 values around each pixel, each band on its own; the border is repeated."""
    from scipy.ndimage import median_filter as median

    return by_band(lambda band: median(band, 2 * radius + 1, mode="nearest"), image.pixels)
