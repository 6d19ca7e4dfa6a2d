"""Random quarter turns, which move pixels and change none: with flips, all eight positions of an image without an up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .tensors import Target, on_targets


@dataclass(frozen=True)
class RandomQuarterTurn:
    """0, 90, 180 or 270 degrees counter-clockwise, each as often; 0 or 180 where the image is not square, so its size stays."""

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        turns = int(random.integers(4))
        if image.shape[-1] != image.shape[-2]:
            turns = turns // 2 * 2
        if not turns:
            return image, target
        return torch.rot90(image, turns, (-2, -1)), on_targets(target, lambda t: torch.rot90(t, turns, (-2, -1)))
