"""What a superpixel method starts from: planes to compare, the pixels that take part, how many superpixels are wanted.

bands (H, W[, C]), mask -> Frame(planes, units, inside, area, count) -> ids (H, W), 1..n inside, 0 outside
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.options import Option
from ..kernels.colour import bytes_to_lab_planes, tables
from .slic_kernel import fill_lab_planes

Segments = Annotated[int, Option("number of regions", 1, 100_000, "regions")]
"""The option of the methods that can be asked for a number."""


@dataclass(frozen=True)
class Frame:
    """planes: (C, H, W) int16. units: of them in one of L*. mask: (H, W) bool, or None where every pixel takes part.

    area: pixels that take part. count: superpixels wanted, at most one a pixel.
    """

    planes: NDArray[np.int16]
    units: float
    mask: NDArray[np.bool_] | None
    area: int
    count: int

    @classmethod
    def of(cls, bands: NDArray, segments: int = 1, mask: NDArray[np.bool_] | None = None) -> Frame:
        """bands: (H, W) or (H, W, C), uint8 or float in [0, 1]; three are red, green and blue. Raises as `checked_mask`."""
        mask = checked_mask(mask, bands.shape[:2])
        area = bands.shape[0] * bands.shape[1] if mask is None else int(np.count_nonzero(mask))
        return cls(*lab_planes(bands), mask, area, min(segments, area))

    @property
    def shape(self) -> tuple[int, int]:
        return self.planes.shape[1], self.planes.shape[2]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(H, W) bool: the mask, or every pixel."""
        return np.ones(self.shape, bool) if self.mask is None else self.mask

    @property
    def trivial(self) -> NDArray[np.int32] | None:
        """The ids where there is nothing to decide: no pixel takes part, or each is to be its own. Else None."""
        return each_its_own(self.inside) if self.count == self.area else None


def bands_of(image: Image) -> NDArray:
    """(H, W, C): uint8 as it is, which is read through tables, any other type in [0, 1]."""
    return image.pixels if image.pixels.dtype == np.uint8 else image.unit()


def each_its_own(inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Ids (H, W) that number the pixels inside row by row; 0 outside."""
    return np.where(inside, np.cumsum(inside).reshape(inside.shape), 0).astype(np.int32)


def checked_mask(mask: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """The mask, contiguous, or None. `@method` checks those of images before; the functions on arrays are called directly too.

    Raises InputError unless it is bool and (H, W) = `shape`.
    """
    if mask is None:
        return None
    if mask.shape != shape or mask.dtype != bool:
        raise InputError(f"mask: expected bool {shape}, got {mask.dtype} {mask.shape}")
    return np.ascontiguousarray(mask)


def lab_planes(bands: NDArray) -> tuple[NDArray[np.int16], float]:
    """Planes (C, H, W) int16 on which differences are summed, and how many of their units make one unit of L*.

    One band is L* = 100 times its value; three are L*, a*, b* of sRGB; more weigh together as much as three.
    """
    bands = bands[..., None] if bands.ndim == 2 else bands
    channels = bands.shape[2]
    if channels == 3:
        bands = np.ascontiguousarray(bands)
        if bands.dtype == np.uint8:
            return bytes_to_lab_planes(bands), 8.0
        planes = np.empty((3, *bands.shape[:2]), np.int16)
        fill_lab_planes(bands, planes, np.float32(8), *tables())
        return planes, 8.0
    units = 8.0 if channels < 3 else min(8.0 * channels / 3, 64.0)
    scale = 100.0 * units * min(1.0, 3.0 / channels) / (255.0 if bands.dtype == np.uint8 else 1.0)
    planes = np.empty((channels, *bands.shape[:2]), np.int16)
    for c in range(channels):
        planes[c] = np.rint(bands[..., c] * np.float32(scale))
    return planes, units
