"""Random inversion: dark objects on a light ground become light ones on a dark ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .tensors import Target, check_probability


@dataclass(frozen=True)
class RandomInversion:
    """Values v become white - v with this probability; white is 255 of uint8, 1 of float images. The target stays."""

    probability: float = 0.1

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if random.random() >= self.probability:
            return image, target
        return (255 if image.dtype == torch.uint8 else 1) - image, target
