"""Panoptic FPN: Mask R-CNN for the things, and a light semantic branch on the same pyramid for the stuff.

Paper: Kirillov, Girshick, He & Dollár, "Panoptic Feature Pyramid Networks", CVPR 2019, arXiv:1901.02446. Figures 1 and 3:

    images -> encoder -> pyramid, 256 @ /4 /8 /16 /32 ┬-> instance branch: Mask R-CNN
                                                      └-> each level up to /4, 128 -> sum -> 1x1 -> logits (S + 1, H, W)

Plane 0 of the logits is "other": every pixel of a thing; then the S stuff categories in the taxonomy's order. The two parts meet
in `kontur.inference.panoptic_fpn`, the losses in `kontur.losses.panoptic_fpn`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ..core.errors import InputError, OptionError
from .mask_rcnn import LEVELS, Batch, Detector, Targets, mask_rcnn


class SemanticBranch(nn.Module):
    """Figure 3: a level at stride 2^s is brought to /4 in s - 2 stages of 3x3, group norm, ReLU and doubling; all are added."""

    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(_ascent(inputs, width, doublings) for doublings in range(4))
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, pyramid: dict[str, Tensor]) -> Tensor:
        """Maps at /4, /8, /16, /32 -> logits (B, S + 1, H/4, W/4)."""
        finest = pyramid[LEVELS[0]].shape[-2:]
        total = 0.0
        for name, ascent in zip(LEVELS, self.levels, strict=False):
            feature = ascent(pyramid[name])
            if feature.shape[-2:] != finest:
                feature = F.interpolate(feature, finest, mode="bilinear", align_corners=False)
            total = total + feature
        return self.classify(total)


def _ascent(inputs: int, width: int, doublings: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage in range(max(1, doublings)):
        layers += [
            nn.Conv2d(inputs if stage == 0 else width, width, 3, padding=1, bias=False),
            nn.GroupNorm(min(32, width), width),
            nn.ReLU(inplace=True),
        ]
        if doublings:
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers)


class PanopticFPN(nn.Module):
    """In training: (images, targets) -> (losses of the instance branch by name, logits); in eval mode: (detections, logits).

    images: a list of (C, H, W), normalised. targets, detections: those of Mask R-CNN, labels 1 + the place among the things.
    logits: of each image (S + 1, H, W), at its own size.
    """

    name = "panoptic_fpn"
    least = (1, 1)

    def __init__(self, detector: Detector, classes: int, things: int, width: int) -> None:
        super().__init__()
        self.detector = detector
        self.semantic = SemanticBranch(detector.backbone.out_channels, width, classes - things + 1)
        self.classes, self.things, self.channels = classes, things, detector.channels

    def forward(
        self, images: list[Tensor] | Batch, targets: Targets | None = None
    ) -> tuple[dict[str, Tensor] | Targets, list[Tensor]]:
        if isinstance(images, Batch):
            images, targets = images
        detector = self.detector
        detector.check(images)
        highest = max((int(target["labels"].amax()) for target in targets or () if len(target["labels"])), default=0)
        if highest > self.things:
            raise InputError(
                f"{self.name}: expected labels 1..{self.things}, got {highest}. Build it with things={highest}, or more"
            )
        originals = [tuple(image.shape[-2:]) for image in images]  # no int(), which a tracer would freeze
        resized, targets = detector.transform(images, targets)
        pyramid = detector.backbone(resized.tensors)
        proposals, proposal_losses = detector.rpn(resized, pyramid, targets)
        found, losses = detector.roi_heads(pyramid, proposals, resized.image_sizes, targets)
        logits = self._at_own_size(self.semantic(pyramid), resized.image_sizes, resized.tensors.shape[-2:], originals)
        if self.training:
            return {**losses, **proposal_losses}, logits
        return detector.transform.postprocess(found, resized.image_sizes, originals), logits

    @staticmethod
    def _at_own_size(
        coarse: Tensor, sizes: Sequence[tuple[int, int]], padded: Sequence[int], originals: Sequence[tuple[int, int]]
    ) -> list[Tensor]:
        """Each image's logits without its padding, at the size it came in."""
        whole = F.interpolate(coarse, tuple(padded), mode="bilinear", align_corners=False)
        return [
            F.interpolate(one[None, :, :height, :width], original, mode="bilinear", align_corners=False)[0]
            for one, (height, width), original in zip(whole, sizes, originals, strict=True)
        ]


def panoptic_fpn(
    classes: int,
    channels: int = 3,
    *,
    things: int,
    encoder: str = "resnet50",
    width: int = 256,
    frozen: bool = True,
    size: tuple[int, int] = (800, 1333),
    anchors: Sequence[int] = (32, 64, 128, 256, 512),
    detections: int = 100,
    score: float = 0.05,
    pretrained: bool = False,
) -> PanopticFPN:
    """Panoptic FPN of `classes` categories, `things` of which are countable and the rest stuff. Other options as `mask_rcnn`'s."""
    if not 1 <= things < classes:
        raise OptionError(f"option things: expected 1..{classes - 1} of the {classes} classes, got {things}")
    detector = mask_rcnn(
        things,
        channels,
        encoder=encoder,
        width=width,
        frozen=frozen,
        size=size,
        anchors=anchors,
        detections=detections,
        score=score,
        pretrained=pretrained,
    )
    return PanopticFPN(detector, classes, things, width // 2)
