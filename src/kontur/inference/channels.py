"""From an image's bands to the channels a network was trained on, normalised.

The rule, where an image has other bands than the network has channels:

    network   image        goes in
    C         C bands      as they are
    3         1 band       three times
    3         4 bands      red, green and blue by name, else the first three (alpha of a file is laid on white at reading)
    1         3, 4 bands   luma of red, green and blue

Everything else is an InputError; but for `contours`, which is for any photo and takes of other numbers of bands what
`Image.rgb` shows (red, green and blue by name, else the first three; of two bands the first, and twice the second).

Values become [0, 1] as `Image` says (8 bits: divided by 255; 16 bits: stretched from the
image's own minimum..maximum), then (value - mean) / std.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import LUMA
from .network_file import Metadata


def picked_bands(bands: tuple[str, ...], channels: int, any_number: bool = False) -> tuple[int, ...] | None:
    """Which bands go in, by the rule above (three for the luma of one channel); None where bands and channels do not fit.

    any_number: the rule of `contours`.
    """
    if len(bands) == channels:
        return tuple(range(channels))
    if channels == 3 and len(bands) == 1:
        return (0, 0, 0)
    if any_number and channels in (1, 3) and len(bands) == 2:
        return (0, 1, 1)
    if channels in (1, 3) and (len(bands) in (3, 4) or any_number):
        named = {"red", "green", "blue"} <= set(bands)
        return tuple(bands.index(n) for n in ("red", "green", "blue")) if named else (0, 1, 2)
    return None


@dataclass(frozen=True)
class Channels:
    """How pixels of one image go into one network. low, high: the values that become 0 and 1."""

    picked: tuple[int, ...]
    as_luma: bool
    low: float
    high: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    note: str = ""

    @classmethod
    def of(
        cls, bands: tuple[str, ...], limits: tuple[float, float], metadata: Metadata, any_number: bool = False
    ) -> Channels:
        """bands: the image's. limits: its values that become 0 and 1. any_number: as in `picked_bands`.

        Raises InputError when bands and channels do not fit.
        """
        have, want = len(bands), metadata.channels
        picked = picked_bands(bands, want, any_number)
        if picked is None:
            raise InputError(
                f"{metadata.name}: expected an image of {want} band{'s' if want > 1 else ''}, got {have} "
                f"({', '.join(bands[:8])}{', ..' if have > 8 else ''}). Choose the bands it was trained on"
            )
        seen = ", ".join(bands[i] for i in dict.fromkeys(picked))
        note = f"the network sees bands {seen} of {have}" if have not in (1, 3) else ""
        return cls(picked, want == 1 and have > 1, *limits, metadata.mean, metadata.std, note)

    def apply(self, pixels: NDArray) -> NDArray[np.float32]:
        """(h, w) or (h, w, c) of the image -> (C, h, w) float32, normalised."""
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        height, width = planes.shape[:2]
        out = np.empty((1 if self.as_luma else len(self.picked), height, width), np.float32)
        if self.as_luma:
            unit = sum(self._unit(planes[..., i]) * np.float32(w) for i, w in zip(self.picked, LUMA, strict=True))
            out[0] = (unit - np.float32(self.mean[0])) / np.float32(self.std[0])
            return out
        table = self._unit(np.arange(256, dtype=np.uint8)) if pixels.dtype == np.uint8 else None
        for plane, i, mean, std in zip(out, self.picked, self.mean, self.std, strict=True):
            if table is not None:  # four times as quick as computing each value
                np.take((table - np.float32(mean)) / np.float32(std), planes[..., i], out=plane, mode="clip")
            else:
                plane[...] = self._unit(planes[..., i])
                plane -= np.float32(mean)
                plane /= np.float32(std)
        return out

    def _unit(self, plane: NDArray) -> NDArray[np.float32]:
        span = np.float32(self.high - self.low) if self.high > self.low else np.float32(1)
        return (plane.astype(np.float32) - np.float32(self.low)) / span
