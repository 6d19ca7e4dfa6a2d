"""GCN (Large Kernel Matters): k×k windows made of two pairs of lines, and boundary refinement.

Paper: Peng, Zhang, Yu, Luo & Sun, CVPR 2017, arXiv:1703.02719. Figure 2:

    image (B, C, H, W) -> ResNet-152, four stages -> GCN + BR each -> x2 and summed, BR between -> BR -> logits (B, K, H, W)

Differs from the paper: bilinear interpolation instead of deconvolution and k = 7 instead of 15, as in the PyTorch implementation whose
parameter count is the reference (`kernel=15` gives the paper's).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.errors import OptionError
from .backbones.resnet import ResNet
from .network import Network


class GlobalConvolution(nn.Module):
    """Figure 2b: k×1 then 1×k, beside 1×k then k×1, summed."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        half = kernel // 2
        self.left = nn.Sequential(
            nn.Conv2d(inputs, outputs, (kernel, 1), padding=(half, 0)),
            nn.Conv2d(outputs, outputs, (1, kernel), padding=(0, half)),
        )
        self.right = nn.Sequential(
            nn.Conv2d(inputs, outputs, (1, kernel), padding=(0, half)),
            nn.Conv2d(outputs, outputs, (kernel, 1), padding=(half, 0)),
        )

    def forward(self, feature: Tensor) -> Tensor:
        return self.left(feature) + self.right(feature)


class BoundaryRefinement(nn.Module):
    """Figure 2c: the scores plus a residual of two 3x3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, scores: Tensor) -> Tensor:
        return scores + self.residual(scores)


class GCN(nn.Module):
    """Figure 2a."""

    def __init__(self, encoder: ResNet, classes: int, kernel: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.score = nn.ModuleList(
            nn.Sequential(GlobalConvolution(width, classes, kernel), BoundaryRefinement(classes))
            for width in encoder.widths
        )
        self.refine = nn.ModuleList(BoundaryRefinement(classes) for _ in range(5))

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K, H, W)."""
        scores = [
            score(feature) for score, feature in zip(self.score, self.encoder(image), strict=True)
        ]  # /4 /8 /16 /32
        merged = scores[3]
        for finer, refine in zip((scores[2], scores[1], scores[0]), self.refine, strict=False):
            merged = refine(_resized(merged, finer.shape[-2:]) + finer)
        half = torch.Size(((image.shape[-2] + 1) // 2, (image.shape[-1] + 1) // 2))
        merged = self.refine[3](_resized(merged, half))
        return self.refine[4](_resized(merged, image.shape[-2:]))


def _resized(scores: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(scores, size, mode="bilinear", align_corners=False)


def gcn(
    classes: int, channels: int = 3, *, encoder: str = "resnet152", kernel: int = 7, pretrained: bool = False
) -> Network:
    """GCN on a ResNet. kernel: the odd window k, 3 or more."""
    if kernel < 3 or kernel % 2 == 0:
        raise OptionError(f"option kernel: expected an odd whole number, at least 3, got {kernel}")
    body = GCN(ResNet(encoder, channels, pretrained=pretrained), classes, kernel)
    return Network(body, name="gcn", classes=classes, channels=channels)
