"""Hysteresis: weak pixels count only where they touch strong ones.

    grey (H, W) in [0, 1] -> weak = grey > low -> components of weak that hold a pixel > high -> foreground

Paper: Canny, "A Computational Approach to Edge Detection", IEEE TPAMI 8(6), 1986, section VII, there on edge strength;
here on brightness.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation
from .thresholds import Polarity, multi_otsu_thresholds


@method
def hysteresis(
    image: Image,
    *,
    low: Annotated[float | None, Option("weak threshold on [0, 1]; none: found by Otsu", 0, 1)] = None,
    high: Annotated[float | None, Option("strong threshold on [0, 1]; none: found by Otsu", 0, 1)] = None,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Two thresholds: pixels above `low` that are connected (8 neighbours) to one above `high`.

    Without `low` or `high` they are the two thresholds of a three-class Otsu on the scaled image. polarity dark: the
    same on the negative, so a pixel below `low` is strong and one below `high` weak. A constant image is background.

    Raises OptionError where low > high.
    """
    grey = image.grey().astype(np.float64)
    if grey.min() == grey.max():
        return Segmentation.from_mask(np.zeros(image.shape, bool))
    if low is None or high is None:
        found = multi_otsu_thresholds(grey, 3)
        low = float(found[0]) if low is None else low
        high = max(low, float(found[-1])) if high is None else high
        low = min(low, high)
    if low > high:
        raise OptionError(f"option low: expected at most high ({high:g}), got {low:g}")
    mask = hysteresis_mask(grey, low, high) if polarity == "bright" else hysteresis_mask(-grey, -high, -low)
    note = f"thresholds {low:.9g}, {high:.9g}"
    return replace(Segmentation.from_mask(mask), provenance=Provenance("", notes=(note,)))


def hysteresis_mask(strength: NDArray, low: float, high: float) -> NDArray[np.bool_]:
    """The 8-connected components of strength > low that hold a pixel > high; (H, W) bool."""
    from scipy import ndimage

    components, count = ndimage.label(strength > low, np.ones((3, 3), int))
    strong = np.zeros(count + 1, bool)
    strong[np.unique(components[strength > high])] = True
    strong[0] = False
    return np.asarray(strong[components])
