"""Panoptic FPN's loss: those of its two branches, weighted against each other.

Paper: Kirillov et al., CVPR 2019, arXiv:1901.02446, section 3.2: L = lambda_i (L_c + L_b + L_m) + lambda_s L_s, with the losses of
Mask R-CNN and of its region proposals, and the cross-entropy of the semantic branch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..core.errors import InputError
from .entropy import cross_entropy


def panoptic_fpn_loss(
    losses: Mapping[str, Tensor],
    logits: Sequence[Tensor],
    stuff: Sequence[Tensor],
    *,
    ignore: int = 255,
    instance: float = 1.0,
    semantic: float = 0.5,
) -> Tensor:
    """A scalar. losses: of the instance branch by name. logits, stuff: of each image (S + 1, H, W) and (H, W) indices or `ignore`.

    The semantic part is the mean over the images; one without a counted pixel has 0.
    """
    if len(logits) != len(stuff) or not logits:
        raise InputError(f"expected logits and stuff of at least one image each, got {len(logits)} and {len(stuff)}")
    each = [cross_entropy(one[None], truth[None], ignore=ignore) for one, truth in zip(logits, stuff, strict=True)]
    return instance * torch.stack(list(losses.values())).sum() + semantic * torch.stack(each).mean()
