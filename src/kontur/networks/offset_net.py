"""Offset net: which pixels belong to objects, and from each of them the way to its object's centre.

Papers: Cheng et al., Panoptic-DeepLab, CVPR 2020, arXiv:1911.10194 (centres and offsets instead of boxes); Neven et al., CVPR 2019,
arXiv:1906.11109 (pixels of one object point to one place); Shi et al., CVPR 2016, arXiv:1609.05158 (full resolution computed at half
of it). Encoder: Tan & Le, EfficientNet, ICML 2019, arXiv:1905.11946 (Lite variants); decoder after `kontur_lite`.

    image (B, C, H, W), mirrored to multiples of 32
        -> 24 @ /4, 40 @ /8, 112 @ /16, 320 @ /32 of the encoder -> context -> top-down sums, 64 -> 3x3 @ /4
        -> beside the image's 2x2 blocks and the stem's 16 @ /2 -> two 3x3, 48 @ /2 -> 4 · 4 @ /2, each pixel's into a 2x2 block
        -> (B, 4, H, W): foreground logit; offset down and across in units of 8 pixels; logit of centredness

Differs from Panoptic-DeepLab: one decoder for all, centredness shrinks with the object instead of being a Gaussian of fixed width, and
the objects are found from the offsets (`kontur.inference.offsets`), for nuclei of five pixels as for those of a hundred.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..core.errors import OptionError
from .backbones.timm_encoder import TimmEncoder
from .contour_net import mirrored
from .kontur_lite import TopDown, enlarged, unit
from .network import Network

OUTPUTS = 4


class OffsetNet(TopDown):
    """The boxes above. width, fine: channels at /4 and at /2."""

    def __init__(self, encoder: TimmEncoder, channels: int, width: int, fine: int) -> None:
        super().__init__(encoder, width)
        self.multiple, half = encoder.strides[-1], encoder.widths[0]
        self.reduce = nn.Conv2d(width, fine, 1)
        self.blocks = nn.PixelUnshuffle(2)
        self.detail = unit(4 * channels + half, fine)
        self.sharpen = nn.Sequential(*unit(fine, fine), *unit(fine, fine))
        self.classify = nn.Conv2d(fine, 4 * OUTPUTS, 1)
        self.pixels = nn.PixelShuffle(2)
        # Few pixels are foreground at first, and no pixel is sent anywhere.
        nn.init.zeros_(self.classify.bias)
        with torch.no_grad():
            self.classify.bias[:4] = self.classify.bias[12:] = -1.5
            self.classify.weight[4:12] *= 0.1

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4, H, W)."""
        height, width = image.shape[-2:]
        image = mirrored(image, self.multiple)
        feature, half = self.quarter(image)
        detail = self.detail(torch.cat([self.blocks(image), half], dim=1))
        feature = self.sharpen(enlarged(self.reduce(feature), detail) + detail)
        return self.pixels(self.classify(feature))[..., :height, :width]


def offset_net(
    classes: int = 1,
    channels: int = 3,
    *,
    encoder: str = "tf_efficientnet_lite0",
    width: int = 64,
    fine: int = 48,
    pretrained: bool = False,
) -> Network:
    """A network of objects of one category: four outputs a pixel. Any image size from 1x1 on.

    encoder: any timm model with five feature maps from /2 to /32; width, fine: channels at /4 and at /2. pretrained: the encoder's
    ImageNet weights; images are then RGB in [0, 1] minus MEAN, divided by STD (`timm_encoder`). Train it with
    `kontur.losses.offset_loss`. Raises OptionError for other classes than 1, another encoder or widths.
    """
    if classes != 1:
        raise OptionError(f"option classes: expected 1, as objects are of one category, got {classes}")
    if width < 1 or fine < 1:
        raise OptionError(f"options width, fine: expected positive numbers, got {width}, {fine}")
    features = TimmEncoder(encoder, channels, pretrained=pretrained)
    if features.strides != (2, 4, 8, 16, 32):
        raise OptionError(f"option encoder: expected feature maps at 2, 4, 8, 16 and 32, got {features.strides}")
    return Network(OffsetNet(features, channels, width, fine), name="offset_net", classes=1, channels=channels)
