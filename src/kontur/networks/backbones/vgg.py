"""VGG-16: thirteen 3x3 convolutions in five stages.

Paper: Simonyan & Zisserman, ICLR 2015, arXiv:1409.1556, configuration D, without the fully connected layers:

    image (B, C, H, W) -> 64 -> 128 -> 256 -> 512 -> 512 channels, a pooling between the stages (left to the network)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .weights import adapt_first_layer, torchvision_weights

DEPTHS = (2, 2, 3, 3, 3)
WIDTHS = (64, 128, 256, 512, 512)


def vgg16_stages(
    channels: int = 3,
    *,
    first_padding: int = 1,
    dilations: Sequence[int] = (1, 1, 1, 1, 1),
    batch_norm: bool = False,
    pretrained: bool = False,
) -> nn.ModuleList:
    """The five stages as modules, convolution (+ batch norm) + ReLU each; pooling is not part of them.

    first_padding: zeros around the image before the very first convolution (FCN takes 100). dilations: of each stage.
    pretrained: ImageNet weights of torchvision's vgg16 (vgg16_bn with batch_norm).
    """
    stages = nn.ModuleList()
    width = 3 if pretrained else channels
    for depth, out, dilation in zip(DEPTHS, WIDTHS, dilations, strict=True):
        layers: list[nn.Module] = []
        for _ in range(depth):
            padding = first_padding if not stages and not layers else dilation
            layers.append(nn.Conv2d(width, out, 3, padding=padding, dilation=dilation))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out))
            layers.append(nn.ReLU(inplace=True))
            width = out
        stages.append(nn.Sequential(*layers))
    if pretrained:
        _load(stages, torchvision_weights("vgg16_bn" if batch_norm else "vgg16"))
        stages[0][0] = adapt_first_layer(stages[0][0], channels)  # type: ignore[index]
    return stages


def _load(stages: nn.ModuleList, state: dict[str, Tensor]) -> None:
    """torchvision's `features` hold the same layers in the same order, so they are matched one by one."""
    mine = stages.state_dict()
    theirs = [v for k, v in state.items() if k.startswith("features.")]
    mine = {k: v for k, v in mine.items() if not k.endswith("num_batches_tracked")}
    theirs = [v for v in theirs if v.ndim]
    with torch.no_grad():
        for parameter, value in zip(mine.values(), theirs, strict=True):
            parameter.copy_(value)
