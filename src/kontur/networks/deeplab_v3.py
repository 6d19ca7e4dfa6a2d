"""DeepLab v3: atrous convolutions at several rates beside the image's mean.

Paper: Chen, Papandreou, Schroff & Adam, 2017, arXiv:1706.05587. Figure 5:

    image (B, C, H, W) -> ResNet, output stride 8 or 16 -> ASPP: 1x1, 3x3 at three rates, image pooling -> 256 -> logits (B, K, H/8, W/8)

Differs from the paper: the multi-grid of the last stage is (1, 1, 1) by default and can be set to the paper's (1, 2, 4); a 3x3
convolution follows the ASPP and its rates are 12, 24, 36 at stride 8, as in torchvision, whose parameter count is the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..core.errors import OptionError
from .backbones.resnet import ResNet
from .fcn_resnet import FCNHead, OneHead
from .network import Network


class ImagePooling(nn.Module):
    """The mean over the image, 1x1, spread again over all pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = unit(inputs, outputs, 1)

    def forward(self, feature: Tensor) -> Tensor:
        mean = self.project(feature.mean(dim=(2, 3), keepdim=True))
        return mean.expand(-1, -1, feature.shape[-2], feature.shape[-1])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: (B, inputs, h, w) -> (B, outputs, h, w)."""

    def __init__(self, inputs: int, rates: Sequence[int], outputs: int = 256) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                unit(inputs, outputs, 1),
                *(unit(inputs, outputs, 3, rate) for rate in rates),
                ImagePooling(inputs, outputs),
            ]
        )
        self.project = nn.Sequential(*unit(len(self.branches) * outputs, outputs, 1), nn.Dropout(0.5))

    def forward(self, feature: Tensor) -> Tensor:
        return self.project(torch.cat([branch(feature) for branch in self.branches], dim=1))


class DeepLabV3Head(nn.Sequential):
    """ASPP, 3x3, classes."""

    def __init__(self, inputs: int, classes: int, rates: Sequence[int]) -> None:
        super().__init__(ASPP(inputs, rates), *unit(256, 256, 3), nn.Conv2d(256, classes, 1))


def atrous_resnet(name: str, channels: int, output_stride: int, multi_grid: Sequence[int], pretrained: bool) -> ResNet:
    """A ResNet whose last stage's three units are dilated further by `multi_grid`."""
    encoder = ResNet(name, channels, output_stride=output_stride, pretrained=pretrained)
    units = list(encoder.stages[3])  # type: ignore[call-overload]
    if len(units) != len(multi_grid) or any(g < 1 for g in multi_grid):
        raise OptionError(f"option multi_grid: expected {len(units)} rates of at least 1, got {tuple(multi_grid)}")
    for unit, grid in zip(units, multi_grid, strict=True):
        rate = unit.conv2.dilation[0] * grid
        unit.conv2.dilation = unit.conv2.padding = (rate, rate)
    return encoder


def aspp_rates(output_stride: int) -> tuple[int, int, int]:
    """The paper's rates at output stride 16, doubled at 8."""
    if output_stride not in (8, 16):
        raise OptionError(f"option output_stride: expected 8 or 16, got {output_stride}")
    return (12, 24, 36) if output_stride == 8 else (6, 12, 18)


def unit(inputs: int, outputs: int, window: int, rate: int = 1) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU."""
    convolution = nn.Conv2d(inputs, outputs, window, padding=rate * (window // 2), dilation=rate, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def deeplab_v3(
    classes: int,
    channels: int = 3,
    *,
    encoder: str = "resnet50",
    output_stride: int = 8,
    multi_grid: Sequence[int] = (1, 1, 1),
    auxiliary: bool = False,
    pretrained: bool = False,
) -> Network:
    """DeepLab v3. encoder: resnet50, resnet101 or resnet152. A batch of 1 can't be trained: image pooling's batch norm needs 2."""
    features = atrous_resnet(encoder, channels, output_stride, multi_grid, pretrained)
    head = DeepLabV3Head(features.widths[3], classes, aspp_rates(output_stride))
    body = OneHead(features, head, FCNHead(features.widths[2], classes) if auxiliary else None)
    return Network(body, name="deeplab_v3", classes=classes, channels=channels)
