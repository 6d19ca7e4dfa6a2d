"""Offset loss: foreground, the way to the object's centre, and how near it is, learnt from a map of object ids.

Papers: Cheng et al., Panoptic-DeepLab, CVPR 2020, arXiv:1911.10194 (L1 of the offsets on objects only); Milletari et al., V-Net, 3DV
2016, arXiv:1606.04797 (the overlap beside the cross-entropy of the foreground).

    ids (B, H, W) ─offset_targets▶ (B, 4, H, W): foreground, offset down and across in `UNIT` pixels, centredness; 1 / radius (B, H, W)

Differs from Panoptic-DeepLab: an offset's error is counted in radii of its object, r = √(area / π), and objects of few pixels weigh
more a pixel than large ones (1 / r); a centre that lies outside its object is moved to the nearest of its pixels; centredness,
exp(-2 d² / r²) at the distance d, is learnt by cross-entropy.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .targets import at_least_single, checked_values, nothing

UNIT = 8.0
"""Pixels of an offset of 1."""


def offset_loss(
    logits: Tensor,
    target: Tensor,
    *,
    ignore: int = 65535,
    overlap: float = 1.0,
    offset: float = 1.0,
    centre: float = 0.5,
) -> Tensor:
    """Cross-entropy of the foreground + overlap · (1 - Dice) + offset · L1 in radii + centre · cross-entropy of centredness; a scalar.

    logits: (B, 4, H, W), as `kontur.networks.offset_net` gives them. target: (B, H, W) ids, 0 background, 1.. objects, or `ignore`,
    numbered anew in each image. 0 with zero gradient when every pixel is ignored. Raises InputError for other shapes, types, values.
    """
    keep = checked_values(logits, target, ignore, planes=4, most=1_000_000, what="ids of objects")
    if not bool(keep.any()):
        return nothing(logits)
    scores = at_least_single(logits)
    wanted, nearness = offset_targets(torch.where(keep, target, 0))
    counted = keep.to(scores.dtype)
    total = counted.sum()
    inside, foreground = wanted[:, 0], scores[:, 0]
    entropy = F.binary_cross_entropy_with_logits(foreground, inside, reduction="none")
    probability = foreground.sigmoid() * counted
    both = (probability * inside).sum(dim=(1, 2))
    dice = 1 - (2 * both + 1) / (probability.sum(dim=(1, 2)) + inside.sum(dim=(1, 2)) + 1)
    loss = (entropy * counted).sum() / total + overlap * dice.mean()
    # In radii; pixels of a small object weigh more, 1 / r each.
    weight = nearness
    away = (scores[:, 1:3] - wanted[:, 1:3]).abs().sum(dim=1) * UNIT * nearness
    loss = loss + offset * (away * weight).sum() / weight.sum().clamp_min(1e-6)
    central = F.binary_cross_entropy_with_logits(scores[:, 3], wanted[:, 3], reduction="none")
    return loss + centre * (central * counted).sum() / total


def offset_targets(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Ids (B, H, W), 0 background -> what the network is to say (B, 4, H, W), with centredness itself and not its logit, and
    1 / radius (B, H, W), 0 on the background. float32."""
    batch, height, width = ids.shape
    device = ids.device
    most = int(ids.max()) + 1
    objects = (ids + most * torch.arange(batch, device=device)[:, None, None]).flatten()  # numbered through the batch
    rows = torch.arange(height, device=device, dtype=torch.float32)[None, :, None].expand(ids.shape).flatten()
    columns = torch.arange(width, device=device, dtype=torch.float32)[None, None, :].expand(ids.shape).flatten()
    inside = ids.flatten() > 0
    number = batch * most
    area = torch.bincount(objects, minlength=number).clamp_min(1)
    centre_y = torch.bincount(objects, rows.double(), number) / area
    centre_x = torch.bincount(objects, columns.double(), number) / area
    down, across = (centre_y.float()[objects] - rows), (centre_x.float()[objects] - columns)
    # A centre outside its object, as a crescent has it, would send its pixels into another object or to the background.
    here = (centre_y + 0.5).long().clamp(0, height - 1) * width + (centre_x + 0.5).long().clamp(0, width - 1)
    at = here + torch.arange(number, device=device) // most * (height * width)
    strange = objects[at] != torch.arange(number, device=device)
    strange[::most] = False  # the backgrounds
    if bool(strange.any()):
        distance = torch.where(inside, down**2 + across**2, math.inf)
        for each in torch.nonzero(strange & (torch.bincount(objects, minlength=number) > 0)).flatten().tolist():
            own = torch.nonzero(objects == each).flatten()
            nearest = own[distance[own].argmin()]
            down[own], across[own] = rows[nearest] - rows[own], columns[nearest] - columns[own]
    radius = (area.float() / math.pi).sqrt()[objects]
    centredness = torch.exp(-2 * (down**2 + across**2) / radius**2)
    maps = torch.stack([torch.ones_like(down), down / UNIT, across / UNIT, centredness]) * inside
    return maps.reshape(4, batch, height, width).transpose(0, 1), (inside / radius).reshape(ids.shape)
