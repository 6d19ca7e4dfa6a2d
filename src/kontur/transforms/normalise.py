"""Normalise: (pixel - mean) / std for each band; the last step before the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.errors import OptionError
from .tensors import Target

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Normalise:
    """mean, std: one value, or one a band, for pixels in [0, 1] (uint8 is divided by 255). float32 (C, H, W) comes out."""

    mean: float | Sequence[float] = IMAGENET_MEAN
    std: float | Sequence[float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if any(not s > 0 for s in _values(self.std)):
            raise OptionError(f"std: expected positive numbers, got {self.std}")

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        bands = int(image.shape[0])
        mean, std = _values(self.mean), _values(self.std)
        if len(mean) not in (1, bands) or len(std) not in (1, bands):
            raise OptionError(
                f"mean, std: expected one value or one for each of {bands} bands, got {len(mean)}, {len(std)}"
            )
        white = 255.0 if image.dtype == torch.uint8 else 1.0
        result = torch.empty(image.shape, dtype=torch.float32)
        result.copy_(image)
        result.sub_(torch.tensor(mean).mul_(white).reshape(-1, 1, 1))
        result.mul_(torch.tensor(std).mul_(white).reciprocal_().reshape(-1, 1, 1))
        return result, target


def _values(given: float | Sequence[float]) -> tuple[float, ...]:
    return (float(given),) if isinstance(given, (int, float)) else tuple(float(v) for v in given)
