"""Lovász-softmax: a convex surrogate of the mean IoU, from sorted errors.

Paper: Berman, Triki & Blaschko, CVPR 2018, arXiv:1705.08790. Algorithm 1 and equation 12:

    errors of class k, sorted falling -> gradient of the Jaccard extension -> their product, summed; the mean over the classes
"""

from __future__ import annotations

import torch
from torch import Tensor

from .targets import nothing, valid_pixels


def lovasz_softmax(logits: Tensor, target: Tensor, *, ignore: int = 255) -> Tensor:
    """Mean over the classes that occur in the target; a scalar in [0, 1]; 0 with zero gradient when all pixels are ignored.

    logits: (B, K, H, W) before softmax. target: (B, H, W) class ids, or `ignore`. The batch is taken as one image.
    """
    scores, labels = valid_pixels(logits, target, ignore)
    if not len(labels):
        return nothing(logits)
    probabilities = scores.softmax(dim=1)
    losses = []
    for label in torch.unique(labels).tolist():
        true = (labels == label).to(probabilities)
        errors = (true - probabilities[:, label]).abs()
        order = errors.detach().argsort(descending=True)
        losses.append(errors[order] @ jaccard_gradient(true[order]))
    return torch.stack(losses).mean()


def jaccard_gradient(true: Tensor) -> Tensor:
    """Algorithm 1: true (N,) 0 or 1 in the order of falling errors -> the gradient of the Lovász extension, (N,)."""
    total = true.sum()
    intersection = total - true.cumsum(0)
    union = total + (1 - true).cumsum(0)
    jaccard = 1 - intersection / union
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
