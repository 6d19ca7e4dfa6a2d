"""Losses that look at the pixels which are still wrong: bootstrapping (OHEM) and focal loss.

Papers: Wu, Shen & van den Hengel, arXiv:1604.04339 (bootstrapped cross-entropy); Shrivastava et al., CVPR 2016, arXiv:1604.03540 (OHEM);
Lin et al., ICCV 2017, arXiv:1708.02002 (focal loss).
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from ..core.errors import InputError
from .targets import checked_weights, nothing, valid_pixels


def ohem_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    ignore: int = 255,
    threshold: float = 0.7,
    least: float = 1 / 16,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean cross-entropy of the pixels whose true class has a probability under `threshold`, and at least the hardest share `least`.

    logits: (B, K, H, W). target: (B, H, W) ids or `ignore`. threshold: (0, 1]; least: [0, 1] of the counted pixels.
    weights: (K,) factors of the classes. A scalar >= 0; 0 with zero gradient when all pixels are ignored.
    """
    if not 0 < threshold <= 1 or not 0 <= least <= 1:
        raise InputError(f"options threshold, least: expected 0..1, got {threshold}, {least}")
    scores, labels = valid_pixels(logits, target, ignore)
    weights = None if weights is None else checked_weights(weights, logits)
    if not len(labels):
        return nothing(logits)
    each = F.cross_entropy(scores, labels, weight=weights, reduction="none")
    plain = each if weights is None else F.cross_entropy(scores, labels, reduction="none")
    hard = int((plain.detach() > -math.log(threshold)).sum())
    kept = max(hard, math.ceil(least * len(labels)), 1)
    chosen = plain.detach().topk(kept).indices
    return each[chosen].mean()


def bootstrapped_cross_entropy(logits: Tensor, target: Tensor, *, ignore: int = 255, share: float = 0.25) -> Tensor:
    """Mean cross-entropy of the hardest `share` of the counted pixels, (0, 1]."""
    if not 0 < share <= 1:
        raise InputError(f"option share: expected 0..1, 0 excluded, got {share}")
    scores, labels = valid_pixels(logits, target, ignore)
    if not len(labels):
        return nothing(logits)
    each = F.cross_entropy(scores, labels, reduction="none")
    return each.topk(max(1, math.ceil(share * len(labels)))).values.mean()


def focal_loss(
    logits: Tensor, target: Tensor, *, ignore: int = 255, gamma: float = 2.0, weights: Tensor | None = None
) -> Tensor:
    """Mean over the counted pixels of -(1 - p)^gamma log p, p the softmax at the true class; gamma = 0 is cross-entropy.

    weights: (K,), the paper's alpha by class. A scalar >= 0; 0 with zero gradient when all pixels are ignored.
    """
    if gamma < 0:
        raise InputError(f"option gamma: expected at least 0, got {gamma}")
    scores, labels = valid_pixels(logits, target, ignore)
    weights = None if weights is None else checked_weights(weights, logits)
    if not len(labels):
        return nothing(logits)
    log_p = -F.cross_entropy(scores, labels, reduction="none")
    # 1 - p by expm1, exact where p is almost 1; the tiny floor keeps the power's gradient finite at p = 1
    missing = (-log_p.expm1()).clamp_min(1e-12)
    each = -missing.pow(gamma) * log_p
    if weights is not None:
        each = each * weights[labels]
    return each.mean()
