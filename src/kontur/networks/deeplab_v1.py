"""DeepLab v1 (LargeFOV): VGG-16 with holes instead of its last strides, and a 3x3 fc6 of rate 12.

Paper: Chen, Papandreou, Kokkinos, Murphy & Yuille, ICLR 2015, arXiv:1412.7062. Section 4 and table 2, DeepLab-LargeFOV:

    image (B, C, H, W) -> VGG-16, pool4 and pool5 of stride 1, conv5 at rate 2 -> fc6 3x3 rate 12, 1024 -> fc7 -> logits (B, K, H/8, W/8)

The dense CRF that follows in the paper is `kontur.graph.dense_crf.refine_probabilities`.

Differs from the paper: none known; the 3x3 poolings and the mean pooling after pool5 are those of the authors' model file.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .backbones.vgg import vgg16_stages
from .network import Network


class DeepLabLargeFOV(nn.Module):
    """Five stages, three fully connected layers as convolutions."""

    def __init__(self, classes: int, channels: int, pretrained: bool) -> None:
        super().__init__()
        self.stages = vgg16_stages(channels, dilations=(1, 1, 1, 1, 2), pretrained=pretrained)
        self.fc6 = nn.Conv2d(512, 1024, 3, dilation=12, padding=12)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Conv2d(1024, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H/8, W/8)."""
        feature = image
        for level, stage in enumerate(self.stages):
            feature = F.max_pool2d(stage(feature), 3, stride=2 if level < 3 else 1, padding=1)
        feature = F.avg_pool2d(feature, 3, stride=1, padding=1)
        feature = self.dropout(F.relu(self.fc6(feature)))
        feature = self.dropout(F.relu(self.fc7(feature)))
        return self.classify(feature)


def deeplab_v1(classes: int, channels: int = 3, *, pretrained: bool = False) -> Network:
    """DeepLab-LargeFOV. pretrained: ImageNet weights of the convolutions of VGG16."""
    body = DeepLabLargeFOV(classes, channels, pretrained)
    return Network(body, name="deeplab_v1", classes=classes, channels=channels, align_corners=True)
