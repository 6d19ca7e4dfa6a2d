"""Kontur Lite: a light network for the CPU, EfficientNet-Lite down and a narrow pyramid up.

Encoder: Tan & Le, EfficientNet, ICML 2019, arXiv:1905.11946 (Lite variants). Decoder: this project, after Lin et al., Feature Pyramid
Networks, CVPR 2017, arXiv:1612.03144, with the image pooling of DeepLab v3:

    image (B, C, H, W) -> 24 @ /4, 40 @ /8, 112 @ /16, 320 @ /32 -> context -> top-down sums, 96 -> 3x3 @ /4
        -> beside the stem's 16 @ /2 -> 3x3, 48 @ /2 -> logits (B, K, H/2, W/2)

The stride of 2 is for poles, signs and people, which are a few pixels wide; it costs as much as the rest of the decoder.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.timm_encoder import TimmEncoder
from .network import Network


class Context(nn.Module):
    """The coarsest map and its mean over the image, (B, inputs, h, w) -> (B, width, h, w)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.local = nn.Conv2d(inputs, width, 1)
        # No batch norm: with one image it would see one value a channel.
        self.whole = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.ReLU(inplace=True))

    def forward(self, feature: Tensor) -> Tensor:
        return self.local(feature) + self.whole(feature.mean(dim=(2, 3), keepdim=True))


class TopDown(nn.Module):
    """The encoder and the sums from its coarsest map to the one at /4: what the networks of this project have in common."""

    def __init__(self, encoder: TimmEncoder, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        _, *coarser, last = encoder.widths
        self.context = Context(last, width)
        self.lateral = nn.ModuleList(nn.Conv2d(w, width, 1) for w in reversed(coarser))
        self.smooth = nn.ModuleList(separable(width) for _ in coarser)
        self.refine = unit(width, width)

    def quarter(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> the refined map (B, width, H/4, W/4), and the encoder's own at /2."""
        half, *coarser, last = self.encoder(image)
        feature = self.context(last)
        for lateral, smooth, finer in zip(self.lateral, self.smooth, reversed(coarser), strict=True):
            feature = smooth(enlarged(feature, finer) + lateral(finer))
        return self.refine(feature), half


class KonturLite(TopDown):
    """Encoder, top-down sums, two refinements."""

    def __init__(self, encoder: TimmEncoder, classes: int, width: int, fine: int) -> None:
        super().__init__(encoder, width)
        half = encoder.widths[0]
        self.reduce = nn.Conv2d(width, fine, 1)
        self.detail = nn.Conv2d(half, fine, 1)
        self.sharpen = unit(fine, fine)
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(fine, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H/2, W/2)."""
        feature, half = self.quarter(image)
        feature = self.sharpen(enlarged(self.reduce(feature), half) + self.detail(half))
        return self.classify(self.dropout(feature))


def enlarged(feature: Tensor, like: Tensor) -> Tensor:
    """(B, C, h, w) at the height and width of `like`, bilinear."""
    return F.interpolate(feature, like.shape[-2:], mode="bilinear", align_corners=False)


def unit(inputs: int, outputs: int) -> nn.Sequential:
    """3x3, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def separable(width: int) -> nn.Sequential:
    """The same with a 3x3 of each channel by itself and a 1x1."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def kontur_lite(
    classes: int,
    channels: int = 3,
    *,
    encoder: str = "tf_efficientnet_lite0",
    width: int = 96,
    fine: int = 48,
    pretrained: bool = False,
) -> Network:
    """Kontur Lite. encoder: any timm model with five feature maps from /2 on; width, fine: channels at /4 and at /2.

    pretrained: the encoder's ImageNet weights; images are then RGB in [0, 1] minus MEAN, divided by STD (`timm_encoder`).
    """
    body = KonturLite(TimmEncoder(encoder, channels, pretrained=pretrained), classes, width, fine)
    return Network(body, name="kontur_lite", classes=classes, channels=channels, least=(32, 32))
