"""Cityscapes: grey PNGs of label ids (0 unlabeled, 7 road ..), and 16-bit instance ids: label id x 1000 + object.

In the instance file a label id alone, on a category with objects, is a group (a crowd). Categories are joined by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...core import rle
from ...core.errors import InputError
from ...core.taxonomy import Category, Taxonomy
from ...io.labels import read_labels, write_categories, write_labels
from ..cityscapes import LABELS
from ..labelled import (
    Held,
    LabelledImage,
    LabelledRegion,
    LabelSet,
    held_masks,
    joined_by_name,
    label_files,
    painted,
    without_unknown,
)
from ..sidecar import SidecarWriter, read_sidecar
from . import Choices

IS_FOLDER = True
TAXONOMY = Taxonomy(tuple(Category(r.id, r.name, r.colour, r.thing) for r in LABELS if r.id), None, "Cityscapes labels")
_ENDING, _OBJECTS = "_labelIds.png", "_instanceIds.png"


def read(source: Path, choices: Choices) -> LabelSet:
    files = label_files(source, _ENDING)
    photos = read_sidecar(source if source.is_dir() else source.parent).photos
    things = {c.id: c.thing for c in TAXONOMY}

    def images() -> Iterator[LabelledImage]:
        for path, stem in files:
            ids = read_labels(path).astype(np.int32)
            foreign = [int(v) for v in np.unique(ids) if v and v not in TAXONOMY]
            if foreign:
                train = " It may hold train ids: --from cityscapes-trainids." if foreign == [255] else ""
                raise InputError(f"{path}: expected label ids 0 to 33, got {foreign[:8]}.{train}")
            beside = path.with_name(path.name.removesuffix(_ENDING) + _OBJECTS)
            numbers = read_labels(beside).astype(np.int32) if beside.is_file() else ids
            if numbers.shape != ids.shape:
                raise InputError(f"{beside}: expected {ids.shape} (H, W), got {numbers.shape}")
            labels = np.where(numbers >= 1000, numbers // 1000, numbers)
            if (labels != ids).any():
                raise InputError(f"{beside}: expected the labels of {path.name}, got others. Are they of one image?")
            regions = tuple(
                LabelledRegion(
                    mask,
                    value // 1000 if value >= 1000 else value,
                    value >= 1000,
                    value < 1000 and things[value] and beside.is_file(),
                )
                for value, mask in rle.encode_labels(numbers).items()
            )
            yield named(stem, ids.shape, regions, None, photos)

    return LabelSet(TAXONOMY, images(), len(files))


def named(
    stem: str, shape: tuple[int, ...], regions: tuple[LabelledRegion, ...], void: rle.RLE | None, photos: dict
) -> LabelledImage:
    """The photo of <name>_gtFine_labelIds.png is <name>_leftImg8bit.png."""
    base = stem.removesuffix("_gtFine").removesuffix("_gtCoarse")
    photo = photos.get(base)
    name = photo.file_name if photo else f"{base}_leftImg8bit.png" if base != stem else f"{stem}.png"
    return LabelledImage(name, (int(shape[0]), int(shape[1])), regions, void, photo.id if photo else None)


def prepare(labels: LabelSet, drop_unknown: bool) -> LabelSet:
    if drop_unknown:
        labels = without_unknown(labels, TAXONOMY)
    return joined_by_name(labels, TAXONOMY, "Cityscapes")


def label_name(image: LabelledImage) -> str:
    return image.stem.removesuffix("_leftImg8bit") + "_gtFine"


class Writer:
    """Void becomes 0, unlabeled, as everything else that has no region."""

    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target = target
        self._sidecar = SidecarWriter(target, labels.taxonomy)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        ids, places = painted(image)
        category = np.zeros(len(image.regions) + 1, np.int32)
        number = np.zeros(len(image.regions) + 1, np.int32)
        counted: dict[int, int] = {}
        for n, region in enumerate(image.regions):
            category[n + 1] = number[n + 1] = region.category
            if region.object and not region.crowd and TAXONOMY[region.category].thing and n in places:
                count = counted.get(region.category, 0)
                if count > 999:
                    raise InputError(f"{image.file_name}: Cityscapes holds 1000 objects of a category, got more")
                number[n + 1] = region.category * 1000 + count
                counted[region.category] = count + 1
        path = self._target / f"{label_name(image)}{_ENDING}"
        write_categories(path, category[ids])
        beside = path.with_name(path.name.removesuffix(_ENDING) + _OBJECTS)
        write_labels(beside, number[ids])
        labels, numbers = read_labels(path), read_labels(beside)
        masks = held_masks(ids, (labels == category[ids]) & (numbers == number[ids]), len(image.regions))
        shared = [number[n + 1] for n, m in enumerate(masks) if m is not None]
        crowds = sum(r.crowd and (m is None or not TAXONOMY[r.category].thing) for r, m in zip(image.regions, masks))
        void = 0 if image.void is None else rle.area(image.void)
        return Held(masks, crowds, merged=len(shared) - len(set(shared)), void_lost=void)

    def close(self) -> None:
        self._sidecar.close()
