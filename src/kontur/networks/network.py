"""What every network of this folder is from outside: a checked input, logits at the input's size, auxiliary logits in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.errors import InputError


class Logits(NamedTuple):
    """What a network returns in training mode. Each (B, K, H, W); auxiliary is empty where the network has no such head."""

    logits: Tensor
    auxiliary: tuple[Tensor, ...] = ()


class Network(nn.Module):
    """A paper's network (`body`) behind one contract.

    image (B, C, H, W) float -> eval mode:     logits (B, K, H, W)
                                training mode: Logits(logits, auxiliary), each (B, K, H, W)

    The body may return coarser logits, alone or followed by auxiliary ones; they are brought to H×W bilinearly. With
    `keep_size` they are left as the paper has them (the unpadded U-Net).

    `adjust` adds a number a class to the logits in eval mode (logit adjustment).

    Raises InputError when the number of channels is not `channels` or the image is smaller than `least` = (H, W) pixels, and in
    training mode when a batch norm would see a single value a channel.
    """

    def __init__(
        self,
        body: nn.Module,
        *,
        name: str,
        classes: int,
        channels: int = 3,
        least: tuple[int, int] = (1, 1),
        align_corners: bool = False,
        keep_size: bool = False,
    ) -> None:
        super().__init__()
        self.body = body
        self.name, self.classes, self.channels, self.least = name, classes, channels, least
        self.align_corners, self.keep_size = align_corners, keep_size
        self.adjustment: Tensor | None
        self.register_buffer("adjustment", None, persistent=False)

    def adjust(self, values: Sequence[float]) -> None:
        """Add `values`, one a class, to the logits in eval mode. They are no part of the weights (`state_dict`)."""
        if len(values) != self.classes:
            raise InputError(f"{self.name}: expected {self.classes} adjustments, one a class, got {len(values)}")
        device = next(self.parameters()).device
        self.adjustment = torch.tensor(list(values), dtype=torch.float32, device=device).reshape(1, -1, 1, 1)

    def forward(self, image: Tensor) -> Tensor | Logits:
        if not (torch.jit.is_tracing() or torch.compiler.is_compiling()):
            self._check(image)
        try:
            output = self.body(image)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise InputError(
                f"{self.name}: in training mode a batch norm got one value a channel from {tuple(image.shape)} (B, C, H, W), and needs two. "
                "Use a batch of at least 2 images, or larger ones"
            ) from None
        maps = (output,) if isinstance(output, Tensor) else tuple(output)
        if not self.training:
            logits = self._to_size_of(image, maps[0])
            return logits if self.adjustment is None else logits + self.adjustment
        sized = [self._to_size_of(image, logits) for logits in maps]
        return Logits(sized[0], tuple(sized[1:]))

    def _to_size_of(self, image: Tensor, logits: Tensor) -> Tensor:
        if self.keep_size or logits.shape[-2:] == image.shape[-2:]:
            return logits
        return F.interpolate(logits, image.shape[-2:], mode="bilinear", align_corners=self.align_corners)

    def _check(self, image: Tensor) -> None:
        if image.ndim != 4:
            raise InputError(f"{self.name}: expected images (B, C, H, W), got shape {tuple(image.shape)}")
        if image.shape[1] != self.channels:
            raise InputError(
                f"{self.name}: expected {self.channels} channels, got {image.shape[1]}. "
                f"Build it for this image: kontur.networks.build({self.name!r}, classes, channels={image.shape[1]})"
            )
        height, width = image.shape[-2:]
        if height < self.least[0] or width < self.least[1]:
            raise InputError(
                f"{self.name}: expected an image of at least {self.least[0]}x{self.least[1]} pixels (H x W), got {height}x{width}. "
                "Enlarge or pad it"
            )
