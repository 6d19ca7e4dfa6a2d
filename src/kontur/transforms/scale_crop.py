"""Random scale and crop: a window of fixed size from an image resized by a random factor.

    image (C, H, W) ─scale s in 0.5..2, window at random▶ (C, 321, 321);  beyond the image: fill, in the target ignore

Source: Chen et al., "DeepLab", TPAMI 40(4), 2018, arXiv:1606.00915, section 4.1 (scales 0.5 to 1.5); the window of 321
pixels is that of their released training.

Only the source pixels under the window are resized. The window's place is a real number of pixels of the resized image,
within one pixel of the whole number drawn; at that place the result is what resizing the whole image and cutting the
window out gives (bilinear with the wider filter when shrinking, as Pillow's; uint8 within two levels of it). The target
takes the nearest pixel of the same coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import OptionError
from .tensors import Fill, Target, check_range, fill_values, on_targets, outside_value


class Window(NamedTuple):
    """One axis. Output pixel i (of `used`, after `before` of padding) lies at source (i + first + 0.5) / scale + start."""

    scale: float
    start: int  # source pixels start..stop are resized
    stop: int
    first: int  # of the resized ones, the first that is used
    used: int
    before: int

    def nearest(self, length: int) -> NDArray[np.int64]:
        """The source pixel of each output pixel, (used,), of an axis of `length` pixels."""
        at = (np.arange(self.first + 0.5, self.first + self.used) / self.scale).astype(np.int64)
        return np.minimum(at + self.start, length - 1)


@dataclass(frozen=True)
class RandomScaleCrop:
    """size: of the window (H, W) or one number for both, pixels. scales: the range of the factor, drawn evenly.

    fill: of the image beyond its border, as a share of white (the mean that is subtracted later makes it about 0).
    ignore: of the target there. Where the resized image is smaller than the window, it lies in it at a random place.
    """

    size: int | tuple[int, int] = 321
    scales: tuple[float, float] = (0.5, 2.0)
    fill: Fill = 0.0
    ignore: int = 255

    def __post_init__(self) -> None:
        check_range("scales", self.scales, 0.01, 100)
        if min(self.window) < 1:
            raise OptionError(f"size: expected at least 1 pixel, got {self.size}")

    @property
    def window(self) -> tuple[int, int]:
        """(H, W) of the result."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        scale = random.uniform(*self.scales)
        height, width = int(image.shape[1]), int(image.shape[2])
        rows = axis_window(height, self.window[0], scale, random)
        columns = axis_window(width, self.window[1], scale, random)
        return self._image(image, rows, columns), on_targets(target, lambda t: self._target(t, rows, columns))

    def _image(self, image: Tensor, rows: Window, columns: Window) -> Tensor:
        part = image[:, rows.start : rows.stop, columns.start : columns.stop]
        resized = resize(part, (rows.first + rows.used, columns.first + columns.used), rows.scale, columns.scale)
        resized = resized[:, rows.first :, columns.first :]
        if (rows.used, columns.used) == self.window:
            return resized
        padded = fill_values(image, self.fill).repeat(1, *self.window)
        padded[:, rows.before : rows.before + rows.used, columns.before : columns.before + columns.used] = resized
        return padded

    def _target(self, target: Tensor, rows: Window, columns: Window) -> Tensor:
        values = target.numpy().take(rows.nearest(target.shape[-2]), -2)  # NumPy's is faster than index_select
        picked = torch.from_numpy(values.take(columns.nearest(target.shape[-1]), -1))
        if (rows.used, columns.used) == self.window:
            return picked
        padded = target.new_full((*target.shape[:-2], *self.window), outside_value(target, self.ignore))
        padded[..., rows.before : rows.before + rows.used, columns.before : columns.before + columns.used] = picked
        return padded


def axis_window(length: int, wanted: int, scale: float, random: np.random.Generator) -> Window:
    """Draw the place of a window of `wanted` pixels on an axis of `length` that is resized by about `scale`.

    The factor is made such that the whole axis is a whole number of pixels, at least 1.
    """
    resized = max(1, round(length * scale))
    scale = resized / length
    spare = resized - wanted
    origin = int(random.integers(min(0, spare), max(0, spare), endpoint=True))
    if spare <= 0:
        return Window(scale, 0, length, 0, resized, -origin)
    margin = math.ceil(max(1.0, 1 / scale)) + 1  # source pixels that the filter reaches beyond the window
    start = max(0, math.floor(origin / scale) - margin)
    first = math.floor(origin - start * scale + 1e-9)
    stop = min(length, math.ceil((first + wanted) / scale) + start + margin)
    return Window(scale, start, stop, first, wanted, 0)


def resize(image: Tensor, size: tuple[int, int], row_scale: float, column_scale: float) -> Tensor:
    """Bilinear, with the filter widened when shrinking; the factors are given, as `size` may cut the end off."""
    if row_scale == 1 and column_scale == 1:
        return image[:, : size[0], : size[1]]
    return torch.ops.aten._upsample_bilinear2d_aa(image[None], list(size), False, row_scale, column_scale)[0]
