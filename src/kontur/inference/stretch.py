"""One contrast for all images: dark ones of a microscope look to a network as bright ones do.

    image, percentiles (low, high) of all its values -> 8 bits: low becomes 0, high 255

So does Schmidt et al., "Cell Detection with Star-convex Polygons", MICCAI 2018, arXiv:1806.03535 (there 1 and 99.8 in the authors' code).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.errors import OptionError
from ..core.image import Image

PERCENTILES = (1.0, 99.9)
LEAST = 8
"""Of 256 levels of an 8-bit image, the fewest that are stretched to all: noise of one level stays noise."""
_LOOKED_AT = 4_000_000  # values of an image of more than 8 bits; beyond, every second row and column, every third..


def stretched(image: Image, percentiles: tuple[float, float] = PERCENTILES) -> Image:
    """8 bits, of which the percentiles become 0 and 255; what lies beyond them is cut off. A constant image becomes 0.

    Raises OptionError for percentiles that are not 0 <= low < high <= 100.
    """
    if not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise OptionError(f"percentiles: expected two rising numbers in 0..100, got {percentiles}")
    pixels = image.pixels
    if pixels.dtype == np.uint8:
        counts = np.cumsum(np.bincount(pixels.ravel(), minlength=256))
        low, high = (int(np.searchsorted(counts, p / 100 * counts[-1])) for p in percentiles)
        high = max(high, low + LEAST)
        table = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255)
        return replace(image, pixels=np.rint(table).astype(np.uint8)[pixels])
    step = max(1, int(np.ceil(np.sqrt(pixels.size / _LOOKED_AT))))
    bottom, top = (float(v) for v in np.percentile(pixels[::step, ::step], percentiles))
    scale = 255 / (top - bottom) if top > bottom else 0.0
    values = (pixels.astype(np.float32) - np.float32(bottom)) * np.float32(scale)
    return replace(image, pixels=np.rint(np.clip(values, 0, 255)).astype(np.uint8))
