"""Random brightness, contrast, saturation and hue; the target stays as it is.

All four are linear in the pixel's bands, so they are done at once, as one matrix and one offset, and clipped once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.errors import OptionError
from .tensors import Target, check_probability

# Rec. 601 luma, and the two axes of chroma at right angles to it in YIQ.
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], dtype=torch.float64)
_FROM_YIQ = torch.linalg.inv(_YIQ)


@dataclass(frozen=True)
class ColourJitter:
    """brightness, contrast, saturation: factors are drawn evenly from 1 - value .. 1 + value. hue: turns up to, degrees.

    Contrast is about the mean luma of the image, saturation about each pixel's luma, hue a turn in the YIQ plane of chroma.
    Saturation and hue change images of three bands only; brightness and contrast any. uint8 is clipped to 0..255,
    float images are not clipped.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)
        for name in ("brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name}: expected 0..1, got {getattr(self, name)}")
        if not 0 <= self.hue <= 180:
            raise OptionError(f"hue: expected 0..180 degrees, got {self.hue}")

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        brightness, contrast, saturation = (
            random.uniform(1 - v, 1 + v) for v in (self.brightness, self.contrast, self.saturation)
        )
        turn = math.radians(random.uniform(-self.hue, self.hue))
        if random.random() >= self.probability:
            return image, target
        bands = int(image.shape[0])
        values = image.float().reshape(bands, -1)
        if bands == 3:
            chroma = saturation * torch.tensor(
                [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]], dtype=torch.float64
            )
            middle = torch.eye(3, dtype=torch.float64)
            middle[1:, 1:] = chroma
            matrix = (_FROM_YIQ @ middle @ _YIQ).float() * (brightness * contrast)
            mean = float(values.mean(dim=1) @ _YIQ[0].float()) * brightness
            values = torch.addmm(torch.full((3, 1), mean * (1 - contrast)), matrix, values)
        else:
            mean = float(values.mean()) * brightness
            values = values * (brightness * contrast) + mean * (1 - contrast)
        if image.dtype == torch.uint8:
            values = values.round_().clamp_(0, 255)
        return values.to(image.dtype).reshape(image.shape), target
