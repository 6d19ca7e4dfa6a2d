"""Mask R-CNN: a box and a small mask for every object, on a feature pyramid. torchvision's network behind this project's parts.

Papers: He et al., "Mask R-CNN", ICCV 2017, arXiv:1703.06870; Lin et al., "Feature Pyramid Networks", CVPR 2017, arXiv:1612.03144.
`mask_rcnn_v2`: Li et al., 2021, arXiv:2111.11429, section 3 (normalised heads, deeper region proposals):

    images [(C, H, W)] ─resized, padded─▶ encoder -> pyramid, 256 @ /4 /8 /16 /32 /64 -> region proposals
        -> RoIAlign 7x7 -> classes and boxes ┐
        -> RoIAlign 14x14 -> masks 28x28 ────┴─▶ of each image: boxes (N, 4), labels (N,), scores (N,), masks (N, 1, 28, 28)

Differs from torchvision: images come normalised; masks stay 28x28, for `kontur.inference.mask_rcnn` to set into the image, where
torchvision fills N images; any timm encoder, at any width. With resnet50 the weights have torchvision's names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from timm.layers import freeze_batch_norm_2d
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from ..core.errors import InputError, OptionError
from .backbones.resnet import WIDTHS
from .backbones.timm_encoder import TimmEncoder
from .backbones.weights import adapt_first_layer, torchvision_weights

Targets = list[dict[str, Tensor]]
"""Of each image: boxes (N, 4) float32 x0, y0, x1, y1 in pixels; labels (N,) int64, 1..K; masks (N, H, W) bool. N may be 0."""


class Batch(NamedTuple):
    """Images with their targets as one argument, for a training loop that knows of one."""

    images: list[Tensor]
    targets: Targets

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        return Batch([move(i) for i in self.images], [{k: move(v) for k, v in t.items()} for t in self.targets])

    def contiguous(self, **options: object) -> Batch:
        """Itself: the images are laid out when they are put together."""
        return self


LEVELS = ("0", "1", "2", "3", "pool")


class Detector(MaskRCNN):
    """In training: (images, targets) -> losses by name, scalars. In eval mode: images -> one dict an image, see the file's head.

    images: a list of (C, H, W) float, normalised, of any sizes. Labels are 1 + the place of the category; 0 is "nothing".

    Raises InputError for images of another number of channels.
    """

    name = "mask_rcnn"
    least = (1, 1)

    def __init__(
        self,
        backbone: nn.Module,
        classes: int,
        channels: int,
        size: tuple[int, int],
        zoom: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(backbone, **options)
        self.classes, self.channels = classes, channels
        # What torchvision's transform does beside the size is done before, or after by `kontur.inference`.
        self.transform = _Resize(size[0], size[1], [0.0] * channels, [1.0] * channels)
        self.transform.zoom = zoom

    def forward(self, images: list[Tensor] | Batch, targets: Targets | None = None) -> dict[str, Tensor] | Targets:
        if isinstance(images, Batch):
            images, targets = images
        self.check(images)
        return super().forward(images, targets)

    def check(self, images: list[Tensor]) -> None:
        wrong = [tuple(image.shape) for image in images if image.ndim != 3 or image.shape[0] != self.channels]
        if wrong:
            raise InputError(f"{self.name}: expected images ({self.channels}, H, W), got {wrong[0]}")


class _Resize(GeneralizedRCNNTransform):
    """Resizes and pads; afterwards only the boxes go back to the image's size."""

    zoom: float | None = None

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        if self.zoom is None:
            return super().resize(image, target)
        before = image.shape[-2:]
        image = F.interpolate(image[None], scale_factor=self.zoom, mode="bilinear", align_corners=False)[0]
        if target is not None:
            target["boxes"] = resize_boxes(target["boxes"], before, image.shape[-2:])
            masks = target["masks"][:, None].float()
            target["masks"] = F.interpolate(masks, size=image.shape[-2:])[:, 0].bool()
        return image, target

    def postprocess(
        self, result: Targets, image_shapes: list[tuple[int, int]], original_image_sizes: list[tuple[int, int]]
    ) -> Targets:
        if not self.training:
            for found, seen, original in zip(result, image_shapes, original_image_sizes, strict=True):
                found["boxes"] = resize_boxes(found["boxes"], seen, original)
        return result


class TimmPyramid(nn.Module):
    """A timm encoder's maps at /4 to /32 as a pyramid, and a fifth at /64."""

    def __init__(self, name: str, channels: int, width: int, *, frozen: bool, pretrained: bool) -> None:
        super().__init__()
        encoder = TimmEncoder(name, channels, pretrained=pretrained)
        if encoder.strides[-4:] != (4, 8, 16, 32):
            raise OptionError(f"option encoder: expected feature maps at 4, 8, 16 and 32, {name} has {encoder.strides}")
        self.encoder = freeze_batch_norm_2d(encoder) if frozen else encoder
        # The maps of such encoders are of any magnitude; unnormalised, the first losses are ten times too high.
        self.fpn = FeaturePyramidNetwork(list(encoder.widths[-4:]), width, LastLevelMaxPool(), _eight_a_group)
        self.out_channels = width

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return self.fpn(dict(zip(LEVELS, self.encoder(image)[-4:], strict=False)))


