"""Moving pixels along given coordinates: bilinear in the image, nearest in the target."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .tensors import Fill, Target, fill_values, on_targets, outside_value


def warp(image: Tensor, target: Target, y: Tensor, x: Tensor, fill: Fill, ignore: int) -> tuple[Tensor, Target]:
    """Each output pixel is taken from (y, x), float32 (H, W), in source pixels; 0 is the middle of the first one.

    Coordinates outside the image's area (-0.5 .. length - 0.5) give `fill` and `ignore`.
    """
    height, width = int(image.shape[1]), int(image.shape[2])
    outside = (x < -0.5) | (x >= width - 0.5) | (y < -0.5) | (y >= height - 0.5)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    values = image[None].float().contiguous()
    moved = F.grid_sample(values, grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]
    if image.dtype == torch.uint8:
        moved = moved.round_().clamp_(0, 255)
    moved = moved.to(image.dtype)
    moved = torch.where(outside, fill_values(image, fill), moved)
    rows = (y + 0.5).floor().long().clamp_(0, height - 1)
    columns = (x + 0.5).floor().long().clamp_(0, width - 1)
    return moved, on_targets(target, lambda t: t[..., rows, columns].masked_fill_(outside, outside_value(t, ignore)))


def pixel_grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """(y, x) of every pixel, float32 (H, W)."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32), torch.arange(width, dtype=torch.float32), indexing="ij"
    )
    return y, x
