"""FC-DenseNet (the Tiramisu): dense blocks down and up, only the new features of a block are upsampled.

Paper: Jegou, Drozdzal, Vazquez, Romero & Bengio, CVPR Workshops 2017, arXiv:1611.09326. Table 2 (103 layers):

    image -> 48 -> DB 4 112 -> 5 192 -> 7 304 -> 10 464 -> 12 656 -> bottleneck DB 15 -> up 12, 10, 7, 5, 4 -> logits (B, K, H, W)

Differs from the paper: none known; convolutions carry a bias, He-uniform start, dropout 0.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .network import Network


class DenseBlock(nn.Module):
    """Layers of BN, ReLU, 3x3, dropout; each sees all before it. Returns the new features only, (B, layers·growth, H, W)."""

    def __init__(self, inputs: int, layers: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layer(inputs + i * growth, growth) for i in range(layers))

    def forward(self, feature: Tensor) -> Tensor:
        new: list[Tensor] = []
        for layer in self.layers:
            new.append(layer(torch.cat([feature, *new], dim=1)))
        return torch.cat(new, dim=1)


class FCDenseNet(nn.Module):
    """Figure 1 of the paper."""

    def __init__(self, classes: int, channels: int, layers: Sequence[int], growth: int, first: int = 48) -> None:
        super().__init__()
        half = len(layers) // 2
        self.first = nn.Conv2d(channels, first, 3, padding=1)
        width, skips = first, []
        self.down, self.transition_down = nn.ModuleList(), nn.ModuleList()
        for depth in layers[:half]:
            self.down.append(DenseBlock(width, depth, growth))
            width += depth * growth
            skips.append(width)
            self.transition_down.append(_transition_down(width))
        self.bottleneck = DenseBlock(width, layers[half], growth)
        new = layers[half] * growth
        self.up, self.transition_up = nn.ModuleList(), nn.ModuleList()
        for depth, skip in zip(layers[half + 1 :], reversed(skips), strict=True):
            self.transition_up.append(nn.ConvTranspose2d(new, new, 3, stride=2))
            width = new + skip
            self.up.append(DenseBlock(width, depth, growth))
            new = depth * growth
        self.classify = nn.Conv2d(width + new, classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        feature, skips = self.first(image), []
        for block, transition in zip(self.down, self.transition_down, strict=True):
            feature = torch.cat([feature, block(feature)], dim=1)
            skips.append(feature)
            feature = transition(feature)
        new = self.bottleneck(feature)
        for transition, block, skip in zip(self.transition_up, self.up, reversed(skips), strict=True):
            enlarged = transition(new)[..., : skip.shape[-2], : skip.shape[-1]]  # 2n + 1 pixels, cropped to the skip
            feature = torch.cat([enlarged, skip], dim=1)
            new = block(feature)
        return self.classify(torch.cat([feature, new], dim=1))


def _layer(inputs: int, growth: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, growth, 3, padding=1), nn.Dropout2d(0.2))


def _transition_down(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 1), nn.Dropout2d(0.2), nn.MaxPool2d(2)
    )


def _network(name: str, classes: int, channels: int, layers: Sequence[int], growth: int) -> Network:
    return Network(
        FCDenseNet(classes, channels, layers, growth), name=name, classes=classes, channels=channels, least=(32, 32)
    )


def fc_densenet56(classes: int, channels: int = 3) -> Network:
    """FC-DenseNet56: four layers in each of its 11 blocks, growth 12. A batch of 1 trains from 64 pixels a side on."""
    return _network("fc_densenet56", classes, channels, [4] * 11, 12)


def fc_densenet67(classes: int, channels: int = 3) -> Network:
    """FC-DenseNet67: five layers in each of its 11 blocks, growth 16."""
    return _network("fc_densenet67", classes, channels, [5] * 11, 16)


def fc_densenet103(classes: int, channels: int = 3) -> Network:
    """FC-DenseNet103: the layers of table 2, growth 16."""
    return _network("fc_densenet103", classes, channels, [4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4], 16)