def _eight_a_group(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, width // 8), width)


def mask_rcnn(
    classes: int,
    channels: int = 3,
    *,
    encoder: str = "resnet50",
    width: int = 256,
    frozen: bool = True,
    size: tuple[int, int] = (800, 1333),
    zoom: float | None = None,
    anchors: Sequence[int] = (32, 64, 128, 256, 512),
    detections: int = 100,
    score: float = 0.05,
    pretrained: bool = False,
) -> Detector:
    """Mask R-CNN of K = `classes` categories (nothing beside them is counted).

    encoder: resnet50, resnet101, another ResNet of torchvision, or any timm model with maps at /4 to /32 (light: tf_efficientnet_lite0).
    width: of the pyramid and the masks' head, a quarter of the boxes' head; light: 128. frozen: batch norms of the encoder keep
    their statistics and are not learnt; False to train from scratch. size: an image is enlarged or reduced until its short side is
    the first, or its long one the second; zoom: or by this factor, whatever its size (nuclei, seen at one magnification). anchors: pixels of their sides at the five levels, after resizing. detections: at most
    so many an image, of scores above `score`. pretrained: the encoder's ImageNet weights.
    """
    if zoom is not None and not 0.1 <= zoom <= 10:
        raise OptionError(f"option zoom: expected 0.1..10, got {zoom}")
    pyramid = _pyramid(encoder, channels, width, frozen, pretrained)
    return Detector(
        pyramid,
        classes,
        channels,
        size,
        zoom,
        box_head=TwoMLPHead(width * 7 * 7, 4 * width),
        box_predictor=FastRCNNPredictor(4 * width, classes + 1),
        mask_head=MaskRCNNHeads(width, (width,) * 4, 1),
        mask_predictor=MaskRCNNPredictor(width, width, classes + 1),
        **_sizes(size, anchors, detections, score),
    )


def mask_rcnn_v2(
    classes: int,
    channels: int = 3,
    *,
    size: tuple[int, int] = (800, 1333),
    anchors: Sequence[int] = (32, 64, 128, 256, 512),
    detections: int = 100,
    score: float = 0.05,
    pretrained: bool = False,
) -> Detector:
    """The improved form on a ResNet-50: batch norm in pyramid and heads, four convolutions before the boxes. Options as above."""
    norm = nn.BatchNorm2d
    pyramid = _resnet_pyramid("resnet50", channels, 256, norm, pretrained, pyramid_norm=norm)
    sizes = _sizes(size, anchors, detections, score)
    return Detector(
        pyramid,
        classes,
        channels,
        size,
        rpn_head=RPNHead(256, 3, conv_depth=2),
        box_head=FastRCNNConvFCHead((256, 7, 7), [256] * 4, [1024], norm_layer=norm),
        box_predictor=FastRCNNPredictor(1024, classes + 1),
        mask_head=MaskRCNNHeads(256, [256] * 4, 1, norm_layer=norm),
        mask_predictor=MaskRCNNPredictor(256, 256, classes + 1),
        **sizes,
    )


def _pyramid(encoder: str, channels: int, width: int, frozen: bool, pretrained: bool) -> nn.Module:
    if encoder in WIDTHS:
        norm = FrozenBatchNorm2d if frozen else nn.BatchNorm2d
        return _resnet_pyramid(encoder, channels, width, norm, pretrained)
    return TimmPyramid(encoder, channels, width, frozen=frozen, pretrained=pretrained)


def _resnet_pyramid(
    name: str,
    channels: int,
    width: int,
    norm: type[nn.Module],
    pretrained: bool,
    pyramid_norm: type[nn.Module] | None = None,
) -> BackboneWithFPN:
    resnet = getattr(torchvision.models, name)(weights=None, norm_layer=norm)
    if pretrained:
        resnet.load_state_dict(torchvision_weights(name))
    resnet.conv1 = adapt_first_layer(resnet.conv1, channels)
    levels = {f"layer{number}": level for number, level in enumerate(LEVELS[:4], 1)}
    return BackboneWithFPN(resnet, levels, list(WIDTHS[name]), width, LastLevelMaxPool(), norm_layer=pyramid_norm)


def _sizes(size: tuple[int, int], anchors: Sequence[int], detections: int, score: float) -> dict[str, Any]:
    """The options that torchvision's class takes, checked."""
    if len(size) != 2 or not 32 <= size[0] <= size[1]:
        raise OptionError(f"option size: expected the short and the long side in pixels, from 32 on, got {size}")
    if len(anchors) != len(LEVELS) or min(anchors) < 1:
        raise OptionError(f"option anchors: expected {len(LEVELS)} sides in pixels, one a level, got {tuple(anchors)}")
    if detections < 1 or not 0 <= score <= 1:
        raise OptionError(f"options detections, score: expected at least 1 and 0..1, got {detections}, {score}")
    shapes = ((0.5, 1.0, 2.0),) * len(LEVELS)
    return {
        "rpn_anchor_generator": AnchorGenerator(tuple((side,) for side in anchors), shapes),
        "rpn_post_nms_top_n_test": max(1000, detections),
        "box_detections_per_img": detections,
        "box_score_thresh": score,
    }
