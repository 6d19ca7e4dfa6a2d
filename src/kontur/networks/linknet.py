"""LinkNet: ResNet-18 down, light decoders up, each encoder's output added to the decoder that matches it.

Paper: Chaurasia & Culurciello, VCIP 2017, arXiv:1707.03718. Figure 1 and table 1:

    image (B, C, H, W) -> stem /4 -> 64 -> 128 -> 256 -> 512 (/32) -> 256 -> 128 -> 64 -> 64 (/4) -> 32 (/2) -> logits (B, K, H, W)

Differs from the paper: none known; the last layer is the paper's 2x2 transposed convolution.
"""

from __future__ import annotations

from torch import Tensor, nn

from .backbones.resnet import ResNet
from .network import Network


class Decoder(nn.Module):
    """Figure 3: 1x1 to a quarter, 3x3 transposed x2, 1x1 to the width of the encoder below."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = inputs // 4
        self.reduce = _unit(nn.Conv2d(inputs, inner, 1, bias=False), inner)
        self.enlarge = nn.ConvTranspose2d(
            inner, inner, 3, stride=stride, padding=1, output_padding=stride - 1, bias=False
        )
        self.normalise = nn.Sequential(nn.BatchNorm2d(inner), nn.ReLU(inplace=True))
        self.expand = _unit(nn.Conv2d(inner, outputs, 1, bias=False), outputs)

    def forward(self, feature: Tensor, like: Tensor) -> Tensor:
        """To the size of `like`, so that odd sizes meet their encoder's."""
        enlarged = self.enlarge(self.reduce(feature))[..., : like.shape[-2], : like.shape[-1]]
        return self.expand(self.normalise(enlarged))


class LinkNet(nn.Module):
    """Figure 1 of the paper."""

    def __init__(self, encoder: ResNet, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        widths = encoder.widths
        outputs = (widths[2], widths[1], widths[0], 64)
        self.decoders = nn.ModuleList(
            Decoder(i, o, stride) for i, o, stride in zip(reversed(widths), outputs, (2, 2, 2, 1), strict=True)
        )
        self.enlarge = nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.normalise = nn.Sequential(nn.BatchNorm2d(32), nn.ReLU(inplace=True))
        self.refine = _unit(nn.Conv2d(32, 32, 3, padding=1, bias=False), 32)
        self.classify = nn.ConvTranspose2d(32, classes, 2, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        stem = self.encoder.stem(image)
        first, second, third, fourth = self.encoder.after_stem(stem)
        feature = self.decoders[0](fourth, third) + third
        feature = self.decoders[1](feature, second) + second
        feature = self.decoders[2](feature, first) + first
        feature = self.decoders[3](feature, stem)
        height, width = (image.shape[-2] + 1) // 2, (image.shape[-1] + 1) // 2
        feature = self.refine(self.normalise(self.enlarge(feature)[..., :height, :width]))
        return self.classify(feature)[..., : image.shape[-2], : image.shape[-1]]


def _unit(layer: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def linknet(classes: int, channels: int = 3, *, encoder: str = "resnet18", pretrained: bool = False) -> Network:
    """LinkNet. encoder: resnet18 (the paper's) or resnet34; pretrained: its ImageNet weights."""
    body = LinkNet(ResNet(encoder, channels, pretrained=pretrained), classes)
    return Network(body, name="linknet", classes=classes, channels=channels)
