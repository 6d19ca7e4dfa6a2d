"""Random flips, of image and target together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .tensors import Target, check_probability, on_targets


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Left and right change places, with this probability."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if random.random() >= self.probability:
            return image, target
        return image.flip(-1), on_targets(target, lambda t: t.flip(-1))


@dataclass(frozen=True)
class RandomVerticalFlip:
    """Top and bottom change places, with this probability."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if random.random() >= self.probability:
            return image, target
        return image.flip(-2), on_targets(target, lambda t: t.flip(-2))
