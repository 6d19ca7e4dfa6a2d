"""DeconvNet: VGG-16 down to one vector, and its mirror of unpooling and deconvolution up again.

Paper: Noh, Hong & Han, ICCV 2015, arXiv:1505.04366. Figure 2 and table 3, for 224x224:

    image (B, C, 224, 224) -> 512 @ 7x7 -> fc6, fc7 4096 @ 1x1 -> deconv-fc6 512 @ 7x7 -> five unpoolings and deconvolutions -> logits

Differs from the paper: run on the whole image instead of on proposals, so fc6 slides over larger images.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from .backbones.vgg import DEPTHS, WIDTHS, vgg16_stages
from .network import Network
from .upsampling import PoolIndices, UnpoolIndices


class DeconvNet(nn.Module):
    """The convolution and the deconvolution network of figure 2."""

    def __init__(self, classes: int, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.encoder = vgg16_stages(channels, batch_norm=True, pretrained=pretrained)
        self.fc6 = _unit(nn.Conv2d(512, 4096, 7), 4096)
        self.fc7 = _unit(nn.Conv2d(4096, 4096, 1), 4096)
        self.deconv_fc6 = _unit(nn.ConvTranspose2d(4096, 512, 7), 512)
        self.pool, self.unpool = PoolIndices(2, ceil_mode=True), UnpoolIndices(2)
        self.decoder = nn.ModuleList()
        narrower = (WIDTHS[0], *WIDTHS[:-1])
        for level in reversed(range(5)):
            widths = [WIDTHS[level]] * DEPTHS[level] + [narrower[level]]
            layers = [_unit(nn.ConvTranspose2d(i, o, 3, padding=1), o) for i, o in itertools.pairwise(widths)]
            self.decoder.append(nn.Sequential(*layers))
        self.classify = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W), at least 193 pixels a side -> logits (B, K, H, W)."""
        feature, pooled = image, []
        for stage in self.encoder:
            feature = stage(feature)
            size = feature.shape[-2:]
            feature, indices = self.pool(feature)
            pooled.append((indices, size))
        feature = self.deconv_fc6(self.fc7(self.fc6(feature)))
        for stage, (indices, size) in zip(self.decoder, reversed(pooled), strict=True):
            feature = stage(self.unpool(feature, indices, size))
        return self.classify(feature)


def _unit(layer: nn.Module, width: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def deconvnet(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """DeconvNet. A single 224x224 image can't be trained: fc6's batch norm then sees one value a channel."""
    body = DeconvNet(classes, channels, pretrained)
    return Network(body, name="deconvnet", classes=classes, channels=channels, least=(193, 193))
