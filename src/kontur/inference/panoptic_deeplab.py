"""Panoptic-DeepLab's post-processing: semantic logits, a heatmap of centres and offsets to them -> panoptic.

Paper: Cheng et al., "Panoptic-DeepLab", CVPR 2020, arXiv:1911.10194, section 3:

    heatmap (H, W) ─find_centres▶ (N, 2) ┐
    offsets (2, H, W) ───────────────────┴─group▶ instance of each thing pixel ─majority of the semantic classes▶ panoptic
    logits (K, H, W) ────────────────────────────────────────────────────────┘

NumPy, SciPy and one compiled loop, on arrays as ONNX Runtime gives them; no PyTorch.

Differs from the paper: centres of equal height that touch are one, so that a flat top is not many objects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OptionError
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from .panoptic_deeplab_kernel import nearest
from .tiles import softmax


def panoptic_deeplab(
    logits: NDArray[np.floating],
    heatmap: NDArray[np.floating],
    offsets: NDArray[np.floating],
    taxonomy: Taxonomy,
    *,
    threshold: float = 0.1,
    window: int = 7,
    max_objects: int = 200,
    stuff_area: int = 4096,
) -> Segmentation:
    """The panoptic result of one image: things 1, 2.. in the order of their centres, best first, then stuff; 0 is void.

    Of the network's one output `maps` (K + 3, H, W) the parts are maps[:-3], maps[-3] and maps[-2:].

    logits:     (K, H, W), in the order of the taxonomy, before softmax.
    heatmap:    (H, W) or (1, H, W): how much each pixel is a centre, about 0..1.
    offsets:    (2, H, W): rows, then columns, in pixels from each pixel to the centre of its object.
    threshold, window, max_objects: see `find_centres`.
    stuff_area: stuff of fewer pixels becomes void; the paper's 2048 for Cityscapes, 4096 for COCO and Mapillary.

    A thing's score is the height of its centre times the mean probability of its category over its pixels. Thing pixels are void
    where no centre was found. Raises InputError for shapes that do not fit and NaN; OptionError.
    """
    logits, heatmap, offsets = np.asarray(logits), np.asarray(heatmap), np.asarray(offsets)
    if heatmap.ndim == 3 and len(heatmap) == 1:
        heatmap = heatmap[0]
    if logits.ndim != 3 or len(logits) != len(taxonomy):
        raise InputError(f"logits: expected ({len(taxonomy)}, H, W), one plane a category, got {logits.shape}")
    if heatmap.shape != logits.shape[1:] or offsets.shape != (2, *logits.shape[1:]):
        shape = logits.shape[1:]
        raise InputError(f"expected a heatmap {shape} and offsets {(2, *shape)}, got {heatmap.shape}, {offsets.shape}")
    if stuff_area < 0:
        raise OptionError(f"option stuff_area: expected 0 or more pixels, got {stuff_area}")
    if not all(np.isfinite(part).all() for part in (logits, heatmap, offsets)):
        raise InputError("expected finite numbers from the network, got NaN or infinity")
    order = list(taxonomy)
    semantic = logits.argmax(axis=0)
    is_thing = np.array([category.thing for category in order])
    centres, heights = find_centres(heatmap, threshold=threshold, window=window, max_objects=max_objects)
    groups = group(centres, offsets, is_thing[semantic])

    votes = np.bincount(groups.ravel() * len(order) + semantic.ravel(), minlength=(len(centres) + 1) * len(order))
    votes = votes.reshape(len(centres) + 1, len(order))
    majority = votes.argmax(axis=1)
    probabilities = softmax(np.array(logits, np.float32))  # a copy, as it works in place
    categories: dict[int, int] = {}
    scores: dict[int, float] = {}
    numbers = np.zeros(len(centres) + 1, np.int32)
    for place in np.flatnonzero(votes[1:].any(axis=1)) + 1:  # a centre that no pixel points at is no object
        categories[len(categories) + 1] = order[majority[place]].id
        numbers[place] = len(categories)
    own = np.take_along_axis(probabilities, majority[groups][None], axis=0)[0]
    sums = np.bincount(groups.ravel(), weights=own.ravel(), minlength=len(centres) + 1)
    for place in np.flatnonzero(numbers):
        objectness = float(np.clip(heights[place - 1], 0, 1))
        scores[int(numbers[place])] = objectness * float(sums[place] / votes[place].sum())
    ids = numbers[groups]
    number = len(categories)
    for plane, category in enumerate(order):
        area = 0 if category.thing else int(np.count_nonzero(semantic == plane))
        if area and area >= stuff_area:
            number += 1
            ids[semantic == plane] = number
            categories[number] = category.id
    return Segmentation.from_ids(ids, categories=categories, scores=scores, taxonomy=taxonomy)


def find_centres(
    heatmap: NDArray[np.floating], *, threshold: float = 0.1, window: int = 7, max_objects: int = 200
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Centres (N, 2), row and column in pixels, and their heights (N,), the highest first.

    A centre is at least as high as everything in the window (odd, in pixels) around it, and above the threshold; of those that
    touch the first row by row counts, and of all the `max_objects` highest.
    """
    from scipy import ndimage

    if window < 1 or window % 2 == 0:
        raise OptionError(f"option window: expected an odd number of pixels, got {window}")
    if max_objects < 1:
        raise OptionError(f"option max_objects: expected at least 1, got {max_objects}")
    if not heatmap.size:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    highest = ndimage.maximum_filter(heatmap, size=window, mode="nearest")
    tops, _ = ndimage.label((heatmap == highest) & (heatmap > threshold), np.ones((3, 3), int))
    found = np.flatnonzero(tops)
    _, first = np.unique(tops.ravel()[found], return_index=True)
    places = found[first]
    heights = heatmap.ravel()[places].astype(np.float64)
    best = np.lexsort((places, -heights))[:max_objects]
    return np.stack(np.divmod(places[best], heatmap.shape[1]), axis=1), heights[best]


def group(
    centres: NDArray[np.integer], offsets: NDArray[np.floating], foreground: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """1 + the place of the centre nearest to where each foreground pixel points, the first of equals; 0 elsewhere, (H, W).

    centres: (N, 2) row and column; offsets: (2, H, W); foreground: (H, W).
    """
    groups = np.zeros(foreground.shape, np.int32)
    if len(centres):
        nearest(
            np.ascontiguousarray(centres, np.float32),
            np.ascontiguousarray(offsets, np.float32),
            np.ascontiguousarray(foreground, np.bool_),
            groups,
        )
    return groups
