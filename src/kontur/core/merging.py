"""Results of two kinds made one: semantic and instances to panoptic, regions and labels to semantic.

    semantic + Instances          ─panoptic──────────────▶ every pixel's segment: things over stuff
    regions + semantic            ─label_by_majority─────▶ semantic that follows the regions' borders
    regions + class probabilities ─label_by_probability──▶ the same, by the mean over each region

Sources: Kirillov et al., "Panoptic Segmentation", CVPR 2019, arXiv:1801.00868, and "Panoptic Feature Pyramid Networks", CVPR 2019,
arXiv:1901.02446: how instances are put over stuff, with their thresholds on COCO.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import rle
from .errors import InputError, OptionError
from .instances import Instances
from .segmentation import Segmentation
from .taxonomy import Taxonomy


def panoptic(
    semantic: Segmentation,
    instances: Instances,
    *,
    taxonomy: Taxonomy | None = None,
    score: float = 0.5,
    overlap: float = 0.5,
    stuff_area: int = 4096,
) -> Segmentation:
    """Put things over stuff: ids 1, 2.. are the things by falling score, then the stuff in the order of the taxonomy; 0 is void.

    semantic:   categories of the pixels. Only its stuff is used: where it says "thing" and no instance lies, the pixel is void.
    taxonomy:   of the result; the semantic one's by default. Categories of both parts are ids of it.
    score:      [0, 1]; instances under it are left out. One without a score is certain.
    overlap:    [0, 1]; an instance of which a larger share lies under better ones is left out, others lose the covered pixels.
    stuff_area: stuff of fewer pixels, all its parts together, becomes void. 0 keeps all.

    At equal scores the first instance is on top. Raises InputError for sizes that differ, a part without categories, a category that
    the taxonomy lacks, and an instance of a stuff category; OptionError.
    """
    taxonomy = taxonomy or semantic.taxonomy
    if taxonomy is None:
        raise InputError("panoptic: expected a taxonomy that tells things from stuff, got none. Give taxonomy=")
    if semantic.shape != instances.shape:
        raise InputError(f"panoptic: sizes differ: semantic {semantic.shape} and instances {instances.shape} (H, W)")
    _check_share("score", score)
    _check_share("overlap", overlap)
    if stuff_area < 0:
        raise OptionError(f"option stuff_area: expected 0 or more pixels, got {stuff_area}")
    things = {category.id: category.thing for category in taxonomy}
    ids, categories, scores = _painted(instances, things, score, overlap)
    number = len(categories)
    present = {s.category for s in semantic.segments}
    _check_known("semantic", present, things)
    labels = semantic.category_map(none=-1)
    for category in taxonomy:
        if category.thing or category.id not in present:
            continue
        free = (labels == category.id) & (ids == 0)
        if int(np.count_nonzero(free)) < max(1, stuff_area):
            continue
        number += 1
        ids[free] = number
        categories[number] = category.id
    return Segmentation.from_ids(ids, categories=categories, scores=scores, taxonomy=taxonomy)


def _painted(
    instances: Instances, things: dict[int, bool], score: float, overlap: float
) -> tuple[NDArray[np.int32], dict[int, int], dict[int, float]]:
    """The map of ids (H, W), the best instance first, and each one's category and score."""
    certain = [1.0 if i.score is None else i.score for i in instances.instances]
    nan = [n for n, value in enumerate(certain) if math.isnan(value)]
    if nan:
        raise InputError(f"panoptic: instance {nan[0]}: expected a score, got NaN")
    _check_known("instances", {i.category for i in instances.instances}, things)
    height, width = instances.shape
    columns = np.zeros(height * width, np.int32)  # runs go down the columns, so the map is laid out like them
    categories: dict[int, int] = {}
    scores: dict[int, float] = {}
    for place in sorted(range(len(instances)), key=lambda n: (-certain[n], n)):
        instance = instances.instances[place]
        assert instance.category is not None
        if not things[instance.category]:
            raise InputError(
                f"panoptic: instance {place}: expected a thing, got the stuff category {instance.category}. "
                "Mark it as a thing in the taxonomy, or leave it out"
            )
        pixels = rle.pixels(instance.mask)
        if certain[place] < score or not len(pixels):
            continue
        free = pixels[columns[pixels] == 0]
        if not len(free) or len(pixels) - len(free) > overlap * len(pixels):
            continue
        number = len(categories) + 1
        columns[free] = number
        categories[number] = instance.category
        if instance.score is not None:
            scores[number] = instance.score
    return np.ascontiguousarray(columns.reshape(width, height).T), categories, scores


