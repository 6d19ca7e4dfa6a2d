"""Losses on the overlap of soft masks: Dice, generalised Dice, Jaccard (IoU), Tversky, focal Tversky.

Papers: Milletari et al. (V-Net), arXiv:1606.04797 (Dice); Sudre et al., arXiv:1707.03237 (generalised Dice); Rahman & Wang, ISVC 2016
(IoU); Salehi et al., arXiv:1706.05721 (Tversky); Abraham & Khan, arXiv:1810.07842 (focal Tversky).

All work on the softmax over the counted pixels of the whole batch. Classes that are absent from the target are left out of the
means (their Dice would only punish the smallest probability), unless all are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import InputError
from .targets import nothing, valid_pixels


def dice_loss(logits: Tensor, target: Tensor, *, ignore: int = 255, smooth: float = 1.0) -> Tensor:
    """1 - mean over the present classes of (2 Σpg + s) / (Σp + Σg + s); a scalar in [0, 1]; 0 with zero gradient when all is ignored.

    logits: (B, K, H, W) before softmax. target: (B, H, W) class ids, or `ignore`. smooth: s, in pixels, at least 0.
    """
    sums = _sums(logits, target, ignore)
    if sums is None:
        return nothing(logits)
    both, predicted, true = sums
    dice = (2 * both + smooth) / (predicted + true + smooth)
    return (1 - dice)[true > 0].mean()


def generalised_dice_loss(logits: Tensor, target: Tensor, *, ignore: int = 255) -> Tensor:
    """1 - 2 Σ_k w_k Σpg / Σ_k w_k (Σp + Σg), w_k = 1 / (Σg)², over the present classes; a scalar in [0, 1]."""
    sums = _sums(logits, target, ignore)
    if sums is None:
        return nothing(logits)
    both, predicted, true = (s[sums[2] > 0] for s in sums)
    weights = 1 / true.square()
    return 1 - 2 * (weights * both).sum() / (weights * (predicted + true)).sum()


def jaccard_loss(logits: Tensor, target: Tensor, *, ignore: int = 255, smooth: float = 1.0) -> Tensor:
    """1 - mean over the present classes of (Σpg + s) / (Σp + Σg - Σpg + s); a scalar in [0, 1]."""
    sums = _sums(logits, target, ignore)
    if sums is None:
        return nothing(logits)
    both, predicted, true = sums
    iou = (both + smooth) / (predicted + true - both + smooth)
    return (1 - iou)[true > 0].mean()


def tversky_loss(
    logits: Tensor, target: Tensor, *, ignore: int = 255, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0
) -> Tensor:
    """1 - mean Tversky index, TP / (TP + alpha FP + beta FN); alpha = beta = 0.5 is Dice. A scalar in [0, 1]."""
    index = _tversky(logits, target, ignore, alpha, beta, smooth)
    return nothing(logits) if index is None else (1 - index).mean()


def focal_tversky_loss(
    logits: Tensor,
    target: Tensor,
    *,
    ignore: int = 255,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
    smooth: float = 1.0,
) -> Tensor:
    """Mean of (1 - Tversky index)^gamma, the paper's 1/gamma being 4/3. A scalar in [0, 1]."""
    index = _tversky(logits, target, ignore, alpha, beta, smooth)
    # the floor keeps the gradient finite where a class is already perfect
    return nothing(logits) if index is None else (1 - index).clamp_min(1e-7).pow(gamma).mean()


def _tversky(logits: Tensor, target: Tensor, ignore: int, alpha: float, beta: float, smooth: float) -> Tensor | None:
    if alpha < 0 or beta < 0:
        raise InputError(f"options alpha, beta: expected at least 0, got {alpha}, {beta}")
    sums = _sums(logits, target, ignore)
    if sums is None:
        return None
    both, predicted, true = sums
    index = (both + smooth) / (both + alpha * (predicted - both) + beta * (true - both) + smooth)
    return index[true > 0]


def _sums(logits: Tensor, target: Tensor, ignore: int) -> tuple[Tensor, Tensor, Tensor] | None:
    """Σpg, Σp, Σg of each class, (K,) each; None when nothing counts."""
    scores, labels = valid_pixels(logits, target, ignore)
    if not len(labels):
        return None
    probabilities = scores.softmax(dim=1)
    true = torch.bincount(labels, minlength=logits.shape[1]).to(probabilities)
    both = torch.zeros_like(true).index_add(0, labels, probabilities.gather(1, labels[:, None])[:, 0])
    return both, probabilities.sum(dim=0), true
