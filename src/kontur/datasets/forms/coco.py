"""COCO instances: one JSON; regions may overlap, crowds are marked, polygons are read by COCO's rule, runs are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...core import rle
from ...core.instances import Instance
from ...io.coco import CocoEntry, CocoFile, read_coco, write_coco
from ..labelled import Held, LabelledImage, LabelledRegion, LabelSet, void_pixels
from . import Choices

IS_FOLDER = False


def read(source: Path, choices: Choices) -> LabelSet:
    file = read_coco(source)
    return LabelSet(file.taxonomy, _images(file), len(file.images))


def _images(file: CocoFile) -> Iterator[LabelledImage]:
    things = {c.id: c.thing for c in file.taxonomy}
    for image in file.images:
        regions = tuple(
            LabelledRegion(a.mask, a.category_id, things[a.category_id], a.crowd) for a in file.of_image(image.id)
        )
        yield LabelledImage(image.file_name, (image.height, image.width), regions, id=image.id)


class Writer:
    """Void cannot be said in this form; all else is kept."""

    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target, self._taxonomy = target, labels.taxonomy
        self._entries: list[CocoEntry] = []

    def add(self, image: LabelledImage) -> Held:
        kept = [r for r in image.regions if rle.area(r.mask)]
        instances = tuple(Instance(r.mask, r.category) for r in kept)
        crowds = frozenset(n for n, r in enumerate(kept) if r.crowd)
        number = image.id if isinstance(image.id, int) else None
        self._entries.append(
            CocoEntry(image.file_name, image.shape, self._taxonomy, "object", instances, crowds, number)
        )
        # What the file will say of each mask, through its own text and back.
        masks = [rle.from_coco(rle.to_coco(r.mask)) for r in image.regions]
        return Held(masks, void_lost=void_pixels(image))

    def close(self) -> None:
        write_coco(self._target, self._entries, truth=True)
