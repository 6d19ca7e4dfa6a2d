"""Cityscapes: grey PNGs of train ids (0 road .. 18 bicycle, 255 void). Objects of a category are one, labels without a
train id and pixels of no region are void. Categories are joined by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...core import rle
from ...core.errors import InputError
from ...core.taxonomy import Taxonomy
from ...io.labels import read_labels, write_categories
from .. import cityscapes as cityscapes_set
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
from .cityscapes import label_name, named

IS_FOLDER = True
VOID = 255
TAXONOMY = Taxonomy(cityscapes_set.TAXONOMY.categories, None, "Cityscapes")
_ENDING = "_labelTrainIds.png"


def read(source: Path, choices: Choices) -> LabelSet:
    files = label_files(source, _ENDING)
    photos = read_sidecar(source if source.is_dir() else source.parent).photos

    def images() -> Iterator[LabelledImage]:
        for path, stem in files:
            ids = read_labels(path).astype(np.int32)
            foreign = [int(v) for v in np.unique(ids) if v != VOID and v not in TAXONOMY]
            if foreign:
                raise InputError(f"{path}: expected train ids 0 to 18 and 255, got {foreign[:8]}. Are they label ids?")
            runs = rle.encode_labels(ids + 1)  # 0 is road
            void = runs.pop(VOID + 1, None)
            regions = tuple(LabelledRegion(mask, value - 1, object=False) for value, mask in runs.items())
            yield named(stem, ids.shape, regions, void, photos)

    return LabelSet(TAXONOMY, images(), len(files))


def prepare(labels: LabelSet, drop_unknown: bool) -> LabelSet:
    """Labels of Cityscapes that have no train id become void; other unknown names are an error, or left out."""
    ignored = {row.name for row in cityscapes_set.LABELS if row.train_id == VOID}
    if drop_unknown or all(c.name in ignored or any(c.name == t.name for t in TAXONOMY) for c in labels.taxonomy):
        labels = without_unknown(labels, TAXONOMY)
    return joined_by_name(labels, TAXONOMY, "Cityscapes")


class Writer:
    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target = target
        self._sidecar = SidecarWriter(target, labels.taxonomy)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        ids, _ = painted(image)
        category = np.full(len(image.regions) + 1, VOID, np.int32)
        category[1:] = [r.category for r in image.regions]
        path = self._target / f"{label_name(image)}{_ENDING}"
        write_categories(path, category[ids])
        back = read_labels(path)
        masks = held_masks(ids, back == category[ids], len(image.regions))
        shared = [category[n + 1] for n, m in enumerate(masks) if m is not None]
        unclaimed = ids == 0
        void = np.zeros(ids.shape, bool) if image.void is None else rle.decode(image.void)
        return Held(
            masks,
            sum(r.crowd for r in image.regions),
            merged=len(shared) - len(set(shared)),
            void_lost=int(np.count_nonzero(void & ~unclaimed)),
            background_made_void=int(np.count_nonzero(unclaimed & ~void)),
        )

    def close(self) -> None:
        self._sidecar.close()