def label_by_majority(regions: Segmentation | Instances, semantic: Segmentation) -> Segmentation:
    """Semantic: every region gets the category that most of its pixels have, at a tie the first of the taxonomy.

    Pixels without a category do not vote; a region of only such pixels is void. Pixels of no region (void, background, or beside
    all instances) keep their own category. Raises InputError for sizes that differ and a semantic result without a taxonomy.
    """
    taxonomy = semantic.taxonomy
    if taxonomy is None:
        raise InputError("label_by_majority: expected a semantic result with a taxonomy, got one without")
    _check_known("semantic", {s.category for s in semantic.segments} - {None}, {c.id: True for c in taxonomy})
    ids, count = _regions(regions, semantic.shape)
    positions = np.full(int(semantic.ids.max(initial=0)) + 1, len(taxonomy))
    order = {category.id: place for place, category in enumerate(taxonomy)}
    for segment in semantic.segments:
        if segment.category is not None:
            positions[segment.id] = order[segment.category]
    own = positions[semantic.ids]  # (H, W), K where there is no category
    votes = np.bincount(ids.ravel() * (len(taxonomy) + 1) + own.ravel(), minlength=(count + 1) * (len(taxonomy) + 1))
    votes = votes.reshape(count + 1, len(taxonomy) + 1)[:, :-1]
    winner = np.where(votes.any(axis=1), votes.argmax(axis=1), len(taxonomy))
    return _semantic(np.where(ids == 0, own, winner[ids]), taxonomy)


def label_by_probability(
    regions: Segmentation | Instances, probabilities: NDArray[np.floating], taxonomy: Taxonomy
) -> Segmentation:
    """Semantic: every region gets the category of the highest mean probability over its pixels, at a tie the first.

    probabilities: (K, H, W) in the order of the taxonomy. Pixels of no region get their own most probable category. Raises
    InputError for shapes that do not fit and for NaN.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 3 or len(probabilities) != len(taxonomy):
        raise InputError(f"probabilities: expected ({len(taxonomy)}, H, W), got {probabilities.shape}")
    if not np.isfinite(probabilities).all():
        raise InputError("probabilities: expected finite numbers, got NaN or infinity")
    ids, count = _regions(regions, probabilities.shape[1:])
    flat = ids.ravel()
    sums = np.stack([np.bincount(flat, weights=plane.ravel(), minlength=count + 1) for plane in probabilities])
    return _semantic(np.where(ids == 0, probabilities.argmax(axis=0), sums.argmax(axis=0)[ids]), taxonomy)


def _regions(regions: Segmentation | Instances, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], int]:
    """Regions numbered 1..n, 0 elsewhere, and n."""
    flat = regions.flatten() if isinstance(regions, Instances) else regions
    if flat.shape != tuple(shape):
        raise InputError(f"sizes differ: regions {flat.shape} and labels {tuple(shape)} (H, W)")
    kept = np.array([s.id for s in flat.segments if s.id != flat.background], np.int64)
    ids = flat.ids.astype(np.int64)
    if not len(kept):
        return np.zeros_like(ids), 0
    place = np.minimum(np.searchsorted(kept, ids), len(kept) - 1)
    return np.where(kept[place] == ids, place + 1, 0), len(kept)


def _semantic(positions: NDArray[np.integer], taxonomy: Taxonomy) -> Segmentation:
    """From places in the taxonomy, (H, W); the number of categories stands for none."""
    categories = {place + 1: category.id for place, category in enumerate(taxonomy)}
    ids = np.where(positions == len(taxonomy), 0, positions + 1)
    return Segmentation.from_ids(ids, categories=categories, taxonomy=taxonomy)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise OptionError(f"option {name}: expected 0..1, got {value}")


def _check_known(what: str, categories: set[int | None], known: dict[int, bool]) -> None:
    foreign = sorted(str(c) for c in categories if c not in known)
    if foreign:
        raise InputError(
            f"{what}: expected categories of the taxonomy, got {', '.join(foreign)}. Give the taxonomy they are of"
        )
