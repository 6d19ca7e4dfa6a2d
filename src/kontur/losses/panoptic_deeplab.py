"""Panoptic-DeepLab's three losses: classes, small objects first; centres; offsets.

Paper: Cheng et al., CVPR 2020, arXiv:1911.10194, section 3.1: L = L_sem + 200 L_heatmap + 0.01 L_offset. The classes' loss is that
of Yang et al., DeeperLab, 2019, arXiv:1902.05093: the hardest pixels of all, those of small objects three times as heavy.

Targets are made by `kontur.transforms.object_targets`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import InputError
from .targets import at_least_single, checked, nothing


def panoptic_deeplab_loss(
    maps: Tensor,
    semantic: Tensor,
    weights: Tensor,
    centres: Tensor,
    offsets: Tensor,
    counted: Tensor,
    *,
    ignore: int = 255,
    share: float = 0.2,
    centre: float = 200.0,
    offset: float = 0.01,
) -> Tensor:
    """The weighted sum, a scalar >= 0; 0 with zero gradient where nothing counts.

    maps:     (B, K + 3, H, W) of the network: logits of the classes, centres, offsets down and across.
    semantic: (B, H, W) class indices or `ignore`.   weights: (B, H, W), a pixel's weight in the classes' loss.
    centres:  (B, H, W) in [0, 1].   offsets: (B, 2, H, W) in pixels, NaN outside objects.
    counted:  (B, H, W) bool, where centres are known.
    """
    logits, heatmap, moves = maps[:, :-3], maps[:, -3:-2], maps[:, -2:]
    total = hardest_cross_entropy(logits, semantic, weights, ignore=ignore, share=share)
    return total + centre * centre_loss(heatmap, centres, counted) + offset * offset_l1_loss(moves, offsets)


def hardest_cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor, *, ignore: int = 255, share: float = 0.2
) -> Tensor:
    """Mean of the `share` (0, 1] of the counted pixels whose weighted cross-entropy is highest. Shapes as above."""
    if not 0 < share <= 1:
        raise InputError(f"option share: expected 0..1, 0 excluded, got {share}")
    keep = checked(logits, target, ignore)
    if weights.shape != target.shape:
        raise InputError(f"weights: expected {tuple(target.shape)}, one a pixel, got {tuple(weights.shape)}")
    if not bool(keep.any()):
        return nothing(logits)
    each = F.cross_entropy(at_least_single(logits), torch.where(keep, target, 0).long(), reduction="none")
    each = (each * weights.to(each))[keep]
    return each.topk(max(1, math.ceil(share * len(each)))).values.mean()


def centre_loss(heatmap: Tensor, target: Tensor, counted: Tensor) -> Tensor:
    """Mean squared error over the counted pixels. heatmap: (B, 1, H, W); target, counted: (B, H, W)."""
    if heatmap.shape != (target.shape[0], 1, *target.shape[1:]) or counted.shape != target.shape:
        raise InputError(
            f"centres: expected (B, 1, H, W) and two of (B, H, W), got {tuple(heatmap.shape)}, {tuple(target.shape)}, {tuple(counted.shape)}"
        )
    if not bool(counted.any()):
        return nothing(heatmap)
    return F.mse_loss(at_least_single(heatmap)[:, 0][counted], target.to(at_least_single(heatmap))[counted])


def offset_l1_loss(offsets: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error in pixels, rows and columns apart, where the target (B, 2, H, W) is not NaN."""
    if offsets.shape != target.shape or offsets.shape[1] != 2:
        raise InputError(f"offsets: expected two of (B, 2, H, W), got {tuple(offsets.shape)}, {tuple(target.shape)}")
    known = ~target.isnan()
    if not bool(known.any()):
        return nothing(offsets)
    return F.l1_loss(at_least_single(offsets)[known], target.to(at_least_single(offsets))[known])
