"""RefineNet: four cascaded blocks, each refining the coarser result with the features of one ResNet stage.

Paper: Lin, Milan, Shen & Reid, CVPR 2017, arXiv:1611.06612. Figures 2 and 3:

    image (B, C, H, W) -> ResNet stages 4..1 -> [RCU x2 -> fusion -> chained pooling -> RCU x3] at 512, 256, 256, 256 -> logits (B, K, H/4, W/4)

Differs from the paper: four pooling blocks in each chain and 3x3 convolutions to reduce the widths, as in the authors' models and in the
PyTorch implementation whose parameter count is the reference.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.resnet import ResNet
from .network import Network


class ResidualConvUnit(nn.Module):
    """Figure 3b: ReLU, 3x3, ReLU, 3x3, plus the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, feature: Tensor) -> Tensor:
        return feature + self.second(F.relu(self.first(F.relu(feature))))


class ChainedResidualPooling(nn.Module):
    """Figure 3d: a chain of 5x5 max pooling and 3x3 convolution, each link added to the sum."""

    def __init__(self, width: int, links: int = 4) -> None:
        super().__init__()
        self.links = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(links))

    def forward(self, feature: Tensor) -> Tensor:
        total = link_input = F.relu(feature)
        for convolution in self.links:
            link_input = convolution(F.max_pool2d(link_input, 5, stride=1, padding=2))
            total = total + link_input
        return total


class RefineBlock(nn.Module):
    """Figure 3a. `coarser` is the result of the block before, None for the first."""

    def __init__(self, inputs: int, width: int, *, first: bool = False) -> None:
        super().__init__()
        self.reduce = _conv3x3(inputs, width)
        self.adapt = nn.Sequential(ResidualConvUnit(width), ResidualConvUnit(width))
        self.join = None if first else _conv3x3(width, width)
        self.pool = ChainedResidualPooling(width)
        self.output = nn.Sequential(*(ResidualConvUnit(width) for _ in range(3)))

    def forward(self, feature: Tensor, coarser: Tensor | None = None) -> Tensor:
        feature = self.adapt(self.reduce(feature))
        if self.join is not None and coarser is not None:
            feature = self.join(feature)
            feature = feature + F.interpolate(coarser, feature.shape[-2:], mode="bilinear", align_corners=True)
        return self.output(self.pool(feature))


class RefineNet(nn.Module):
    """Figure 2c: the 4-cascaded RefineNet."""

    def __init__(self, encoder: ResNet, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        widths = encoder.widths
        self.blocks = nn.ModuleList(
            [
                RefineBlock(widths[3], 512, first=True),
                *(RefineBlock(width, 256) for width in (widths[2], widths[1], widths[0])),
            ]
        )
        self.hand_down = nn.ModuleList([_conv3x3(512, 256), _conv3x3(256, 256), _conv3x3(256, 256)])
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Conv2d(256, classes, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H/4, W/4)."""
        first, second, third, fourth = self.encoder(image)
        result = self.blocks[0](self.dropout(fourth))
        stages = (self.dropout(third), second, first)
        for block, hand_down, feature in zip(list(self.blocks)[1:], self.hand_down, stages, strict=True):
            result = block(feature, hand_down(result))
        return self.classify(self.dropout(result))


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def refinenet(classes: int, channels: int = 3, *, encoder: str = "resnet101", pretrained: bool = False) -> Network:
    """RefineNet. encoder: resnet50, resnet101 (the paper's) or resnet152."""
    body = RefineNet(ResNet(encoder, channels, pretrained=pretrained), classes)
    return Network(body, name="refinenet", classes=classes, channels=channels, align_corners=True)
