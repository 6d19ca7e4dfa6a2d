"""Random flattening: every region takes its mean colour, so that only its form is left to learn from.

Overexposed objects and drawn ones have no texture. After Geirhos et al., "ImageNet-trained CNNs are biased towards texture", ICLR 2019,
arXiv:1811.12231, in spirit: images without texture make networks look at shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InputError
from .tensors import Target, check_probability


@dataclass(frozen=True)
class RandomFlattening:
    """Regions of a map of ids (H, W) take their mean colour with this probability; in half of these images all ids above 0 one common colour.

    Pixels of `ignore` stay as they are. The target stays.
    """

    probability: float = 0.1
    ignore: int = 65535

    def __post_init__(self) -> None:
        check_probability("probability", self.probability)

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if not isinstance(target, Tensor) or target.ndim != 2 or target.dtype == torch.bool:
            raise InputError("RandomFlattening: expected one map of ids (H, W) as target")
        if random.random() >= self.probability:
            return image, target
        known = target != self.ignore
        ids = target.long()
        if random.random() < 0.5:
            ids = (ids > 0).long()
        _, regions = torch.unique(ids[known], return_inverse=True)
        pixels = image[:, known].double()
        counts = regions.bincount().clamp(min=1)
        means = torch.stack([regions.bincount(band, minlength=len(counts)) / counts for band in pixels])
        flat = image.clone()
        flat[:, known] = (means.round() if not image.is_floating_point() else means).to(image.dtype)[:, regions]
        return flat, target
