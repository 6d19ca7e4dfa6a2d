"""FCN: a classifier made fully convolutional, its coarse scores upsampled and summed with finer ones.

Paper: Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038. Figure 3:

    image (B, C, H, W) -> VGG16 -> fc6, fc7 as convolutions -> scores /32
        32s: x32 -> (B, K, H, W)     16s: x2 + scores of pool4, x16     8s: x2 + pool4, x2 + pool3, x8

The image is padded by 100 zeros, as in the authors' network, so that fc6's 7x7 window fits any image; the maps are then cropped
by the offsets that this padding causes (19, 27, 31 pixels at the output; 5 and 9 in pool4 and pool3).

Differs from the paper: trained in one go with equal learning rates (the paper trains 32s, 16s, 8s in stages); transposed
convolutions are learned in all three from a bilinear start, where the authors keep the last one fixed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .backbones.vgg import vgg16_stages
from .backbones.weights import torchvision_weights
from .network import Network
from .upsampling import bilinear_kernel

_OFFSET = {32: 19, 16: 27, 8: 31}


class FCN(nn.Module):
    """The network of figure 3; `stride` is 32, 16 or 8."""

    def __init__(self, classes: int, channels: int, stride: int, pretrained: bool) -> None:
        super().__init__()
        self.stride = stride
        self.stages = vgg16_stages(channels, first_padding=100, pretrained=pretrained)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.fc6 = nn.Sequential(nn.Conv2d(512, 4096, 7), nn.ReLU(inplace=True), nn.Dropout2d(0.5))
        self.fc7 = nn.Sequential(nn.Conv2d(4096, 4096, 1), nn.ReLU(inplace=True), nn.Dropout2d(0.5))
        self.score = nn.Conv2d(4096, classes, 1)
        skips = {32: (), 16: (512,), 8: (512, 256)}[stride]
        self.score_skips = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in skips)
        self.doubling = nn.ModuleList(_learned_upsampling(classes, 2) for _ in skips)
        self.upsample = _learned_upsampling(classes, stride)
        if pretrained:
            self._load_classifier(torchvision_weights("vgg16"))

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        feature, pooled = image, []
        for stage in self.stages:
            feature = self.pool(stage(feature))
            pooled.append(feature)
        scores = self.score(self.fc7(self.fc6(feature)))
        skips = zip(self.doubling, self.score_skips, (pooled[3], pooled[2]), (5, 9), strict=False)
        for double, score_skip, feature, offset in skips:
            scores = double(scores)
            scores = scores + _cropped(score_skip(feature), offset, scores.shape[-2:])
        return _cropped(self.upsample(scores), _OFFSET[self.stride], image.shape[-2:])

    def _load_classifier(self, state: dict[str, Tensor]) -> None:
        """The two fully connected layers of VGG16, their weights folded into 7x7 and 1x1 windows."""
        with torch.no_grad():
            self.fc6[0].weight.copy_(state["classifier.0.weight"].view(4096, 512, 7, 7))  # type: ignore[union-attr,operator]
            self.fc6[0].bias.copy_(state["classifier.0.bias"])  # type: ignore[union-attr,operator]
            self.fc7[0].weight.copy_(state["classifier.3.weight"].view(4096, 4096, 1, 1))  # type: ignore[union-attr,operator]
            self.fc7[0].bias.copy_(state["classifier.3.bias"])  # type: ignore[union-attr,operator]


def _learned_upsampling(classes: int, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution that starts as bilinear interpolation of each class by itself."""
    layer = nn.ConvTranspose2d(classes, classes, 2 * factor, stride=factor, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(classes), range(classes)] = bilinear_kernel(factor).to(layer.weight)
    return layer


def _cropped(feature: Tensor, offset: int, size: torch.Size) -> Tensor:
    return feature[..., offset : offset + size[0], offset : offset + size[1]]


def fcn32s(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """FCN-32s on VGG16. pretrained: torchvision's ImageNet weights, the two fully connected layers included."""
    return Network(FCN(classes, channels, 32, pretrained), name="fcn32s", classes=classes, channels=channels)


def fcn16s(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """FCN-16s on VGG16: one skip, from pool4."""
    return Network(FCN(classes, channels, 16, pretrained), name="fcn16s", classes=classes, channels=channels)


def fcn8s(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """FCN-8s on VGG16: two skips, from pool4 and pool3."""
    return Network(FCN(classes, channels, 8, pretrained), name="fcn8s", classes=classes, channels=channels)
