"""An image as it came from the file or the caller: pixels, band names, where it lies on the ground, its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

# The luma weights of ITU-R BT.709, as scikit-image's rgb2gray has them.
LUMA = np.array([0.2125, 0.7154, 0.0721])

ImageLike = "Image | NDArray"


@dataclass(frozen=True)
class Georeference:
    """Where a raster lies: a coordinate reference system ("EPSG:32616") and x = a·column + b·row + c, y = d·column + e·row + f."""

    crs: str
    affine: tuple[float, float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels (H, W) or (H, W, C), uint8, uint16 or float32, with their names and origin.

    pixels: finite; float64 is kept as float32, bool becomes uint8 0/255, other integers are refused unless they fit uint16.
    bands:  one name a band; by default grey, red green blue, or band1..bandC.
    notes:  what the reader did to the file's pixels ("alpha composited on white"), carried into the provenance.

    Scaling. Methods that want [0, 1] take `unit()`, `rgb()` or `grey()`: uint8 is divided by 255; uint16 is stretched from
    its own minimum..maximum over all bands together; float32 inside [0, 1] stays as it is, otherwise it is stretched
    likewise. `scaling` says in words what was done.

    Raises InputError for an empty image, a wrong number of dimensions or type, NaN or infinity.
    """

    pixels: NDArray
    bands: tuple[str, ...] = ()
    georeference: Georeference | None = None
    path: Path | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        pixels = _checked(self.pixels)
        object.__setattr__(self, "pixels", pixels)
        count = 1 if pixels.ndim == 2 else pixels.shape[2]
        if not self.bands:
            named = {1: ("grey",), 3: ("red", "green", "blue")}
            object.__setattr__(self, "bands", named.get(count) or tuple(f"band{i + 1}" for i in range(count)))
        elif len(self.bands) != count:
            raise InputError(f"band names: expected {count} (one a band), got {len(self.bands)}: {self.bands}")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.height, self.width

    @property
    def channels(self) -> int:
        return len(self.bands)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> NDArray:
        return np.array(self.pixels, dtype=dtype, copy=copy)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The values that become 0 and 1."""
        if self.pixels.dtype == np.uint8:
            return 0.0, 255.0
        low, high = float(self.pixels.min()), float(self.pixels.max())
        if self.pixels.dtype == np.float32 and low >= 0 and high <= 1:
            return 0.0, 1.0
        return low, high

    @property
    def scaling(self) -> str:
        """How values become [0, 1], in words."""
        low, high = self.limits
        return f"{self.pixels.dtype}: {low:g}..{high:g} -> 0..1"

    def unit(self) -> NDArray[np.float32]:
        """All bands in [0, 1]: (H, W, C) float32."""
        pixels = self.pixels if self.pixels.ndim == 3 else self.pixels[..., None]
        low, high = self.limits
        span = np.float32(high - low) if high > low else np.float32(1)
        return (pixels.astype(np.float32) - np.float32(low)) / span

    def rgb(self) -> NDArray[np.float32]:
        """Red, green, blue in [0, 1]: (H, W, 3) float32. One band is repeated; of two or more than three the first (and last) are used.

        Bands named red, green and blue are found by name; otherwise the first three are taken, and `band_note` says so.
        """
        bands = self.unit()
        if self.channels == 1:
            return np.repeat(bands, 3, axis=2)
        return bands[..., list(self._rgb_indices)]

    @property
    def _rgb_indices(self) -> tuple[int, int, int]:
        if {"red", "green", "blue"} <= set(self.bands):
            return self.bands.index("red"), self.bands.index("green"), self.bands.index("blue")
        return (0, 1, 1) if self.channels == 2 else (0, 1, 2)

    @property
    def band_note(self) -> str:
        """Which bands `rgb()` shows, in words; empty for grey and RGB images."""
        if self.channels in (1, 3):
            return ""
        return f"colour methods see bands {', '.join(self.bands[i] for i in self._rgb_indices)} of {self.channels}"

    def grey(self) -> NDArray[np.float32]:
        """One value a pixel in [0, 1]: (H, W) float32; luma of RGB, the mean of any other number of bands."""
        bands = self.unit()
        if self.channels == 1:
            return bands[..., 0]
        if self.channels == 3:
            return (bands @ LUMA.astype(np.float32)).astype(np.float32)
        return bands.mean(axis=2)

    def intensity(self) -> NDArray:
        """One value a pixel for histogram methods: (H, W).

        A one-band image keeps its own values and type (so a threshold is in the image's units); RGB becomes float64 luma in
        [0, 1], exactly scikit-image's rgb2gray for uint8; other band counts become the mean over bands of the scaled values.
        """
        if self.channels == 1:
            return self.pixels if self.pixels.ndim == 2 else self.pixels[..., 0]
        low, high = self.limits
        # Multiplied by the reciprocal, not divided: so scikit-image does it, and 1 in 12 pixels differ in the last bit.
        scaled = (self.pixels.astype(np.float64) - low) * (1.0 / ((high - low) or 1.0))
        return scaled @ LUMA if self.channels == 3 else scaled.mean(axis=2)


def as_image(image: Image | NDArray) -> Image:
    """An `Image` from an `Image` or an array (H, W) or (H, W, C), C in RGB order."""
    if isinstance(image, Image):
        return image
    if not isinstance(image, np.ndarray):
        raise InputError(
            f"image: expected a NumPy array (H, W) or (H, W, C) or a kontur.Image, got {type(image).__name__}. "
            "Use kontur.read_image(path) for a file."
        )
    return Image(image)


def _checked(pixels: NDArray) -> NDArray:
    if not isinstance(pixels, np.ndarray):
        raise InputError(f"pixels: expected a NumPy array (H, W) or (H, W, C), got {type(pixels).__name__}")
    if pixels.ndim not in (2, 3) or pixels.size == 0:
        raise InputError(f"pixels: expected a non-empty array (H, W) or (H, W, C), got shape {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    if np.issubdtype(pixels.dtype, np.integer):
        low, high = int(pixels.min()), int(pixels.max())
        if low < 0 or high > 65535:
            raise InputError(
                f"pixels: expected uint8, uint16 or float, got {pixels.dtype} with values {low}..{high}. "
                "Convert to float32 to have them stretched."
            )
        return pixels.astype(np.uint8 if high <= 255 else np.uint16)
    if not np.issubdtype(pixels.dtype, np.floating):
        advice = " Turn complex SAR into amplitude with numpy.abs." if np.iscomplexobj(pixels) else ""
        raise InputError(f"pixels: expected uint8, uint16 or float, got {pixels.dtype}.{advice}")
    with np.errstate(over="ignore"):
        pixels = pixels.astype(np.float32, copy=False)
    finite = np.isfinite(pixels)
    if not finite.all():
        raise InputError(
            f"pixels: expected finite values, got {int((~finite).sum())} NaN or infinite of {pixels.size}. "
            "Fill them first, for example with numpy.nan_to_num."
        )
    return pixels
