"""What the transforms work on: image tensors (C, H, W), and targets, which are tensors or tuples of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InputError, OptionError
from ..core.image import Image

Target: TypeAlias = Tensor | tuple[Tensor, ...] | None
"""Label maps (H, W) of integers, masks (N, H, W) of bool, several of these, or none."""

Fill: TypeAlias = float | Sequence[float]
"""What fills pixels from outside the image: one value, or one a band, as a share of full white, [0, 1]."""


def image_tensor(image: Any) -> Tensor:
    """(C, H, W) uint8 as it is; uint16 as float32 in [0, 1]; float32 as it is. A view where that is possible."""
    if isinstance(image, Tensor):
        if image.ndim != 3 or (image.dtype != torch.uint8 and not image.is_floating_point()):
            raise InputError(
                f"image: expected a tensor (C, H, W), uint8 or float, got {image.dtype} {tuple(image.shape)}"
            )
        return image
    pixels = image.pixels if isinstance(image, Image) else np.asarray(image)
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise InputError(f"image: expected pixels (H, W) or (H, W, C), got the shape {pixels.shape}")
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.float32) / np.float32(65535)
    elif pixels.dtype != np.uint8:
        if pixels.dtype.kind != "f":
            raise InputError(f"image: expected uint8, uint16 or float pixels, got {pixels.dtype}")
        pixels = pixels.astype(np.float32, copy=False)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(_own(pixels)).permute(2, 0, 1)


def target_tensor(target: Any, size: tuple[int, int]) -> Target:
    """Label maps as uint8 or int32, masks as bool. Raises InputError when the size is not the image's (H, W)."""
    if target is None:
        return None
    if isinstance(target, (tuple, list)):
        return tuple(_one_target(t, size) for t in target)
    return _one_target(target, size)


def _one_target(target: Any, size: tuple[int, int]) -> Tensor:
    if not isinstance(target, Tensor):
        values = np.asarray(target)
        if values.dtype.kind not in "uib":
            raise InputError(f"target: expected integers or bool, got {values.dtype}")
        if values.dtype not in (np.uint8, np.bool_):
            values = values.astype(np.int32)
        target = torch.from_numpy(_own(values))
    if target.ndim not in (2, 3) or tuple(target.shape[-2:]) != size:
        raise InputError(f"target: expected the image's size {size} (H, W), got {tuple(target.shape)}")
    return target


def _own(array: Any) -> Any:
    return array if array.flags.writeable and min(array.strides, default=0) >= 0 else array.copy()


def on_targets(target: Target, change: Callable[[Tensor], Tensor]) -> Target:
    """The same change to each tensor of a target."""
    if target is None:
        return None
    return tuple(change(t) for t in target) if isinstance(target, tuple) else change(target)


def outside_value(target: Tensor, ignore: int) -> int:
    """What a target holds where the image has no pixel: `ignore` in label maps, False in masks."""
    if target.dtype == torch.bool:
        return 0
    if target.dtype == torch.uint8 and not 0 <= ignore <= 255:
        raise OptionError(f"ignore: expected 0..255 for a target of uint8, got {ignore}")
    return ignore


def fill_values(image: Tensor, fill: Fill) -> Tensor:
    """`fill` in the image's own type and range, (C, 1, 1)."""
    bands = int(image.shape[0])
    values = torch.as_tensor(fill, dtype=torch.float32).reshape(-1)
    if len(values) not in (1, bands):
        raise OptionError(f"fill: expected one value or one for each of the {bands} bands, got {len(values)}")
    if image.dtype == torch.uint8:
        values = (values * 255).round().clamp(0, 255)
    return values.to(image.dtype).expand(bands).reshape(bands, 1, 1)


def check_range(name: str, pair: tuple[float, float], low: float, high: float) -> None:
    """Raise OptionError unless low <= pair[0] <= pair[1] <= high."""
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        raise OptionError(f"{name}: expected two rising numbers in {low:g}..{high:g}, got {pair}")


def check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise OptionError(f"{name}: expected a probability in 0..1, got {value}")
