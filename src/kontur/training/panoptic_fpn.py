"""The task panoptic by Panoptic FPN: boxes and masks for the things, a class a pixel for the stuff, one sum of losses for both.

    segments ─▶ codes (H, W) ─scale, crop, flip▶ codes ┬─▶ things: boxes, labels, masks ─▶ losses of Mask R-CNN ─┐
                                                       └─▶ stuff (H, W), 0 "other" ───▶ cross-entropy ───────────┴▶ `losses.panoptic_fpn`
    boxes, labels, scores, masks and logits of the network ─`inference.panoptic_fpn`▶ Segmentation ─▶ PQ

Paper: Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, arXiv:1901.02446. Its loss, section 3.2, with the weights it
chose for COCO: 1 for the instance branch, 0.5 for the semantic one.

Differs from the paper: a crowd is "other" to the semantic branch as every thing, and background to the instance branch, as the data
set `coco` leaves crowds out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..core.errors import InputError
from ..core.image import Image
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from ..inference.mask_rcnn import mask_rcnn
from ..inference.panoptic_fpn import panoptic_fpn
from ..losses.panoptic_fpn import panoptic_fpn_loss
from ..networks.mask_rcnn import Batch
from ..transforms.object_targets import with_masks
from .panoptic import CROWD, ROOM, STUFF_SHARE, VOID, Panoptic, Segments
from .scoring import TorchPredictor

_IGNORE = 65535


def found(predictor: TorchPredictor, image: Image, taxonomy: Taxonomy) -> Segmentation:
    """The panoptic result of a network in PyTorch. Stuff of less than 1.3 % of the image is void (4096 pixels of 640 x 480)."""
    boxes, labels, scores, masks, logits = predictor.things_and_stuff(image)
    instances = mask_rcnn(boxes, labels, scores, masks, image.shape, taxonomy.things)
    return panoptic_fpn(instances, logits, taxonomy, stuff_area=round(STUFF_SHARE * image.shape[0] * image.shape[1]))


class Scenes(Segments):
    """The samples of `Panoptic`, put together as lists of objects and maps of stuff."""

    def collate(self, samples: Sequence[tuple[Tensor, Tensor, Tensor]]) -> tuple[Batch, Tensor, Tensor]:  # type: ignore[override]
        """Images with their objects, stuff (B, H, W), and the keys."""
        objects, stuff = zip(*(self.things_and_stuff(codes) for _, codes, _ in samples), strict=True)
        images = [image for image, _, _ in samples]
        return Batch(images, list(objects)), torch.stack(stuff), torch.stack([key for _, _, key in samples])

    def things_and_stuff(self, codes: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Codes (H, W) -> boxes, labels (1 + the place among the things), masks; and (H, W) int64: 0 a thing, then the stuff."""
        thing = torch.tensor([category.thing for category in self.taxonomy])
        labels, planes = thing.cumsum(0), torch.where(thing, 0, (~thing).cumsum(0))
        known = codes != VOID
        stuff = torch.full_like(codes, _IGNORE)
        stuff[known] = planes[codes[known] // ROOM]
        present = torch.unique(codes[known])
        objects = present[(present % ROOM > 0) & (present % ROOM < CROWD)]
        return with_masks(labels[objects // ROOM], codes == objects[:, None, None]), stuff

    def own_loss(self, output: tuple[Mapping[str, Tensor], Sequence[Tensor]], stuff: Tensor) -> Tensor:  # type: ignore[override]
        """The sum of both branches' losses. Raises InputError for a network of another number of things."""
        losses, logits = output
        things = sum(category.thing for category in self.taxonomy)
        if len(logits[0]) != len(self.taxonomy) - things + 1:
            raise InputError(
                f"network.options.things: expected {things}, as many as the data have. Set it in the recipe"
            )
        return panoptic_fpn_loss(losses, logits, list(stuff), ignore=_IGNORE)


class PanopticFPN(Panoptic):
    """`tasks.Task` of things and stuff by two branches."""

    kind = Scenes
    found = staticmethod(found)
