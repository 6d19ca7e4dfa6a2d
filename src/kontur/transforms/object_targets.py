"""What networks of objects learn from: a panoptic truth as maps for Panoptic-DeepLab, instances as lists for Mask R-CNN.

    Segmentation -> panoptic_targets  -> class indices, weights, centres, offsets, counted   (arrays of (H, W))
    Instances    -> detection_targets -> boxes, labels, masks                                (tensors of N objects)

The latter's masks go through the other transforms as a stack (N, H, W) of bool; `with_masks` then makes the boxes anew.

Papers: Cheng et al., "Panoptic-DeepLab", CVPR 2020, arXiv:1911.10194, section 3.1; He et al., "Mask R-CNN", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import InputError
from ..core.instances import Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy

SMALL = 64 * 64  # pixels; objects under it weigh more
SMALL_WEIGHT = 3.0
SIGMA = 8.0  # of the bump around a centre, in pixels


class PanopticTargets(NamedTuple):
    """semantic (H, W) int64, places in the taxonomy or ignore; weights (H, W) float32; centres (H, W) float32 in [0, 1], 1 at a centre;
    offsets (2, H, W) float32, rows and columns in pixels to the centre, NaN outside things; counted (H, W) bool, where centres are known.
    """

    semantic: NDArray[np.int64]
    weights: NDArray[np.float32]
    centres: NDArray[np.float32]
    offsets: NDArray[np.float32]
    counted: NDArray[np.bool_]


def panoptic_targets(
    truth: Segmentation, taxonomy: Taxonomy, *, crowds: Collection[int] = (), ignore: int = 255, sigma: float = SIGMA
) -> PanopticTargets:
    """The maps of one image. crowds: ids of segments that are many objects in one: their class is learnt, their centres are not.

    A centre is the mean of the object's pixels, rounded; void is ignored in all maps. Raises InputError for segments without a
    category and for categories that the taxonomy lacks.
    """
    places = {category.id: place for place, category in enumerate(taxonomy)}
    things = {category.id for category in taxonomy.things}
    height, width = truth.shape
    semantic = np.full(truth.shape, ignore, np.int64)
    weights = np.ones(truth.shape, np.float32)
    centres = np.zeros(truth.shape, np.float32)
    offsets = np.full((2, *truth.shape), np.nan, np.float32)
    counted = truth.ids != 0
    for segment in truth.segments:
        if segment.category not in places:
            raise InputError(
                f"segment {segment.id}: expected a category of the taxonomy, got {segment.category}. Join the names first"
            )
        x0, y0, x1, y1 = segment.box
        inside = truth.ids[y0:y1, x0:x1] == segment.id
        semantic[y0:y1, x0:x1][inside] = places[segment.category]
        if segment.category not in things:
            continue
        if segment.id in crowds:
            counted[y0:y1, x0:x1][inside] = False
            continue
        if segment.area < SMALL:
            weights[y0:y1, x0:x1][inside] = SMALL_WEIGHT
        rows, columns = np.nonzero(inside)
        row, column = round(float(rows.mean())) + y0, round(float(columns.mean())) + x0
        offsets[0, y0:y1, x0:x1][inside] = row - (rows + y0)
        offsets[1, y0:y1, x0:x1][inside] = column - (columns + x0)
        reach = int(np.ceil(3 * sigma))
        top, left = max(0, row - reach), max(0, column - reach)
        down = (np.arange(top, min(height, row + reach + 1)) - row)[:, None]
        right = (np.arange(left, min(width, column + reach + 1)) - column)[None]
        bump = np.exp(-(down**2 + right**2) / (2 * sigma**2)).astype(np.float32)
        window = centres[top : top + bump.shape[0], left : left + bump.shape[1]]
        np.maximum(window, bump, out=window)
    return PanopticTargets(semantic, weights, centres, offsets, counted)


def detection_targets(truth: Instances, taxonomy: Taxonomy) -> dict[str, Tensor]:
    """boxes (N, 4) float32 x0, y0, x1, y1 in pixels, x1 and y1 exclusive; labels (N,) int64, 1 + place; masks (N, H, W) bool.

    Empty masks are left out; N may be 0. A truth of one category need not name it. Raises InputError for a category that the
    taxonomy lacks.
    """
    places: dict[int | None, int] = {category.id: place for place, category in enumerate(taxonomy)}
    if len(taxonomy) == 1:
        places[None] = 0
    labels = []
    for number, instance in enumerate(truth.instances):
        if instance.category not in places:
            raise InputError(
                f"instance {number}: expected a category of the taxonomy, got {instance.category}. Join the names first"
            )
        labels.append(places[instance.category] + 1)
    masks = np.zeros((len(truth), *truth.shape), bool)
    for number in range(len(truth)):
        masks[number] = truth.mask(number)
    return with_masks(torch.tensor(labels, dtype=torch.int64), torch.from_numpy(masks))


def with_masks(labels: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """labels (N,) and masks (N, H, W) of bool -> the targets of `detection_targets`, without the objects that have no pixel left."""
    kept = masks.flatten(1).any(dim=1)
    labels, masks = labels[kept], masks[kept]
    boxes = torch.zeros(len(masks), 4)
    for axis, (first, last) in ((1, (0, 2)), (2, (1, 3))):  # seen along the rows: the columns, and the other way round
        seen = masks.any(dim=axis).to(torch.uint8)
        boxes[:, first] = seen.argmax(dim=1).float() if len(masks) else 0
        boxes[:, last] = (seen.shape[1] - seen.flip(1).argmax(dim=1)).float() if len(masks) else 0
    return {"boxes": boxes, "labels": labels, "masks": masks}
