"""Random flips, of image and target together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from .tensors import Target, check_probability, on_targets


@dataclass(frozen=True)
class _Flip:
    probability: float = 0.5
    axis: ClassVar[int]

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if random.random() >= self.probability:
            return image, target
        return image.flip(self.axis), on_targets(target, lambda t: t.flip(self.axis))


@dataclass(frozen=True)
class RandomHorizontalFlip(_Flip):
    """Left and right change places, with this probability."""

    axis = -1


@dataclass(frozen=True)
class RandomVerticalFlip(_Flip):
    """Top and bottom change places, with this probability."""

    axis = -2
