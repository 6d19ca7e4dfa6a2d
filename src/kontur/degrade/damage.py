"""What all kinds of damage and all filters share: the scale of an image, checked options, the same type out as in.

@damage
def gaussian_noise(image: Image, *, sigma: Annotated[float, Option(..)] = 0.1, ..) -> NDArray    # float pixels
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Concatenate, ParamSpec

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.image import Image, as_image
from ..core.options import Option, checked_options, options_of

P = ParamSpec("P")

Seed = Annotated[int, Option("random seed; the same seed and size give the same noise", 0)]
FullScale = Annotated[
    float | None, Option("value of white, such as 4095 for 12 bits in a 16-bit file; by default the type's", 1e-9, 1e30)
]


@dataclass(frozen=True)
class Scale:
    """Values of black (low) and white (high): where a sensor begins and ends."""

    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low


def scale_of(image: Image, full_scale: float | None = None) -> Scale:
    """0..255 of uint8, 0..65535 of uint16, 0..1 of float inside it, else from min(0, minimum) to max(0, maximum).

    Unlike `Image.unit`, integers are not stretched: noise of one strength must not depend on what is in the picture.
    full_scale: 0..full_scale instead. Raises OptionError where the image has larger values.
    """
    pixels = image.pixels
    if full_scale is not None:
        largest = float(pixels.max())
        if largest > full_scale:
            raise OptionError(
                f"option full_scale: expected at least the image's largest value {largest:g}, got {full_scale:g}"
            )
        return Scale(min(0.0, float(pixels.min())), float(full_scale))
    if pixels.dtype != np.float32:
        return Scale(0.0, float(np.iinfo(pixels.dtype).max))
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1:
        return Scale(0.0, 1.0)
    return Scale(min(0.0, low), max(0.0, high))


def damage(function: Callable[Concatenate[Image, P], NDArray]) -> Callable[Concatenate[Image | NDArray, P], Image]:
    """Wrap a function from an `Image` to float pixels: arrays become `Image`, options are checked, the type is kept.

    Integers are rounded and end at the type's limits; float inside [0, 1] ends there too, as values outside would make
    methods stretch the image; other float has no end. Name, georeference and path stay; a note says what was done.
    """
    specs = options_of(function)

    @functools.wraps(function)
    def wrapper(image: Image | NDArray, **options: Any) -> Image:
        picture = as_image(image)
        values = checked_options(function.__name__, specs, options)
        changed = function(picture, **values)  # type: ignore[call-arg]
        told = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        pixels = _same_type(changed, picture)
        return replace(picture, pixels=pixels, notes=(*picture.notes, f"{function.__name__}({told})"))

    return wrapper  # type: ignore[return-value]


def by_band(function: Callable[[NDArray], NDArray], pixels: NDArray) -> NDArray:
    """Apply a function of one plane (H, W) to every band of (H, W) or (H, W, C)."""
    if pixels.ndim == 2:
        return function(pixels)
    return np.stack([function(pixels[..., i]) for i in range(pixels.shape[2])], axis=2)


def _same_type(changed: NDArray, picture: Image) -> NDArray:
    before = picture.pixels
    if changed.dtype == before.dtype and before.dtype != np.float32:
        return changed
    if before.dtype != np.float32:
        return np.clip(np.rint(changed), 0, np.iinfo(before.dtype).max).astype(before.dtype)
    if scale_of(picture) == Scale(0.0, 1.0):
        changed = np.clip(changed, 0, 1)
    largest = np.finfo(np.float32).max
    return np.clip(changed, -largest, largest).astype(np.float32)
