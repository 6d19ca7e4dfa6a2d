"""COCO's JSON: all images of a run in one file, masks as compressed runs, a score on every annotation; and a reader.

    {"images": [{id, file_name, height, width}], "categories": [{id, name, ..}],
     "annotations": [{id, image_id, category_id, segmentation: {size, counts}, area, bbox: [x, y, w, h], iscrowd,
     score}]}

Format: Lin et al., "Microsoft COCO", ECCV 2014, arXiv:1405.0312, and cocodataset.org, "Data format".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core import rle
from ..core.errors import InputError, KonturError
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy, voc_colour
from .documents import read_json, write_json
from .regions import Result, plain_name

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


@dataclass(frozen=True)
class CocoImage:
    """One image of a file: its id, the name of its file, (H, W)."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class CocoAnnotation:
    """One annotation, checked. area: as the file says, or the mask's. score: None where the file has none."""

    id: int
    image_id: int
    category_id: int
    crowd: bool
    score: float | None
    given_area: float | None
    size: tuple[int, int]
    segmentation: Any = field(repr=False)

    @cached_property
    def mask(self) -> RLE:
        """The mask as runs; polygons are rasterised when first asked for."""
        if isinstance(self.segmentation, Mapping):
            return rle.from_coco(self.segmentation)
        return rle.from_polygons(self.segmentation, *self.size)

    @property
    def area(self) -> float:
        """Pixels: the file's own figure, which COCO's size classes go by, or the mask's."""
        return self.given_area if self.given_area is not None else float(rle.area(self.mask))


@dataclass(frozen=True, eq=False)
class CocoFile:
    """A whole file: images and annotations in its order, categories as a taxonomy."""

    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    taxonomy: Taxonomy

    @cached_property
    def _by_image(self) -> dict[int, list[CocoAnnotation]]:
        found: dict[int, list[CocoAnnotation]] = {image.id: [] for image in self.images}
        for annotation in self.annotations:
            found[annotation.image_id].append(annotation)
        return found

    def of_image(self, image_id: int) -> tuple[CocoAnnotation, ...]:
        """The annotations of one image, in the file's order."""
        if image_id not in self._by_image:
            raise InputError(f"image id {image_id}: expected one of the {len(self.images)} of this file")
        return tuple(self._by_image[image_id])

    def instances(self, image_id: int, *, crowds: bool = False) -> Instances:
        """The masks of one image; crowd regions only when asked for."""
        annotations = self.of_image(image_id)
        image = next(i for i in self.images if i.id == image_id)
        found = tuple(Instance(a.mask, a.category_id, a.score) for a in annotations if crowds or not a.crowd)
        return Instances((image.height, image.width), found, self.taxonomy)


def read_coco(path: str | Path) -> CocoFile:
    """Read and check a COCO instance file (masks as polygons or runs).

    Raises UnreadableFile when it is missing or no JSON, InputError that names the annotation for unknown image and
    category ids, ids that occur twice, runs or polygons that are malformed or of another size than their image.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        got = sorted(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: expected COCO's JSON with lists of images, annotations and categories, got {got}")
    images = tuple(_read_image(path, n, row) for n, row in enumerate(content["images"]))
    sizes = {image.id: (image.height, image.width) for image in images}
    if len(sizes) != len(images):
        raise InputError(f"{path}: expected each image id once, got {len(images) - len(sizes)} twice")
    taxonomy = _read_categories(path, content.get("categories", []))
    known = {c.id for c in taxonomy}
    annotations = tuple(_read_annotation(path, n, row, sizes, known) for n, row in enumerate(content["annotations"]))
    if len({a.id for a in annotations}) != len(annotations):
        raise InputError(f"{path}: expected each annotation id once, got some twice")
    return CocoFile(images, annotations, taxonomy)


def _read_image(path: Path, number: int, row: Any) -> CocoImage:
    try:
        image = CocoImage(_whole(row["id"]), str(row["file_name"]), _whole(row["height"]), _whole(row["width"]))
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: image {number}: expected id, file_name, height and width, got {_short(row)}"
        ) from None
    if image.height < 1 or image.width < 1:
        raise InputError(
            f"{path}: image {image.id}: expected a size of at least 1 x 1, got {image.height} x {image.width}"
        )
    return image


def _read_categories(path: Path, rows: Any) -> Taxonomy:
    try:
        categories = tuple(
            Category(_whole(r["id"]), str(r["name"]), voc_colour(_whole(r["id"]) & 255), bool(r.get("isthing", 1)))
            for r in rows
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: expected categories with id and name, got {_short(rows)}") from None
    try:
        return Taxonomy(categories, ignore=None, name=path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read_annotation(
    path: Path, number: int, row: Any, sizes: dict[int, tuple[int, int]], known: set[int]
) -> CocoAnnotation:
    try:
        where = f"{path}: annotation {row.get('id', number)}"
        values = (_whole(row.get("id", number + 1)), _whole(row["image_id"]), _whole(row["category_id"]))
        score = None if row.get("score") is None else float(row["score"])
        area = None if row.get("area") is None else float(row["area"])
        crowd = bool(row.get("iscrowd", 0))
        segmentation = row["segmentation"]
    except (KeyError, TypeError, ValueError, AttributeError):
        wanted = "image_id, category_id and segmentation"
        raise InputError(f"{path}: annotation {number}: expected {wanted}, got {_short(row)}") from None
    _, image_id, category_id = values
    if image_id not in sizes:
        raise InputError(f"{where}: expected an image_id of this file's images, got {image_id}")
    if category_id not in known:
        raise InputError(f"{where}: expected a category_id of this file's categories, got {category_id}")
    size = sizes[image_id]
    try:
        if isinstance(segmentation, Mapping):
            if rle.from_coco(segmentation).size != size:
                raise InputError(f"mask: expected the image's size {list(size)}, got {segmentation['size']} (H, W)")
        elif isinstance(segmentation, list) and segmentation:
            rle.check_polygons(segmentation, *size)
        else:
            raise InputError(f"segmentation: expected polygons or {{size, counts}}, got {_short(segmentation)}")
    except KonturError as error:
        raise InputError(f"{where}: {error}") from None
    return CocoAnnotation(*values, crowd, score, area, size, segmentation)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError
    return int(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
