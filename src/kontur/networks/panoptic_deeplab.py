"""Panoptic-DeepLab: one network, three maps: what each pixel is, where objects have their centres, and which centre a pixel belongs to.

Paper: Cheng et al., "Panoptic-DeepLab", CVPR 2020, arXiv:1911.10194. Figure 2:

    image (B, C, H, W) -> ResNet, output stride 16 ┬-> ASPP -> decoder 256 -> 5x5 -> logits (B, K, H, W)
                                                   └-> ASPP -> decoder 128 ┬-> 5x5, 32 -> centres (B, 1, H, W), about 0..1
                                                                           └-> 5x5, 32 -> offsets (B, 2, H, W), rows and columns

A decoder goes up in two steps, to /8 and /4, each beside a reduced map of the encoder; its 5x5 convolutions are separable. The maps
come as one, (B, K + 3, H, W) in this order, so that a file of the network has one output. They become a panoptic result in `kontur.inference.panoptic_deeplab`; the losses are in `kontur.losses.panoptic_deeplab`.

Differs from the paper: the encoder is a ResNet as torchvision has it, with one 7x7 at its start; the ASPP's convolutions are not
separable.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .deeplab_v3 import ASPP, aspp_rates, atrous_resnet, unit
from .network import Network

STRIDE = 4  # of the maps before they are enlarged


class Decoder(nn.Module):
    """ASPP on the coarsest map, then two steps up, each joined by a map of the encoder: (B, width, H/4, W/4)."""

    def __init__(self, encoder: ResNet, rates: Sequence[int], width: int, reduced: tuple[int, int]) -> None:
        super().__init__()
        self.aspp = ASPP(encoder.widths[3], rates)
        inputs = 256
        self.reduce, self.fuse = nn.ModuleList(), nn.ModuleList()
        for finer, kept in zip((encoder.widths[1], encoder.widths[0]), reduced, strict=True):
            self.reduce.append(unit(finer, kept, 1))
            self.fuse.append(separable(inputs + kept, width))
            inputs = width

    def forward(self, features: list[Tensor]) -> Tensor:
        feature = self.aspp(features[3])
        for reduce, fuse, finer in zip(self.reduce, self.fuse, (features[1], features[0]), strict=True):
            feature = F.interpolate(feature, finer.shape[-2:], mode="bilinear", align_corners=False)
            feature = fuse(torch.cat([feature, reduce(finer)], dim=1))
        return feature


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """A 5x5 convolution of each channel, then 1x1 over all, each with batch norm and ReLU."""
    each = nn.Conv2d(inputs, inputs, 5, padding=2, groups=inputs, bias=False)
    return nn.Sequential(each, nn.BatchNorm2d(inputs), nn.ReLU(), *unit(inputs, outputs, 1))


def head(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(separable(inputs, middle), nn.Conv2d(middle, outputs, 1))


class PanopticDeepLab(nn.Module):
    """Encoder, two decoders, three heads: (B, C, H, W) -> (B, K + 3, H/4, W/4); offsets in pixels of the image."""

    def __init__(self, encoder: ResNet, classes: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.semantic = Decoder(encoder, rates, 256, (64, 32))
        self.instance = Decoder(encoder, rates, 128, (32, 16))
        self.classify = head(256, 256, classes)
        self.centre = head(128, 32, 1)
        self.offset = head(128, 32, 2)

    def forward(self, image: Tensor) -> Tensor:
        features = self.encoder(image)
        objects = self.instance(features)
        maps = (self.classify(self.semantic(features)), self.centre(objects), self.offset(objects) * STRIDE)
        return torch.cat(maps, dim=1)


def panoptic_deeplab(
    classes: int,
    channels: int = 3,
    *,
    encoder: str = "resnet50",
    output_stride: int = 16,
    pretrained: bool = False,
) -> Network:
    """Panoptic-DeepLab on a ResNet; classes: things and stuff together. A batch of 1 can't be trained: image pooling's batch norm needs 2."""
    features = atrous_resnet(encoder, channels, output_stride, (1, 1, 1), pretrained)
    body = PanopticDeepLab(features, classes, aspp_rates(output_stride))
    return Network(body, name="panoptic_deeplab", classes=classes, channels=channels)
