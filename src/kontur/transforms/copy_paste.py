"""Copy and paste: objects of another image, drawn at random, are laid over this one.

Paper: Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation", CVPR 2021, arXiv:2012.07177: a random subset of the other image's
objects, pasted without regard to context; masks of what they cover shrink, and what is covered almost whole is no object any more.

Differs from the paper: the donor is flipped and shifted, but not scaled by itself (`RandomScaleCrop` follows); no blending, which
the paper found to make no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import InputError
from .tensors import Target, check_probability, image_tensor, target_tensor


@dataclass(frozen=True)
class CopyPaste:
    """donors: (image, ids (H, W), ...) by index; 0 is background, `ignore` nothing known. The target must be a map of ids too.

    probability: of a paste; each object of the donor then comes along with `share`. visible: objects of which a smaller share is left
    become background. Donors of other bands or another type of pixels are passed over. New objects get ids above the old ones.
    """

    donors: Sequence[Any]
    probability: float = 0.5
    share: float = 0.5
    visible: float = 0.1
    ignore: int = 65535

    def __post_init__(self) -> None:
        for name in ("probability", "share", "visible"):
            check_probability(name, getattr(self, name))

    def __call__(self, image: Tensor, target: Target, random: np.random.Generator) -> tuple[Tensor, Target]:
        if not isinstance(target, Tensor) or target.ndim != 2 or target.dtype == torch.bool:
            raise InputError("CopyPaste: expected one map of ids (H, W) as target")
        if random.random() >= self.probability or not len(self.donors):
            return image, target
        donor, its_ids = self._donor(int(random.integers(len(self.donors))))
        flips = [axis for axis in (-1, -2) if random.random() < 0.5]
        donor, its_ids = donor.flip(flips), its_ids.flip(flips)
        present = np.unique(its_ids.numpy())
        present = present[(present > 0) & (present != self.ignore)]
        chosen = present[random.random(len(present)) < self.share]
        shifts = [
            int(random.integers(min(0, own - other), max(0, own - other), endpoint=True))
            for own, other in zip(image.shape[-2:], donor.shape[-2:], strict=True)
        ]
        if donor.shape[0] != image.shape[0] or donor.dtype != image.dtype or not len(chosen):
            return image, target
        here, there = _overlap(image.shape[-2:], donor.shape[-2:], shifts)
        return self._pasted(image, target, donor[:, there[0], there[1]], its_ids[there[0], there[1]], chosen, here)

    def _donor(self, index: int) -> tuple[Tensor, Tensor]:
        image, ids, *_ = self.donors[index]
        pixels = image_tensor(image)
        found = target_tensor(ids, (int(pixels.shape[1]), int(pixels.shape[2])))
        assert isinstance(found, Tensor)
        return pixels, found.int()

    def _pasted(
        self,
        image: Tensor,
        target: Tensor,
        donor: Tensor,
        its_ids: Tensor,
        chosen: np.ndarray,
        here: tuple[slice, slice],
    ) -> tuple[Tensor, Tensor]:
        before = target.int()
        known = before[before != self.ignore]
        highest = int(known.max()) if known.numel() else 0
        names = torch.zeros(int(chosen.max()) + 1, dtype=torch.int32)
        names[torch.from_numpy(chosen.astype(np.int64))] = torch.arange(1, len(chosen) + 1, dtype=torch.int32) + highest
        # Ids of objects that were not chosen, and `ignore`, lie in the table as 0 or beyond it.
        pasted = torch.where(its_ids < len(names), names[its_ids.clamp(0, len(names) - 1).long()], 0)
        image, after = image.clone(), before.clone()
        image[:, here[0], here[1]] = torch.where(pasted > 0, donor, image[:, here[0], here[1]])
        after[here] = torch.where((pasted > 0) & (after[here] != self.ignore), pasted, after[here])
        areas, left = (np.bincount(m[m != self.ignore].numpy(), minlength=highest + 1) for m in (before, after))
        gone = np.flatnonzero((areas > 0) & (left[: len(areas)] < self.visible * areas))
        gone = gone[gone > 0]
        if len(gone):
            after[torch.isin(after, torch.from_numpy(gone.astype(np.int32)))] = 0
        return image, after


def _overlap(
    own: Sequence[int], other: Sequence[int], shifts: Sequence[int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a donor moved by `shifts` lies in the image, and which part of it that is."""
    here, there = [], []
    for size, length, shift in zip(own, other, shifts, strict=True):
        first, last = max(0, shift), min(size, shift + length)
        here.append(slice(first, last))
        there.append(slice(first - shift, last - shift))
    return (here[0], here[1]), (there[0], there[1])
