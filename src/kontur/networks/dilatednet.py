"""DilatedNet: a VGG front end without its last two poolings, and a context module of growing dilation.

Paper: Yu & Koltun, ICLR 2016, arXiv:1511.07122. Sections 3 and 4, table 1 (basic context module):

    image (B, C, H, W) -> front end, conv5 dilated 2, fc6 dilated 4 -> scores (B, K, H/8, W/8)
        -> 3x3 with dilations 1, 1, 2, 4, 8, 16, 1 -> 1x1 -> logits (B, K, H/8, W/8)

Differs from the paper: zeros are padded in every layer, where the authors leave the layers unpadded and reflect the image's border;
both modules are trained together.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.vgg import vgg16_stages
from .network import Network

CONTEXT_DILATIONS = (1, 1, 2, 4, 8, 16, 1)


class FrontEnd(nn.Module):
    """VGG-16 to scores at an eighth: (B, C, H, W) -> (B, K, H/8, W/8)."""

    def __init__(self, classes: int, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.stages = vgg16_stages(channels, dilations=(1, 1, 1, 1, 2), pretrained=pretrained)
        self.fc6 = nn.Conv2d(512, 4096, 7, dilation=4, padding=12)
        self.fc7 = nn.Conv2d(4096, 4096, 1)
        self.dropout = nn.Dropout(0.5)
        self.score = nn.Conv2d(4096, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        feature = image
        for level, stage in enumerate(self.stages):
            feature = stage(feature)
            if level < 3:  # pool4 and pool5 are removed
                feature = F.max_pool2d(feature, 2, ceil_mode=True)
        feature = self.dropout(F.relu(self.fc6(feature)))
        feature = self.dropout(F.relu(self.fc7(feature)))
        return self.score(feature)


class ContextModule(nn.Sequential):
    """Table 1, basic: every layer starts as the identity (equation 4), so that training begins from the front end's scores."""

    def __init__(self, classes: int) -> None:
        layers: list[nn.Module] = []
        for dilation in CONTEXT_DILATIONS:
            layers += [nn.Conv2d(classes, classes, 3, padding=dilation, dilation=dilation), nn.ReLU()]
        layers.append(nn.Conv2d(classes, classes, 1))
        super().__init__(*layers)
        with torch.no_grad():
            for layer in layers:
                if isinstance(layer, nn.Conv2d):
                    nn.init.dirac_(layer.weight)
                    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class DilatedNet(nn.Module):
    """Front end, then context."""

    def __init__(self, classes: int, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.front_end = FrontEnd(classes, channels, pretrained)
        self.context = ContextModule(classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.context(self.front_end(image))


def dilatednet(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """DilatedNet with the basic context module. pretrained: ImageNet weights of the convolutions of VGG16."""
    return Network(DilatedNet(classes, channels, pretrained), name="dilatednet", classes=classes, channels=channels)
