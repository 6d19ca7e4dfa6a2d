"""Compose: transforms one after the other, on arrays or tensors; and the usual ones for training in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .flips import RandomHorizontalFlip
from .normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from .scale_crop import RandomScaleCrop
from .tensors import Target, image_tensor, on_targets, target_tensor

Transform = Callable[[Tensor, Target, np.random.Generator], tuple[Tensor, Target]]


class Compose:
    """compose(image, target, random) -> (image (C, H, W), target with label maps as int64, masks as bool).

    random: a generator, or a seed. It is an argument of each call, so a Compose has no state and may be shared.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(transforms)

    def __call__(
        self, image: Any, target: Any = None, random: np.random.Generator | int | Sequence[int] = 0
    ) -> tuple[Tensor, Target]:
        generator = random if isinstance(random, np.random.Generator) else np.random.default_rng(random)
        pixels = image_tensor(image)
        labels = target_tensor(target, (int(pixels.shape[1]), int(pixels.shape[2])))
        for transform in self.transforms:
            pixels, labels = transform(pixels, labels, generator)
        return pixels, on_targets(labels, lambda t: t if t.dtype == torch.bool else t.long())

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"


def training_transforms(
    size: int | tuple[int, int] = 321,
    *,
    scales: tuple[float, float] = (0.5, 2.0),
    mean: float | Sequence[float] = IMAGENET_MEAN,
    std: float | Sequence[float] = IMAGENET_STD,
    ignore: int = 255,
) -> Compose:
    """Random scale and crop, padded with the mean and `ignore`; a random horizontal flip; normalise."""
    return Compose(
        [RandomScaleCrop(size, scales, fill=mean, ignore=ignore), RandomHorizontalFlip(), Normalise(mean, std)]
    )
