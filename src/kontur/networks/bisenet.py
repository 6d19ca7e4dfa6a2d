"""BiSeNet: a shallow path for detail and a deep one for context, fused by attention.

Paper: Yu, Wang, Peng, Gao, Yu & Sang, ECCV 2018, arXiv:1808.00897. Figure 2:

    image (B, C, H, W) -> spatial path, three strided convolutions -> 128 @ /8 ┐
                       -> context path, ResNet-18 + attention      -> 128 @ /8 ┴ fusion 256 -> logits (B, K, H/8, W/8)

Differs from the paper: batch norm after the attention's 1x1 in the fusion, 3x3 convolutions after each upsampling of the context path,
as in the PyTorch implementation whose parameter count is the reference.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .network import Network


class AttentionRefinement(nn.Module):
    """Figure 2b: features scaled by a sigmoid of their own mean."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolve = _unit(inputs, outputs, 3)
        self.attend = nn.Sequential(nn.Conv2d(outputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.Sigmoid())

    def forward(self, feature: Tensor) -> Tensor:
        feature = self.convolve(feature)
        return feature * self.attend(_mean(feature))


class ContextPath(nn.Module):
    """ResNet-18, its last two stages refined, with the image's mean on top: (B, C, H, W) -> 128 @ /8 and 128 @ /16."""

    def __init__(self, encoder: ResNet) -> None:
        super().__init__()
        self.encoder = encoder
        self.refine16 = AttentionRefinement(encoder.widths[2], 128)
        self.refine32 = AttentionRefinement(encoder.widths[3], 128)
        self.tail = _unit(encoder.widths[3], 128, 1)
        self.head16 = _unit(128, 128, 3)
        self.head32 = _unit(128, 128, 3)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        _, eighth, sixteenth, last = self.encoder(image)
        context = self.refine32(last) + self.tail(_mean(last))
        context16 = self.head32(F.interpolate(context, sixteenth.shape[-2:], mode="nearest"))
        context = self.refine16(sixteenth) + context16
        context8 = self.head16(F.interpolate(context, eighth.shape[-2:], mode="nearest"))
        return context8, context16


class FeatureFusion(nn.Module):
    """Figure 2c: both paths side by side, 1x1, then attention added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolve = _unit(width, width, 1)
        self.attend = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.Sigmoid())

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        feature = self.convolve(torch.cat([detail, context], dim=1))
        return feature + feature * self.attend(_mean(feature))


class BiSeNet(nn.Module):
    """Figure 2a. In training the context path's two maps are classified too."""

    def __init__(self, encoder: ResNet, classes: int, channels: int, auxiliary: bool) -> None:
        super().__init__()
        self.spatial = nn.Sequential(
            _unit(channels, 64, 7, stride=2), _unit(64, 64, 3, stride=2), _unit(64, 64, 3, stride=2), _unit(64, 128, 1)
        )
        self.context = ContextPath(encoder)
        self.fuse = FeatureFusion(256)
        self.classify = _output(256, 256, classes)
        self.auxiliary = nn.ModuleList(_output(128, 64, classes) for _ in range(2 if auxiliary else 0))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) -> logits (B, K, H/8, W/8), then the auxiliary ones in training."""
        context8, context16 = self.context(image)
        logits = self.classify(self.fuse(self.spatial(image), context8))
        if not self.training:
            return (logits,)
        return logits, *(head(feature) for head, feature in zip(self.auxiliary, (context8, context16), strict=False))


def _mean(feature: Tensor) -> Tensor:
    return feature.mean(dim=(2, 3), keepdim=True)


def _unit(inputs: int, outputs: int, window: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, window, stride=stride, padding=window // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _output(inputs: int, inner: int, classes: int) -> nn.Sequential:
    return nn.Sequential(_unit(inputs, inner, 3), nn.Conv2d(inner, classes, 1))


def bisenet(classes: int, channels: int = 3, *, auxiliary: bool = False, pretrained: bool = False) -> Network:
    """BiSeNet on ResNet-18. A batch of 1 can't be trained: the batch norms of the attention see one value a channel."""
    body = BiSeNet(ResNet("resnet18", channels, pretrained=pretrained), classes, channels, auxiliary)
    return Network(body, name="bisenet", classes=classes, channels=channels)
