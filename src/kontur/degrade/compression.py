"""JPEG: what is lost by saving with a low quality: blocks of 8 x 8 pixels, ringing, coarse colour.

Standard: ITU-T T.81 | ISO/IEC 10918-1, as libjpeg behind Pillow writes it (colour at half resolution, 4:2:0).
"""

from __future__ import annotations

import io
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage, scale_of

LARGEST_SIDE = 65500  # libjpeg's limit


@damage
def jpeg(
    image: Image,
    *,
    quality: Annotated[int, Option("libjpeg's quality; lower is coarser", 1, 100)] = 20,
) -> NDArray:
    """Save as JPEG in memory and read back. Three bands are a colour picture; of any other number each is a grey one.

    uint16 and float values pass through 8 bits from the image's minimum to its maximum (float in 0..1: from 0 to 1).
    Raises InputError for a side above 65,500 pixels.
    """
    if max(image.shape) > LARGEST_SIDE:
        raise InputError(f"jpeg: expected sides of at most {LARGEST_SIDE} pixels, got {image.width}x{image.height}")
    pixels = image.pixels
    low, span = 0.0, 255.0
    if pixels.dtype != np.uint8:
        scale = scale_of(image)
        unit = pixels.dtype == np.float32 and (scale.low, scale.high) == (0.0, 1.0)
        low, span = (0.0, 1.0) if unit else (float(pixels.min()), float(pixels.max()) - float(pixels.min()))
        if not span:
            return pixels
    eight = pixels if pixels.dtype == np.uint8 else np.rint((pixels.astype(np.float64) - low) * (255 / span))
    eight = eight.astype(np.uint8)
    back = _round_trip(eight, quality) if image.channels == 3 else by_band(lambda b: _round_trip(b, quality), eight)
    return back if pixels.dtype == np.uint8 else back * (span / 255) + low


def _round_trip(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(pixels)).save(file, format="JPEG", quality=quality)
    return np.array(Pillow.open(file))
