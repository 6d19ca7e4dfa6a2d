"""The entries of a COCO panoptic JSON, each checked, or the fault in its place: the one reading of this form.

    categories, images, annotations ─walk_panoptic▶ Category, CocoImage, PanopticRow or LabelFault, in the file's order

`read_panoptic` raises the first fault, `kontur data check` lists them all, the ruler takes the entries.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from ..core.errors import short
from ..core.taxonomy import Category
from .coco_entries import CocoImage, walk_images
from .taxonomy import LabelFault, flag, identity, inside, walk_categories, whole

MOST_ID = (1 << 24) - 1


class PanopticSegment(NamedTuple):
    """One segment, as the JSON tells of it. area: pixels; None: it does not say."""

    id: int
    category_id: int
    area: int | None
    crowd: bool


class PanopticRow(NamedTuple):
    """One image's annotation. file_name: of its PNG, below the folder of PNGs."""

    image_id: int | str
    file_name: str
    segments: tuple[PanopticSegment, ...]


def walk_panoptic(
    content: Any, *, scored: bool = False, predicted: bool = False, named: bool | None = None
) -> Iterator[Category | CocoImage | PanopticRow | LabelFault]:
    """What a panoptic JSON holds, entry by entry, each sound or a fault; its PNGs are not read.

    scored: a truth that predictions are scored against: `isthing` and `area` are needed. predicted: a file of predictions,
    which needs no categories and images; its segments may be of any category. named: whether categories need names, by default
    where the file is opened and not scored.
    """
    rows = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        got = short(rows if isinstance(content, dict) else content)
        text = f"expected COCO's panoptic JSON with a list of annotations ('annotations', a list of objects), got {got}"
        yield LabelFault("unreadable_annotations", "", text)
        return
    known: set[int] = set()
    kinds = content.get("categories")
    if isinstance(kinds, list):
        yield from walk_categories(
            kinds, known, thing=True, named=not (scored or predicted) if named is None else named, kinds=scored
        )
    elif not (predicted and kinds is None):
        yield LabelFault("bad_category", "", f"expected 'categories', a list of objects, got {short(kinds)}")
    images = content.get("images")
    sizes: dict[int | str, tuple[int, int]] = {}
    if isinstance(images, list):
        yield from walk_images(images, sizes, bare=True)
    elif images is not None:
        yield LabelFault("bad_image_entry", "", f"expected 'images', a list of objects, got {short(images)}")
    listed = sizes if isinstance(images, list) and not predicted else None
    checked = known if isinstance(kinds, list) and not predicted else None
    yield from _walk_rows(rows, listed, checked, scored)


def _walk_rows(
    rows: list[Any], images: Container[int | str] | None, categories: Container[int] | None, scored: bool
) -> Iterator[PanopticRow | LabelFault]:
    seen: set[int | str] = set()
    for place, row in enumerate(rows):
        where = f"annotations[{place}]"
        image = identity(row.get("image_id")) if isinstance(row, dict) else None
        if image is None:
            got = short(row.get("image_id") if isinstance(row, dict) else row)
            yield LabelFault("bad_annotation", where, f"expected a whole number as 'image_id', got {got}")
            continue
        name, told = row.get("file_name"), row.get("segments_info")
        if images is not None and image not in images:
            text = f"expected an image_id of this file's images, got one that is not in its list: {short(image)}"
            yield LabelFault("unknown_image_id", where, text, image)
        elif image in seen:
            text = f"expected one annotation an image, got image {short(image)} twice"
            yield LabelFault("duplicate_annotation", where, text, image)
        elif not isinstance(name, str) or not name or not inside(name):
            text = f"expected the name of a PNG inside the folder as file_name, got {short(name)}"
            yield LabelFault("bad_annotation", where, text)
        elif not isinstance(told, list):
            yield LabelFault("bad_annotation", where, f"expected 'segments_info', a list of objects, got {short(told)}")
        else:
            faults, segments = _segments(told, where, categories, scored)
            yield from faults
            if not faults:
                seen.add(image)
                yield PanopticRow(image, name, segments)


def _segments(
    rows: list[Any], where: str, categories: Container[int] | None, scored: bool
) -> tuple[list[LabelFault], tuple[PanopticSegment, ...]]:
    found: dict[int, PanopticSegment] = {}
    faults: list[LabelFault] = []
    for place, row in enumerate(rows):
        row = row if isinstance(row, dict) else {}
        number, category = whole(row.get("id")), whole(row.get("category_id"))
        area, crowd = whole(row.get("area")), flag(row.get("iscrowd"))
        kind, text = "bad_annotation", ""
        if number is None or category is None:
            key = "category_id" if number is not None else "id"
            text = f"expected segments with id and category_id: a whole number as {key!r}, got {short(row.get(key))}"
        elif not 0 < number <= MOST_ID or number in found:
            text = f"expected a new segment id 1..{MOST_ID} (R + 256 G + 65536 B), got {number}"
        elif categories is not None and category not in categories:
            kind, text = "unknown_category_id", f"expected a category_id of the file's list, got {category}"
        elif (scored or row.get("area") is not None) and (area is None or area < 0):
            text = f"expected a whole number as 'area', got {short(row.get('area'))}"
        elif crowd is None:
            text = f"expected 0 or 1 as 'iscrowd', got {short(row.get('iscrowd'))}"
        else:
            found[number] = PanopticSegment(number, category, area, crowd)
        if text:
            faults.append(LabelFault(kind, f"{where}: segments_info[{place}]", text))
    return faults, tuple(found.values())
