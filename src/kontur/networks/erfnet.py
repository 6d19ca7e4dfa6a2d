"""ERFNet: residual blocks of one-dimensional convolutions.

Paper: Romera, Alvarez, Bergasa & Arroyo, IEEE Trans. Intelligent Transportation Systems 19(1), 2018. Table 1:

    image (B, C, H, W) -> 16 @ /2 -> 64 @ /4, 5 blocks -> 128 @ /8, 8 dilated blocks -> 64 @ /4 -> 16 @ /2 -> logits (B, K, H, W)

Differs from the paper: none known. The 1x1 classifier of the encoder, which the authors train first and keep in their model, is the
auxiliary head here and on by default (the published parameter count holds it).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .network import Network

_EPS = 1e-3


class Downsampler(nn.Module):
    """A strided 3x3 beside a max pooling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs - inputs, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPS)

    def forward(self, feature: Tensor) -> Tensor:
        pooled = F.max_pool2d(feature, 2, ceil_mode=True)
        return F.relu(self.norm(torch.cat([self.convolution(feature), pooled], dim=1)))


class NonBottleneck1D(nn.Module):
    """Figure 2c: 3x1, 1x3, then the same dilated, plus the input."""

    def __init__(self, width: int, dropout: float, dilation: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(width, width, (3, 1), padding=(1, 0)),
            nn.ReLU(),
            nn.Conv2d(width, width, (1, 3), padding=(0, 1)),
            nn.BatchNorm2d(width, eps=_EPS),
            nn.ReLU(),
            nn.Conv2d(width, width, (3, 1), padding=(dilation, 0), dilation=(dilation, 1)),
            nn.ReLU(),
            nn.Conv2d(width, width, (1, 3), padding=(0, dilation), dilation=(1, dilation)),
            nn.BatchNorm2d(width, eps=_EPS),
            nn.Dropout2d(dropout),
        )

    def forward(self, feature: Tensor) -> Tensor:
        return F.relu(feature + self.residual(feature))


class Upsampler(nn.Module):
    """A transposed 3x3 of stride 2, to a given size: twice the input's, or one less."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPS)

    def forward(self, feature: Tensor, size: torch.Size) -> Tensor:
        return F.relu(self.norm(self.convolution(feature)[..., : size[0], : size[1]]))


class ERFNet(nn.Module):
    """Table 1, top to bottom."""

    def __init__(self, classes: int, channels: int, auxiliary: bool) -> None:
        super().__init__()
        self.down1 = Downsampler(channels, 16)
        self.down2 = Downsampler(16, 64)
        self.stage2 = nn.Sequential(*(NonBottleneck1D(64, 0.03) for _ in range(5)))
        self.down3 = Downsampler(64, 128)
        self.stage3 = nn.Sequential(
            *(NonBottleneck1D(128, 0.3, dilation) for _ in range(2) for dilation in (2, 4, 8, 16))
        )
        self.up4 = Upsampler(128, 64)
        self.stage4 = nn.Sequential(*(NonBottleneck1D(64, 0.0) for _ in range(2)))
        self.up5 = Upsampler(64, 16)
        self.stage5 = nn.Sequential(*(NonBottleneck1D(16, 0.0) for _ in range(2)))
        self.classify = nn.ConvTranspose2d(16, classes, 2, stride=2)
        self.auxiliary = nn.Conv2d(128, classes, 1) if auxiliary else None

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) -> logits (B, K, H, W), then the encoder's own (B, K, H/8, W/8) in training."""
        half = self.down1(image)
        quarter = self.stage2(self.down2(half))
        eighth = self.stage3(self.down3(quarter))
        feature = self.stage4(self.up4(eighth, quarter.shape[-2:]))
        feature = self.stage5(self.up5(feature, half.shape[-2:]))
        logits = self.classify(feature)[..., : image.shape[-2], : image.shape[-1]]
        if self.auxiliary is not None and self.training:
            return logits, self.auxiliary(eighth)
        return (logits,)


def erfnet(classes: int, channels: int = 3, *, auxiliary: bool = True) -> Network:
    """ERFNet. channels: at most 15, since the first layer keeps the bands beside its 16."""
    return Network(ERFNet(classes, channels, auxiliary), name="erfnet", classes=classes, channels=channels)
