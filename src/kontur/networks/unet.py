"""U-Net: a contracting path, an expanding path, and the features of the one handed to the other at each level.

Paper: Ronneberger, Fischer & Brox, MICCAI 2015, arXiv:1505.04597. Figure 1:

    image (B, C, 572, 572) -> 64 -> 128 -> 256 -> 512 -> 1024 (28x28) -> 512 -> 256 -> 128 -> 64 -> logits (B, K, 388, 388)

Differs from the paper: `padded=True` pads every 3x3 convolution so that the logits have the image's size; the unpadded network
is the default. The paper's dropout at the end of the contracting path is a half, as in the authors' model file.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network
from .upsampling import extended_to

WIDTHS = (64, 128, 256, 512, 1024)


class UNet(nn.Module):
    """Figure 1, left side down, right side up."""

    def __init__(self, classes: int, channels: int, padded: bool) -> None:
        super().__init__()
        self.padded = padded
        inputs = (channels, *WIDTHS[:-1])
        self.down = nn.ModuleList(_two_convolutions(i, o, padded) for i, o in zip(inputs, WIDTHS, strict=True))
        self.dropout = nn.Dropout(0.5)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in reversed(WIDTHS[:-1]))
        self.join = nn.ModuleList(_two_convolutions(2 * w, w, padded) for w in reversed(WIDTHS[:-1]))
        self.classify = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, K, H, W) padded, (B, K, H - 184, W - 184) unpadded (for sizes that halve evenly)."""
        feature, handed = image, []
        for level, block in enumerate(self.down):
            if level:
                feature = F.max_pool2d(feature, 2)
            feature = block(feature)
            if level >= 3:  # the two deepest levels
                feature = self.dropout(feature)
            handed.append(feature)
        for up, join, skip in zip(self.up, self.join, reversed(handed[:-1]), strict=True):
            feature = up(feature)
            feature = join(torch.cat(self._fitted(skip, feature), dim=1))
        return self.classify(feature)

    def _fitted(self, skip: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        """The paper crops the skip to the feature; padded, an odd level is one pixel short and the feature is extended."""
        if self.padded:
            return skip, extended_to(feature, skip.shape[-2:])
        top, left = (skip.shape[-2] - feature.shape[-2]) // 2, (skip.shape[-1] - feature.shape[-1]) // 2
        return skip[..., top : top + feature.shape[-2], left : left + feature.shape[-1]], feature


def _two_convolutions(inputs: int, outputs: int, padded: bool) -> nn.Sequential:
    padding = 1 if padded else 0
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=padding),
        nn.ReLU(inplace=True),
    )


def unet(classes: int, channels: int = 3, *, padded: bool = False) -> Network:
    """U-Net. padded: keep the image's size; otherwise the logits are those of the paper's centre window, 184 pixels smaller."""
    return Network(
        UNet(classes, channels, padded),
        name="unet",
        classes=classes,
        channels=channels,
        least=(16, 16) if padded else (188, 188),
        keep_size=True,
    )
