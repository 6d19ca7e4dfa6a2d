"""SegNet: VGG-16 down, its mirror image up, and max-pooling indices that say where each value goes.

Paper: Badrinarayanan, Kendall & Cipolla, TPAMI 39(12), 2017, arXiv:1511.00561. Figure 2:

    image (B, C, H, W) -> 13 convolutions, 5 poolings -> 5 unpoolings by index, 13 convolutions -> logits (B, K, H, W)

Differs from the paper: the last convolution, which gives the logits, is followed by batch norm (without ReLU), as in the PyTorch
implementation whose parameter count is the reference.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from .backbones.vgg import DEPTHS, WIDTHS, vgg16_stages
from .network import Network
from .upsampling import PoolIndices, UnpoolIndices


class SegNet(nn.Module):
    """Encoder and decoder of figure 2."""

    def __init__(self, classes: int, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.encoder = vgg16_stages(channels, batch_norm=True, pretrained=pretrained)
        self.pool, self.unpool = PoolIndices(2, ceil_mode=True), UnpoolIndices(2)
        self.decoder = nn.ModuleList()
        narrower = (WIDTHS[0], *WIDTHS[:-1])
        for level in reversed(range(5)):
            widths = [WIDTHS[level]] * DEPTHS[level] + [narrower[level]]
            layers: list[nn.Module] = []
            for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
                if level == 0 and number == DEPTHS[0] - 1:
                    layers += [nn.Conv2d(inputs, classes, 3, padding=1), nn.BatchNorm2d(classes)]
                else:
                    layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            self.decoder.append(nn.Sequential(*layers))

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        feature, pooled = image, []
        for stage in self.encoder:
            feature = stage(feature)
            size = feature.shape[-2:]
            feature, indices = self.pool(feature)
            pooled.append((indices, size))
        for stage, (indices, size) in zip(self.decoder, reversed(pooled), strict=True):
            feature = stage(self.unpool(feature, indices, size))
        return feature


def segnet(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """SegNet on VGG16 with batch norm. pretrained: torchvision's ImageNet weights of the encoder."""
    return Network(SegNet(classes, channels, pretrained), name="segnet", classes=classes, channels=channels)
