"""Down-sampling: fewer pixels on the sensor, shown at the old size.

Model: Gonzalez & Woods, Digital Image Processing, ch. 2 (spatial resolution; shrinking and zooming).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage


@damage
def down_sampling(
    image: Image,
    *,
    factor: Annotated[float, Option("how many times fewer pixels a side has", 1, 10_000)] = 4.0,
    back: Annotated[
        Literal["bilinear", "nearest", "bicubic"], Option("how the old size is reached again")
    ] = "bilinear",
) -> NDArray:
    """Average areas down to round(W / factor) x round(H / factor) pixels, at least one, then enlarge to W x H again."""
    from PIL import Image as Pillow

    width, height = max(1, round(image.width / factor)), max(1, round(image.height / factor))
    enlarge = {
        "bilinear": Pillow.Resampling.BILINEAR,
        "nearest": Pillow.Resampling.NEAREST,
        "bicubic": Pillow.Resampling.BICUBIC,
    }[back]

    def one(band: NDArray) -> NDArray:
        plane = Pillow.fromarray(np.ascontiguousarray(band, np.float32))
        small = plane.resize((width, height), Pillow.Resampling.BOX)
        return np.asarray(small.resize((image.width, image.height), enlarge))

    return by_band(one, image.pixels)
