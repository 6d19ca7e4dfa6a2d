"""Cross-entropy of the softmax, and three ways to weight its classes by how rare they are.

Weights: median frequency (Eigen & Fergus, ICCV 2015, arXiv:1411.4734), inverse logarithm (ENet, arXiv:1606.02147), effective number
(Cui et al., CVPR 2019, arXiv:1901.05555).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.errors import InputError
from .targets import at_least_single, checked, checked_weights, nothing


def cross_entropy(logits: Tensor, target: Tensor, *, ignore: int = 255, weights: Tensor | None = None) -> Tensor:
    """Mean over the counted pixels of -log softmax at the true class; a scalar >= 0; 0 with zero gradient when all are ignored.

    logits: (B, K, H, W) before softmax. target: (B, H, W) class ids, or `ignore`. weights: (K,), each class's factor; the mean
    is then divided by the sum of the factors of the pixels, as PyTorch does.
    """
    keep = checked(logits, target, ignore)
    if not bool(keep.any()):
        return nothing(logits)
    # PyTorch's own leaving out of ignored pixels: gathering the others first takes five times as long.
    scores, labels = at_least_single(logits), target.long()
    if weights is None:
        return F.cross_entropy(scores, labels, ignore_index=ignore)
    weights = checked_weights(weights, logits)
    if bool((weights == 0).any()) and not bool((weights[labels[keep]] > 0).any()):
        return nothing(logits)
    return F.cross_entropy(scores, labels, weight=weights, ignore_index=ignore)


def median_frequency(counts: Tensor, images: Tensor | None = None) -> Tensor:
    """median(f) / f_k, (K,) float32; 0 for a class that never occurs.

    counts: (K,) pixels of each class. images: (K,) pixels of all images in which the class occurs, so that f_k is the
    paper's frequency; without it f_k is the class's share of all pixels.
    """
    counts = counts.double()
    present = counts > 0
    frequency = counts / (images.double().clamp_min(1) if images is not None else counts.sum().clamp_min(1))
    weights = torch.zeros_like(frequency)
    if bool(present.any()):
        weights[present] = _median(frequency[present]) / frequency[present]
    return weights.float()


def inverse_log(counts: Tensor, *, c: float = 1.02) -> Tensor:
    """ENet's 1 / ln(c + p_k), (K,) float32, p_k the class's share of all pixels; between 1.4 and 50 for c = 1.02."""
    share = counts.double() / counts.double().sum().clamp_min(1)
    return (1 / torch.log(c + share)).float()


def effective_number(counts: Tensor, *, beta: float = 0.999) -> Tensor:
    """(1 - beta) / (1 - beta^n_k), scaled to sum to the number of classes, (K,) float32; 0 for a class that never occurs."""
    if not 0 <= beta < 1:
        raise InputError(f"option beta: expected 0..1, 1 excluded, got {beta}")
    counts = counts.double()
    weights = (1 - beta) / (1 - torch.pow(torch.tensor(beta, dtype=torch.float64), counts)).clamp_min(1e-300)
    weights[counts == 0] = 0
    return (weights * (len(counts) / weights.sum().clamp_min(1e-300))).float()


def _median(values: Tensor) -> Tensor:
    """The mean of the two middle values for an even number; torch.median takes the lower."""
    return torch.quantile(values, 0.5)
