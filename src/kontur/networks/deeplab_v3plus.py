"""DeepLab v3+: v3's features, sharpened by those of the first stage.

Paper: Chen, Zhu, Papandreou, Schroff & Adam, ECCV 2018, arXiv:1802.02611. Figure 2:

    image (B, C, H, W) -> ResNet -> ASPP 256 -> x4 -> beside stage 1 reduced to 48 -> two 3x3, 256 -> logits (B, K, H/4, W/4)

Differs from the paper: the encoder is a ResNet (the paper's also reports Xception) and the ASPP's convolutions are not separable.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .deeplab_v3 import ASPP, aspp_rates, atrous_resnet, unit
from .network import Network


class DeepLabV3Plus(nn.Module):
    """Encoder and decoder of figure 2."""

    def __init__(self, encoder: ResNet, classes: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.aspp = ASPP(encoder.widths[3], rates)
        self.reduce = unit(encoder.widths[0], 48, 1)
        self.refine = nn.Sequential(unit(256 + 48, 256, 3), unit(256, 256, 3))
        self.classify = nn.Conv2d(256, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H/4, W/4)."""
        features = self.encoder(image)
        fine = self.reduce(features[0])
        context = F.interpolate(self.aspp(features[3]), fine.shape[-2:], mode="bilinear", align_corners=False)
        return self.classify(self.refine(torch.cat([context, fine], dim=1)))


def deeplab_v3plus(
    classes: int,
    channels: int = 3,
    *,
    encoder: str = "resnet50",
    output_stride: int = 16,
    multi_grid: Sequence[int] = (1, 1, 1),
    pretrained: bool = False,
) -> Network:
    """DeepLab v3+ on a ResNet. A batch of 1 can't be trained: image pooling's batch norm needs 2."""
    features = atrous_resnet(encoder, channels, output_stride, multi_grid, pretrained)
    body = DeepLabV3Plus(features, classes, aspp_rates(output_stride))
    return Network(body, name="deeplab_v3plus", classes=classes, channels=channels)
