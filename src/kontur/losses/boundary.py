"""Boundary loss: the probability mass of a class, weighted by its signed distance to the class's border.

Paper: Kervadec et al., MIDL 2019, arXiv:1812.07032. Equation 5:

    target -> signed distance φ (negative inside) -> mean over pixels and classes of φ·softmax
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .targets import at_least_single, checked, nothing


def boundary_loss(logits: Tensor, target: Tensor, *, ignore: int = 255) -> Tensor:
    """A scalar, negative when the mass lies inside; 0 with zero gradient when all pixels are ignored.

    logits: (B, K, H, W) before softmax. target: (B, H, W) class ids, or `ignore`. Distances are in pixels, divided by the image's
    diagonal, from one counted pixel to another: next to ignored ones there is no border. A class that is absent from an image, or
    fills what counts of it, has none at all and adds nothing. To be added to a regional loss.
    """
    keep = checked(logits, target, ignore)
    if not bool(keep.any()):
        return nothing(logits)
    distances = signed_distances(target, logits.shape[1], ignore).to(logits.device)
    weighted = at_least_single(logits).softmax(dim=1) * distances * keep[:, None]
    return weighted.sum() / (keep.sum() * logits.shape[1])


def signed_distances(target: Tensor, classes: int, ignore: int) -> Tensor:
    """φ, (B, K, H, W) float32 in diagonals: distance to the class outside it, minus the distance to the rest inside it."""
    maps = np.zeros((target.shape[0], classes, *target.shape[1:]), np.float32)
    diagonal = float(np.hypot(*target.shape[1:]))
    for number, labels in enumerate(target.cpu().numpy()):
        counted = labels != ignore
        for label in np.unique(labels[counted]):
            inside = labels == label
            outside = counted & ~inside
            if not outside.any():
                continue
            # at the border pixel inside 0, just outside 1, as in the authors' code
            outer = ndimage.distance_transform_edt(~inside)
            inner = ndimage.distance_transform_edt(~outside) - 1
            maps[number, label] = np.where(inside, -inner, outer) / diagonal
    return torch.from_numpy(maps)
