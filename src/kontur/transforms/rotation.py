"""Random rotation about the image's middle; the size stays, corners that come in from outside are filled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .tensors import Fill, Target, check_range
from .warp import pixel_grid, warp


@dataclass(frozen=True)
class RandomRotation:
    """degrees: the range of the angle, drawn evenly; positive turns counter-clockwise on the screen."""

    degrees: tuple[float, float] = (-10.0, 10.0)
    fill: Fill = 0.0
    ignore: int = 255

    def __post_init__(self) -> None:
        check_range("degrees", self.degrees, -360, 360)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        angle = math.radians(random.uniform(*self.degrees))
        y, x = pixel_grid(int(image.shape[1]), int(image.shape[2]))
        middle_y, middle_x = (image.shape[1] - 1) / 2, (image.shape[2] - 1) / 2
        y, x = y - middle_y, x - middle_x
        # Where each output pixel comes from: turned back. With y down, counter-clockwise takes (x, y) to
        # (x cos + y sin, y cos - x sin).
        source_x = x * math.cos(angle) - y * math.sin(angle) + middle_x
        source_y = x * math.sin(angle) + y * math.cos(angle) + middle_y
        return warp(image, target, source_y, source_x, self.fill, self.ignore)
