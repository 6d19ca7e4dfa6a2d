"""ResNet, whole or with its last strides turned into dilations.

Paper: He et al., CVPR 2016, arXiv:1512.03385; dilated as in Chen et al., arXiv:1706.05587. torchvision's network is used.

    image (B, C, H, W) -> stem /4 -> stage 1 /4 -> stage 2 /8 -> stage 3 /16 -> stage 4 /32   (or less, by `output_stride`)
"""

from __future__ import annotations

import torchvision
from torch import Tensor, nn

from ...core.errors import InputError, OptionError, UnknownName
from .weights import adapt_first_layer, torchvision_weights

WIDTHS = {
    "resnet18": (64, 128, 256, 512),
    "resnet34": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
    "resnet101": (256, 512, 1024, 2048),
    "resnet152": (256, 512, 1024, 2048),
}
_DILATE = {32: (False, False, False), 16: (False, False, True), 8: (False, True, True)}


class ResNet(nn.Module):
    """image (B, C, H, W) -> the outputs of the four stages, widths `self.widths`."""

    def __init__(
        self,
        name: str,
        channels: int = 3,
        *,
        output_stride: int = 32,
        deep_stem: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if name not in WIDTHS:
            raise UnknownName("encoder", name, WIDTHS, f"ResNets are: {', '.join(WIDTHS)}.")
        if output_stride not in _DILATE or (output_stride != 32 and name in ("resnet18", "resnet34")):
            allowed = "32" if name in ("resnet18", "resnet34") else "8, 16 or 32"
            raise OptionError(f"option output_stride: expected {allowed} for {name}, got {output_stride}")
        options = {} if output_stride == 32 else {"replace_stride_with_dilation": _DILATE[output_stride]}
        whole = getattr(torchvision.models, name)(weights=None, **options)
        if pretrained and deep_stem:
            raise InputError(
                f"pretrained weights of {name} with a stem of three convolutions are not published by torchvision. "
                "Build with pretrained=False and load your own state"
            )
        if pretrained:
            whole.load_state_dict(torchvision_weights(name))
        self.widths = WIDTHS[name]
        if deep_stem:
            self.stem = _deep_stem(channels)
            first = whole.layer1[0]
            first.conv1 = nn.Conv2d(128, first.conv1.out_channels, 1, bias=False)
            first.downsample[0] = nn.Conv2d(128, first.downsample[0].out_channels, 1, bias=False)
        else:
            self.stem = nn.Sequential(adapt_first_layer(whole.conv1, channels), whole.bn1, whole.relu, whole.maxpool)
        self.stages = nn.ModuleList([whole.layer1, whole.layer2, whole.layer3, whole.layer4])

    def forward(self, image: Tensor) -> list[Tensor]:
        """The four stages' outputs, finest first."""
        return self.after_stem(self.stem(image))

    def after_stem(self, feature: Tensor) -> list[Tensor]:
        """The same from the stem's output (B, 64, H/4, W/4), for networks that need that too."""
        features = []
        for stage in self.stages:
            feature = stage(feature)
            features.append(feature)
        return features


def _deep_stem(channels: int) -> nn.Sequential:
    """Three 3x3 convolutions to 64, 64, 128 channels instead of one 7x7, as PSPNet's authors train it."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((channels, 64, 2), (64, 64, 1), (64, 128, 1)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.MaxPool2d(3, stride=2, padding=1))
