"""PSPNet: the image's means over 1x1, 2x2, 3x3 and 6x6 cells beside the features.

Paper: Zhao, Shi, Qi, Wang & Jia, CVPR 2017, arXiv:1612.01105. Figure 3:

    image (B, C, H, W) -> ResNet, output stride 8 -> pyramid pooling, 4 x 512 beside 2048 -> 3x3, 512 -> logits (B, K, H/8, W/8)

Differs from the paper: none known; the stem of three 3x3 convolutions and the auxiliary head on stage 3 are the authors'.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .fcn_resnet import OneHead
from .network import Network

BINS = (1, 2, 3, 6)


class PyramidPooling(nn.Module):
    """(B, inputs, h, w) -> (B, 2·inputs, h, w): the features and, for each number of cells, their means spread again."""

    def __init__(self, inputs: int, bins: Sequence[int] = BINS) -> None:
        super().__init__()
        self.bins = tuple(bins)
        inner = inputs // len(bins)
        self.project = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True))
            for _ in bins
        )

    def forward(self, feature: Tensor) -> Tensor:
        size = feature.shape[-2:]
        maps = [feature]
        for cells, project in zip(self.bins, self.project, strict=True):
            mean = project(cell_means(feature, cells))
            maps.append(F.interpolate(mean, size, mode="bilinear", align_corners=True))
        return torch.cat(maps, dim=1)


def cell_means(feature: Tensor, cells: int) -> Tensor:
    """Adaptive average pooling to cells×cells, written as two small matrix products.

    The same numbers as `F.adaptive_avg_pool2d`, which ONNX can't hold for sizes that do not divide: the cells then have different
    sizes and overlap by a pixel, and an exporter may drop or fix them in silence.
    """
    rows, columns = (_averaging(n, cells, feature) for n in feature.shape[-2:])
    return rows @ feature @ columns.transpose(0, 1)


def _averaging(length: int, cells: int, like: Tensor) -> Tensor:
    """(cells, length): row i is the mean over pixels floor(i·n/cells) .. ceil((i+1)·n/cells) - 1."""
    cell = torch.arange(cells, device=like.device)
    first, last = (cell * length) // cells, ((cell + 1) * length + cells - 1) // cells
    pixel = torch.arange(length, device=like.device)
    inside = ((pixel >= first[:, None]) & (pixel < last[:, None])).to(like.dtype)
    return inside / inside.sum(dim=1, keepdim=True)


def _head(inputs: int, inner: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inner, 3, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        nn.Dropout2d(0.1),
        nn.Conv2d(inner, classes, 1),
    )


def pspnet(
    classes: int, channels: int = 3, *, encoder: str = "resnet50", auxiliary: bool = False, pretrained: bool = False
) -> Network:
    """PSPNet at output stride 8. encoder: resnet50, resnet101 or resnet152. A batch of 1 can't be trained: the 1x1 cell's batch
    norm needs 2. pretrained: not with this stem, whose ImageNet weights torchvision does not publish.
    """
    features = ResNet(encoder, channels, output_stride=8, deep_stem=True, pretrained=pretrained)
    widths = features.widths
    head = nn.Sequential(PyramidPooling(widths[3]), _head(2 * widths[3], 512, classes))
    body = OneHead(features, head, _head(widths[2], 256, classes) if auxiliary else None)
    return Network(body, name="pspnet", classes=classes, channels=channels, align_corners=True)
