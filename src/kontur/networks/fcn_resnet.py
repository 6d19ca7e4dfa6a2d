"""FCN on a dilated ResNet: two convolutions on the last stage, as torchvision trains it.

Paper: Long, Shelhamer & Darrell, CVPR 2015, arXiv:1411.4038, with the encoder of He et al., arXiv:1512.03385:

    image (B, C, H, W) -> ResNet-50, output stride 8 -> 3x3, 512 -> 1x1 -> logits (B, K, H/8, W/8)

Differs from the paper: dilation instead of skips; the auxiliary head on stage 3 and the widths are torchvision's.
"""

from __future__ import annotations

from torch import Tensor, nn

from .backbones.resnet import ResNet
from .network import Network


class FCNHead(nn.Sequential):
    """3x3 to a quarter of the width, batch norm, ReLU, dropout 0.1, 1x1 to the classes."""

    def __init__(self, inputs: int, classes: int) -> None:
        inner = inputs // 4
        super().__init__(
            nn.Conv2d(inputs, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(inner, classes, 1),
        )


class OneHead(nn.Module):
    """An encoder, a head on its last stage and, in training, an auxiliary one on the stage before."""

    def __init__(self, encoder: ResNet, head: nn.Module, auxiliary: nn.Module | None) -> None:
        super().__init__()
        self.encoder, self.head, self.auxiliary = encoder, head, auxiliary

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        features = self.encoder(image)
        logits = self.head(features[3])
        if self.auxiliary is not None and self.training:
            return logits, self.auxiliary(features[2])
        return logits


def fcn_resnet50(classes: int, channels: int = 3, *, auxiliary: bool = False, pretrained: bool = False) -> Network:
    """FCN-ResNet50, torchvision's architecture. pretrained: ImageNet weights of the encoder."""
    encoder = ResNet("resnet50", channels, output_stride=8, pretrained=pretrained)
    head = OneHead(encoder, FCNHead(2048, classes), FCNHead(1024, classes) if auxiliary else None)
    return Network(head, name="fcn_resnet50", classes=classes, channels=channels)
