"""Mask R-CNN's post-processing: boxes, labels, scores and small masks -> instances at the image's size.

Paper: He et al., "Mask R-CNN", ICCV 2017, arXiv:1703.06870, section 3.1, "Inference": the m x m mask of a box is resized to the box
and cut at 0.5. Every mask goes straight into runs, so that a thousand of them need no thousand images.

Differs from torchvision, whose networks are run: samples lie where the network's pooling took them from, in fractions of a pixel, where
torchvision rounds the boxes and draws them up to a pixel too large.

NumPy alone, on arrays as ONNX Runtime gives them; no PyTorch.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.taxonomy import Taxonomy


def mask_rcnn(
    boxes: NDArray[np.floating],
    labels: NDArray[np.integer],
    scores: NDArray[np.floating],
    masks: NDArray[np.floating],
    shape: tuple[int, int],
    taxonomy: Taxonomy,
    *,
    score: float = 0.05,
    cut: float = 0.5,
) -> Instances:
    """The instances of one image of `shape` (H, W) pixels, in the order given.

    boxes:  (N, 4) x0, y0, x1, y1 in pixels of the image; they may reach over its border.
    labels: (N,) 1..K, the place of the category in the taxonomy; 0 is the network's background and never an instance.
    scores: (N,) in [0, 1]; those under `score` are left out.
    masks:  (N, M, M) or (N, 1, M, M): the probability of the object over its box; above `cut` is inside.

    Boxes and masks without a pixel in the image are left out. Raises InputError for shapes that do not fit, labels that the taxonomy
    does not have, and NaN; OptionError.
    """
    boxes, labels, scores, masks = (np.asarray(part) for part in (boxes, labels, scores, masks))
    count = len(labels)
    if masks.ndim == 4 and masks.shape[1] == 1:
        masks = masks[:, 0]
    if boxes.shape != (count, 4) or scores.shape != (count,) or masks.ndim != 3 or len(masks) != count:
        raise InputError(
            f"expected boxes (N, 4), scores (N,) and masks (N, M, M) of {count} labels, got {boxes.shape}, {scores.shape}, {masks.shape}"
        )
    for name, value in (("score", score), ("cut", cut)):
        if not 0 <= value <= 1:
            raise OptionError(f"option {name}: expected 0..1, got {value}")
    foreign = sorted({int(label) for label in labels if not 1 <= label <= len(taxonomy)})
    if foreign:
        raise InputError(f"labels: expected 1..{len(taxonomy)}, the categories of the taxonomy, got {foreign}")
    if not all(np.isfinite(part).all() for part in (boxes, scores, masks)):
        raise InputError("expected finite numbers from the network, got NaN or infinity")
    found = []
    for place in np.flatnonzero(scores >= score):
        mask = pasted(masks[place], boxes[place], shape, cut=cut)
        if mask.counts[1::2].any():
            category = taxonomy.categories[int(labels[place]) - 1].id
            found.append(Instance(mask, category, float(scores[place])))
    return Instances(shape, tuple(found), taxonomy)


def pasted(mask: NDArray[np.floating], box: NDArray[np.floating], shape: tuple[int, int], *, cut: float = 0.5) -> RLE:
    """A mask (M, M) of probabilities resized bilinearly to its box (x0, y0, x1, y1), cut, and set into an image of (H, W).

    Outside the mask the probability is 0, so it fades over the box's border and is a half at the border itself.
    """
    x0, y0, x1, y1 = np.clip(np.asarray(box, np.float64), -1e6, 1e6)
    rows, row = _weights(y0, y1, mask.shape[0], shape[0])
    columns, column = _weights(x0, x1, mask.shape[1], shape[1])
    soft = rows @ np.asarray(mask, np.float64) @ columns.T
    return rle.encode_window(soft > cut, (row, column), shape)


def _weights(first: float, last: float, size: int, limit: int) -> tuple[NDArray[np.float64], int]:
    """How `size` samples over first..last (pixels) make the pixels of 0..limit - 1 near them: (pixels, size), and the first of these."""
    length = max(last - first, 1e-6)
    reach = length / size / 2  # beyond its centre's half way to the border a sample fades to nothing
    begin = min(max(math.floor(first - reach), 0), limit)
    end = max(min(math.ceil(last + reach), limit), begin)
    position = (np.arange(begin, end) + 0.5 - first) * (size / length) - 0.5
    lower = np.floor(position)
    weights = np.zeros((end - begin, size))
    for sample, share in ((lower, 1 - (position - lower)), (lower + 1, position - lower)):
        inside = (sample >= 0) & (sample < size)
        weights[np.flatnonzero(inside), sample[inside].astype(np.int64)] = share[inside]
    return weights, begin
