"""Edge loss: cross-entropy of a boundary map whose few boundary pixels weigh as much as the many others.

Papers: Xie & Tu, HED, ICCV 2015, arXiv:1504.06375 (class balance within an image); Liu et al., RCF, CVPR 2017, arXiv:1612.02103, whose
section 3.2 counts a pixel as boundary when more than a share of the annotators drew one there, and not at all when fewer did.

Differs from the papers: divided by the number of counted pixels, where theirs is a sum, so that a rate holds for any size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import InputError
from .targets import at_least_single, checked_values, nothing


def edge_loss(
    logits: Tensor, target: Tensor, *, ignore: int = 255, consensus: float = 0.3, balance: float = 1.1
) -> Tensor:
    """Mean over the counted pixels of an image, then over the images that have any; 0 with zero gradient when there is none.

    logits:    (B, 1, H, W) before the sigmoid.
    target:    (B, H, W) integers: how many percent of the annotators drew a boundary there, 0..100, or `ignore`.
    consensus: in [0, 1): a pixel is boundary above this share, none at 0, and not counted between.
    balance:   the papers' lambda. With P boundary and N other pixels in an image, -log p is weighted by N / (P + N) at the
               former, -log(1 - p) by balance * P / (P + N) at the latter.

    An image with only one of the two kinds gives 0. Raises InputError for other shapes, types and values.
    """
    keep = checked_values(logits, target, ignore, planes=1, most=100, what="whole percents of annotators")
    if not 0 <= consensus < 1 or not balance > 0:
        raise InputError(f"options consensus, balance: expected 0..1 and a positive number, got {consensus}, {balance}")
    positive = keep & (target.float() > 100 * consensus)
    negative = keep & (target == 0)
    positives, negatives = positive.sum(dim=(1, 2)), negative.sum(dim=(1, 2))
    counted = positives + negatives
    if not bool((counted > 0).any()):
        return nothing(logits)
    scores = at_least_single(logits)[:, 0]
    missed = torch.where(positive, F.softplus(-scores), 0.0).sum(dim=(1, 2))
    false = torch.where(negative, F.softplus(scores), 0.0).sum(dim=(1, 2))
    square = counted.clamp_min(1).to(scores.dtype) ** 2
    each = (negatives * missed + balance * positives * false) / square
    return each.sum() / (counted > 0).sum()
