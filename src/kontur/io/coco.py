"""COCO's JSON: all images of a run in one file, masks as compressed runs, a score on every annotation; and a reader.

    {"images": [{id, file_name, height, width}], "categories": [{id, name, ..}],
     "annotations": [{id, image_id, category_id, segmentation: {size, counts}, area, bbox: [x, y, w, h], iscrowd,
     score}]}

Format: Lin et al., "Microsoft COCO", ECCV 2014, arXiv:1405.0312, and cocodataset.org, "Data format".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core import rle
from ..core.errors import InputError
from ..core.instances import Instance, Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy
from .coco_entries import CocoAnnotation, CocoImage, Shapes, walk_coco
from .regions import Result, plain_name
from .taxonomy import sound
from .text import collector_paused, read_json, write_json

_UNKNOWN_SCORE = 1.0


# --- writing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class CocoEntry:
    """One image's part of the file, as runs: far smaller than the result, so that a long run can keep them all.

    crowds: places in `instances` that are crowds. image_id: the photo's number; counted from 1 where any has none.
    """

    file_name: str
    shape: tuple[int, int]
    taxonomy: Taxonomy | None
    plain: str
    instances: tuple[Instance, ...] = field(repr=False)
    crowds: frozenset[int] = frozenset()
    image_id: int | None = None

    @classmethod
    def of(cls, file_name: str, result: Result) -> CocoEntry:
        """Every segment but the background, or every instance. file_name: the image's base name."""
        if isinstance(result, Segmentation):
            runs = rle.encode_labels(result.ids)
            found = tuple(
                Instance(runs[s.id], s.category, s.score) for s in result.segments if s.id != result.background
            )
        else:
            found = tuple(i for i in result.instances if i.area)
        return cls(file_name, result.shape, result.taxonomy, plain_name(result), found)


def write_coco(path: str | Path, entries: Iterable[CocoEntry | tuple[str, Result]], *, truth: bool = False) -> None:
    """Write one file for all images, in their order; annotation ids, and image ids that are not given, count from 1.

    truth: leave the scores out, as COCO's own files of annotations do.

    Categories are those of the results' taxonomies, with their ids; regions without one get a category "region" (of a
    partition) or "object" (foreground, instances). Unknown scores are 1. Raises InputError where two taxonomies give
    one id two names, OutputError when the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    kept = [e if isinstance(e, CocoEntry) else CocoEntry.of(*e) for e in entries]
    categories = _categories(kept)
    plain = {c["name"]: c["id"] for c in categories if c.pop("plain", False)}
    given = [e.image_id for e in kept if e.image_id is not None]
    own = len(given) == len(kept) and len(set(given)) == len(kept)
    for number, entry in enumerate(kept, 1):
        image_id = entry.image_id if own else number
        height, width = entry.shape
        images.append({"id": image_id, "file_name": entry.file_name, "height": height, "width": width})
        for place, instance in enumerate(entry.instances):
            x0, y0, x1, y1 = instance.box
            score = _UNKNOWN_SCORE if instance.score is None else float(instance.score)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": plain[entry.plain] if instance.category is None else instance.category,
                    "segmentation": rle.to_coco(instance.mask),
                    "area": instance.area,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": int(place in entry.crowds),
                }
                | ({} if truth else {"score": score})
            )
    info = {"description": "written by kontur"}
    write_json(path, {"info": info, "images": images, "annotations": annotations, "categories": categories})


def _categories(entries: list[CocoEntry]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for entry in entries:
        for category in entry.taxonomy or ():
            row = {"id": category.id, "name": category.name, "supercategory": "", "isthing": int(category.thing)}
            if found.setdefault(category.id, row)["name"] != category.name:
                raise InputError(
                    f"category {category.id}: expected one name in the whole run, got {found[category.id]['name']!r} "
                    f"and {category.name!r}. Write them to different folders."
                )
        for instance in entry.instances:
            if instance.category is not None and instance.category not in found:
                name = f"category {instance.category}"
                found[instance.category] = {"id": instance.category, "name": name, "supercategory": "", "isthing": 1}
    unnamed = {e.plain for e in entries if any(i.category is None for i in e.instances) or e.taxonomy is None}
    for name in sorted(unnamed):
        number = max(found, default=0) + 1
        row = {"id": number, "name": name, "supercategory": "", "isthing": int(name == "object"), "plain": True}
        found[number] = row
    return [found[number] for number in sorted(found)]


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class CocoFile:
    """A whole file: images and annotations in its order, categories as a taxonomy."""

    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    taxonomy: Taxonomy

    @cached_property
    def _by_image(self) -> dict[int | str, tuple[CocoImage, list[CocoAnnotation]]]:
        found: dict[int | str, tuple[CocoImage, list[CocoAnnotation]]] = {i.id: (i, []) for i in self.images}
        for annotation in self.annotations:
            found[annotation.image_id][1].append(annotation)
        return found

    def image(self, image_id: int | str) -> CocoImage:
        """The image of an id. Raises InputError for one that the file does not have."""
        return self._of(image_id)[0]

    def of_image(self, image_id: int | str) -> tuple[CocoAnnotation, ...]:
        """The annotations of one image, in the file's order."""
        return tuple(self._of(image_id)[1])

    def _of(self, image_id: int | str) -> tuple[CocoImage, list[CocoAnnotation]]:
        if image_id not in self._by_image:
            raise InputError(f"image id {image_id}: expected one of the {len(self.images)} of this file")
        return self._by_image[image_id]

    def instances(self, image_id: int | str, *, crowds: bool = False) -> Instances:
        """The masks of one image; crowd regions only when asked for."""
        image, annotations = self._of(image_id)
        found = tuple(Instance(a.mask, a.category_id, a.score) for a in annotations if crowds or not a.crowd)
        return Instances(image.size, found, self.taxonomy)


def read_coco(path: str | Path) -> CocoFile:
    """Read and check a COCO instance file (masks as polygons or runs).

    Raises UnreadableFile when it is missing or no JSON, and InputError, with the words of `kontur data check`, for the
    first fault that `walk_coco` yields.
    """
    path = Path(path)
    with collector_paused():
        return coco_file(path, read_json(path), name=path.stem)


def coco_file(
    where: str | Path, content: Any, *, name: str = "", bare: bool = False, shapes: Shapes = "mask"
) -> CocoFile:
    """The file of parsed JSON. where: what an error names. bare, shapes: see `walk_coco`. Raises InputError."""
    with collector_paused():
        found = sound(where, walk_coco(content, bare=bare, shapes=shapes))
    images = tuple(e for e in found if isinstance(e, CocoImage))
    annotations = tuple(e for e in found if isinstance(e, CocoAnnotation))
    categories = tuple(e for e in found if isinstance(e, Category))
    return CocoFile(images, annotations, Taxonomy(categories, ignore=None, name=name))
