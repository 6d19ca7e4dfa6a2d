"""Contour net: the strength of a boundary at every pixel, from side outputs at six scales.

Papers: Xie & Tu, HED, ICCV 2015, arXiv:1504.06375 (side outputs, their fusion, deep supervision); Liu et al., RCF, CVPR 2017,
arXiv:1612.02103; Deng et al., LPCB, ECCV 2018, arXiv:1807.10097 (the top-down path before the outputs); Su et al., PiDiNet, ICCV 2021,
arXiv:2108.07009 (a first stage at full resolution). Encoder: Tan & Le, EfficientNet, ICML 2019, arXiv:1905.11946 (Lite variants).

    image (B, C, H, W), mirrored to multiples of 32
        -> two 3x3 @ /1, beside 16 @ /2, 24 @ /4, 40 @ /8, 112 @ /16, 320 @ /32 of the encoder
        -> context @ /32 -> top-down sums, each refined by a 3x3 -> six side logits (B, 1, H, W) -> 1x1 -> logit (B, 1, H, W)

Differs from the papers: a light encoder, and the side outputs read the top-down path instead of the encoder's stages. The image is
brought to a multiple of 32 first, because TensorFlow's padding puts the encoder's maps elsewhere for odd sizes than for even ones.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..core.errors import OptionError
from .backbones.timm_encoder import TimmEncoder
from .kontur_lite import Context, enlarged, unit
from .network import Network


class ContourNet(nn.Module):
    """The boxes above. widths: channels of the top-down path at /1, /2, ... /32."""

    def __init__(self, encoder: TimmEncoder, channels: int, detail: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = encoder
        self.multiple = encoder.strides[-1]
        self.detail = nn.Sequential(*unit(channels, detail), *unit(detail, detail))
        stages = (detail, *encoder.widths)
        self.context = Context(stages[-1], widths[-1])
        self.reduce = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.lateral = nn.ModuleList(nn.Conv2d(s, w, 1) for s, w in zip(stages[:-1], widths[:-1], strict=True))
        self.refine = nn.ModuleList(nn.Sequential(nn.ReLU(inplace=True), *unit(w, w)) for w in widths)
        self.side = nn.ModuleList(nn.Conv2d(w, 1, 1) for w in widths)
        self.fuse = nn.Conv2d(len(widths), 1, 1)
        # As HED does: the fusion starts as the mean of the sides.
        nn.init.constant_(self.fuse.weight, 1 / len(widths))
        nn.init.zeros_(self.fuse.bias)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) -> the fused logit and the six side logits from /1 to /32, each (B, 1, H, W)."""
        height, width = image.shape[-2:]
        image = mirrored(image, self.multiple)
        stages = [self.detail(image), *self.encoder(image)]
        feature = self.refine[-1](self.context(stages[-1]))
        sides = [self.side[-1](feature)]
        for scale in range(len(stages) - 2, -1, -1):
            lateral = self.lateral[scale](stages[scale])
            feature = self.refine[scale](enlarged(self.reduce[scale](feature), lateral) + lateral)
            sides.append(self.side[scale](feature))
        finest, *coarser = reversed(sides)
        sides = [side[..., :height, :width] for side in (finest, *(enlarged(side, image) for side in coarser))]
        return (self.fuse(torch.cat(sides, dim=1)), *sides)


def mirrored(image: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) with rows and columns mirrored at the lower and right rim until both are multiples; the last repeated after that.

    Picks rows instead of padding, so that an exporter sees no choice of sizes.
    """

    def places(size: int) -> Tensor:
        ahead = torch.arange((size + multiple - 1) // multiple * multiple, device=image.device)
        return torch.minimum(ahead, 2 * (size - 1) - ahead).clamp(min=0)

    return image.index_select(2, places(image.shape[2])).index_select(3, places(image.shape[3]))


def contour_net(
    classes: int = 1,
    channels: int = 3,
    *,
    encoder: str = "tf_efficientnet_lite0",
    detail: int = 16,
    widths: tuple[int, ...] = (24, 32, 48, 64, 64, 64),
    pretrained: bool = False,
) -> Network:
    """A boundary network: one logit a pixel, the side logits as auxiliary ones in training. Any image size from 1x1 on.

    encoder: any timm model with five feature maps from /2 to /32; detail: channels of its companion at full resolution; widths: of the
    top-down path at /1 to /32. pretrained: the encoder's ImageNet weights; images are then RGB in [0, 1] minus MEAN, divided by STD
    (`timm_encoder`). Train it with `kontur.losses.edge_loss` on every output. Raises OptionError for other classes than 1, another encoder or widths.
    """
    if classes != 1:
        raise OptionError(f"option classes: expected 1, as contours are one map, got {classes}")
    features = TimmEncoder(encoder, channels, pretrained=pretrained)
    if features.strides != (2, 4, 8, 16, 32):
        raise OptionError(f"option encoder: expected feature maps at 2, 4, 8, 16 and 32, got {features.strides}")
    if len(widths) != 6 or min(widths) < 1 or detail < 1:
        raise OptionError(f"options detail, widths: expected one and six positive numbers, got {detail}, {widths}")
    body = ContourNet(features, channels, detail, tuple(widths))
    return Network(body, name="contour_net", classes=1, channels=channels)
