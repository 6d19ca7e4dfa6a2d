"""DeepLab v2: ResNet-101 with holes and the sum of four atrous classifiers.

Paper: Chen, Papandreou, Kokkinos, Murphy & Yuille, TPAMI 40(4), 2018, arXiv:1606.00915. Figure 7:

    image (B, C, H, W) -> ResNet-101, output stride 8 -> 3x3 at rates 6, 12, 18, 24, summed -> logits (B, K, H/8, W/8)

Differs from the paper: strides sit in the 3x3 convolutions (torchvision's ResNet) and one scale of the image is used; the paper's
maximum over three scales is done at inference.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .network import Network

RATES = (6, 12, 18, 24)


class DeepLabV2(nn.Module):
    """Encoder and ASPP-L."""

    def __init__(self, encoder: ResNet, classes: int, rates: Sequence[int] = RATES) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.widths[3]
        self.branches = nn.ModuleList(nn.Conv2d(width, classes, 3, padding=rate, dilation=rate) for rate in rates)
        for branch in self.branches:  # four summed classifiers start small, as in the authors' code
            nn.init.normal_(branch.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(branch.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        feature = self.encoder(image)[3]
        return torch.stack([branch(feature) for branch in self.branches]).sum(dim=0)


def deeplab_v2(classes: int, channels: int = 3, *, encoder: str = "resnet101", pretrained: bool = False) -> Network:
    """DeepLab v2. encoder: resnet50, resnet101 (the paper's) or resnet152."""
    body = DeepLabV2(ResNet(encoder, channels, output_stride=8, pretrained=pretrained), classes)
    return Network(body, name="deeplab_v2", classes=classes, channels=channels, align_corners=True)
