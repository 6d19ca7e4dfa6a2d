"""COCO panoptic: each pixel belongs to one segment or to none (0, void); crowds are marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...core import rle
from ...core.segmentation import Segmentation
from ...io.panoptic import PanopticEntry, PanopticFile, PanopticWriter, read_panoptic, read_panoptic_png
from ..labelled import Held, LabelledImage, LabelledRegion, LabelSet, painted, void_of
from . import Choices

IS_FOLDER = False


def read(source: Path, choices: Choices) -> LabelSet:
    file = read_panoptic(source)
    return LabelSet(file.taxonomy, _images(file), len(file))


def _images(file: PanopticFile) -> Iterator[LabelledImage]:
    things = {c.id: c.thing for c in file.taxonomy}
    for entry in file.entries():
        result = entry.segmentation
        runs = rle.encode_labels(result.ids)
        regions = tuple(
            LabelledRegion(runs[s.id], s.category, things[s.category], s.id in entry.crowds)
            for s in result.segments
            if s.category is not None
        )
        yield LabelledImage(entry.image_file, result.shape, regions, void_of(result.ids == 0), entry.image_id)


class Writer:
    """Of regions that overlap the smaller wins; pixels of no region become void."""

    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._writer, self._taxonomy = PanopticWriter(target, labels.taxonomy), labels.taxonomy
        self._count = 0

    def add(self, image: LabelledImage) -> Held:
        ids, _ = painted(image)
        categories = {n: r.category for n, r in enumerate(image.regions, 1)}
        result = Segmentation.from_ids(ids, categories=categories, taxonomy=self._taxonomy)
        crowds = frozenset(n for n, r in enumerate(image.regions, 1) if r.crowd)
        self._count += 1
        number = image.id if image.id is not None else self._count
        path = self._writer.add(PanopticEntry(number, image.file_name, result, crowds))
        back = rle.encode_labels(read_panoptic_png(path))
        unclaimed = ids == 0
        void = np.zeros(ids.shape, bool) if image.void is None else rle.decode(image.void)
        lost = int(np.count_nonzero(void & ~unclaimed))
        made = int(np.count_nonzero(unclaimed & ~void))
        return Held([back.get(n) for n in range(1, len(image.regions) + 1)], void_lost=lost, background_made_void=made)

    def close(self) -> None:
        self._writer.close()
