"""Elastic deformation: a smooth random displacement of every pixel.

Paper: Ronneberger et al., "U-Net", MICCAI 2015, arXiv:1505.04597, section 3.1: displacements drawn on a coarse 3 x 3 grid
from a Gaussian of 10 pixels standard deviation, between them bicubic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import OptionError
from .tensors import Fill, Target, check_probability
from .warp import pixel_grid, warp


@dataclass(frozen=True)
class ElasticDeformation:
    """strength: standard deviation of the displacements, pixels. grid: points a side, at least 2."""

    strength: float = 10.0
    grid: int = 3
    probability: float = 1.0
    fill: Fill = 0.0
    ignore: int = 255

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)
        if self.strength < 0 or self.grid < 2:
            raise OptionError(f"expected strength >= 0 and grid >= 2, got {self.strength} and {self.grid}")

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        coarse = torch.from_numpy(random.normal(0, self.strength, (1, 2, self.grid, self.grid)).astype(np.float32))
        if random.random() >= self.probability:
            return image, target
        size = (int(image.shape[1]), int(image.shape[2]))
        shift = F.interpolate(coarse, size, mode="bicubic", align_corners=True)[0]
        y, x = pixel_grid(*size)
        return warp(image, target, y + shift[0], x + shift[1], self.fill, self.ignore)
