"""PASCAL VOC: palette PNGs. SegmentationClass holds the categories (0 background, 255 void), SegmentationObject objects.

    255 in the object file on a category of the class file: a crowd        0 there: all pixels of the category

Of regions that overlap the smaller wins; a file holds at most 254 objects, and ids of at most 254.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import rle
from ...core.errors import InputError
from ...core.taxonomy import Taxonomy
from ...io.labels import read_labels, write_palette_labels
from ..labelled import (
    Held,
    LabelledImage,
    LabelledRegion,
    LabelSet,
    from_one,
    held_masks,
    label_files,
    painted,
    void_mask,
    void_of,
)
from ..sidecar import SidecarWriter, read_sidecar
from ..voc import TAXONOMY
from . import Choices

IS_FOLDER = True
VOID = 255
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"


def read(source: Path, choices: Choices) -> LabelSet:
    """A root with SegmentationClass, that folder itself, or one file of it; object files are taken where they lie beside."""
    root = next(
        (r for r in (source, source / "VOC2012", source / "VOCdevkit" / "VOC2012") if (r / CLASSES).is_dir()), None
    )
    classes = root / CLASSES if root else source
    files = label_files(classes, ".png")
    beside = (classes if classes.is_dir() else classes.parent).parent
    objects = beside / OBJECTS
    sidecar = read_sidecar(beside)
    taxonomy = choices.taxonomy or sidecar.taxonomy or TAXONOMY
    things = {c.id: c.thing for c in taxonomy}
    files = sidecar.in_order(files)

    def images() -> Iterator[LabelledImage]:
        for path, stem in files:
            ids = read_labels(path)
            foreign = [int(v) for v in np.unique(ids) if v not in (0, VOID) and v not in things]
            if foreign:
                raise InputError(
                    f"{path}: expected category ids of {taxonomy.name or 'the taxonomy'}, got {foreign[:8]}"
                )
            numbers = None
            if (objects / f"{stem}.png").is_file():
                numbers = read_labels(objects / f"{stem}.png")
                if numbers.shape != ids.shape:
                    raise InputError(f"{objects / stem}.png: expected {ids.shape} (H, W), got {numbers.shape}")
            photo = sidecar.photos.get(stem)
            shape = (int(ids.shape[0]), int(ids.shape[1]))
            name = photo.file_name if photo else f"{stem}.jpg"
            yield LabelledImage(name, shape, _regions(ids, numbers), void_of(ids == VOID), photo.id if photo else None)

    named = Taxonomy(tuple(c for c in taxonomy if c.id != 0), ignore=None, name=taxonomy.name)
    return LabelSet(named, images(), len(files))


def _regions(ids: NDArray[np.integer], numbers: NDArray[np.integer] | None) -> tuple[LabelledRegion, ...]:
    """By object number, then what is of no object and crowds."""
    pairs = ids.astype(np.int32) if numbers is None else ids.astype(np.int32) + 256 * numbers.astype(np.int32)
    pairs = np.where((ids == 0) | (ids == VOID), 0, pairs)
    return tuple(
        LabelledRegion(mask, pair % 256, 0 < pair // 256 < 255, pair // 256 == 255)
        for pair, mask in sorted(rle.encode_labels(pairs).items())
    )


def prepare(labels: LabelSet, named: bool) -> LabelSet:
    return from_one(labels)


class Writer:
    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        high = [c.id for c in labels.taxonomy if c.id > 254]
        if high:
            raise InputError(f"categories: VOC's palette PNGs hold ids 1 to 254, got {high[:8]}. Renumber them.")
        self._target = target
        self._sidecar = SidecarWriter(target, labels.taxonomy)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        ids, places = painted(image)
        void = void_mask(image, ids)
        single = [
            n
            for n in range(len(image.regions))
            if n in places and image.regions[n].object and not image.regions[n].crowd
        ]
        if len(single) > 254:
            raise InputError(
                f"{image.file_name}: VOC's object files hold 254 objects, got {len(single)}. Use coco or labels."
            )
        category = np.zeros(len(image.regions) + 1, np.uint8)
        number = np.zeros(len(image.regions) + 1, np.uint8)
        for n, region in enumerate(image.regions):
            category[n + 1] = region.category
            number[n + 1] = 255 if region.crowd else 0
        number[np.array(single, int) + 1] = np.arange(1, len(single) + 1)
        classes, objects = category[ids], number[ids]
        classes[void], objects[void] = VOID, VOID
        path = self._target / CLASSES / f"{image.stem}.png"
        write_palette_labels(path, classes)
        has_objects = bool(single) or any(r.crowd for r in image.regions)
        back = read_labels(path).astype(np.int32)
        if has_objects:
            beside = self._target / OBJECTS / f"{image.stem}.png"
            write_palette_labels(beside, objects)
            back += 256 * read_labels(beside).astype(np.int32)
        masks = held_masks(
            ids, back == (category.astype(np.int32) + 256 * number.astype(np.int32))[ids], len(image.regions)
        )
        shared = [
            (r.category, r.crowd) for n, r in enumerate(image.regions) if masks[n] is not None and n not in single
        ]
        lost = 0 if image.void is None else rle.area(image.void) - int(np.count_nonzero(void))
        gone = sum(r.crowd for r, m in zip(image.regions, masks) if m is None and rle.area(r.mask))
        return Held(masks, gone, merged=len(shared) - len(set(shared)), void_lost=lost)

    def close(self) -> None:
        self._sidecar.close()
