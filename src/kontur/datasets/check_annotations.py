"""The faults of annotation files, entry by entry: COCO's JSON, YOLO's text, labelme's JSON, COCO panoptic.

Nothing here stops at the first fault, as the readers do; and nothing is rasterised, so that COCO takes seconds.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import KonturError
from ..core.taxonomy import Taxonomy
from ..io.documents import read_json
from .coco import inside
from .report import Finding

_SLACK = 1.5  # pixels that a polygon or box may lie outside its image, or apart from one another
_AREA_SHARE, _AREA_PIXELS = 0.25, 20  # by which an area may differ from its mask's


@dataclass(eq=False)
class Tally:
    """What an annotation file tells besides its faults. sizes: image file -> (H, W) as the file says; None: it does not."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    images: dict[Path, tuple[int, int] | None] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)
    images_with: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[int, str] = field(default_factory=dict)


# --- COCO -----------------------------------------------------------------------------------------------------------


def check_coco(json: Path, folder: Path, name: str, wanted: Taxonomy | Mapping[int, str] | None) -> Tally:
    """One instance file. folder: of its images. name: what findings call the file. wanted: the names it should have."""
    tally = Tally()

    def found(kind: str, value: Any, advice: str, count: int = 1) -> None:
        value = value if isinstance(value, str | int | float) or value is None else str(value)
        tally.findings.append(Finding(name, kind, value, count, advice))

    try:
        content = read_json(json)
    except KonturError as error:
        found("unreadable_annotations", None, str(error).removeprefix(f"{json}: "))
        return tally
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        found(
            "unreadable_annotations",
            type(content).__name__,
            "Expected COCO's lists images, annotations and categories.",
        )
        return tally
    tally.names = _coco_categories(content.get("categories"), wanted, found)
    sizes: dict[Any, tuple[float, float]] = {}
    files: dict[Any, str] = {}
    listed: set[str] = set()
    for number, row in enumerate(content["images"]):
        usable = (
            isinstance(row, dict) and isinstance(row.get("id"), int | str) and isinstance(row.get("file_name"), str)
        )
        if not usable:
            found("bad_image_entry", f"images[{number}]", "Expected id, file_name, height and width.")
            continue
        if row["id"] in sizes:
            found(
                "duplicate_image_id",
                row["id"],
                f"Images {files[row['id']]} and {row['file_name']}: give each its own id.",
            )
        if row["file_name"] in listed:
            found("listed_twice", row["file_name"], "Remove one of the two image entries.")
        told = _size(row.get("height"), row.get("width"))
        if told is None:
            value = f"image {row['id']}: {row.get('height')} x {row.get('width')}"
            found("bad_image_entry", value, "Expected height and width in pixels.")
        sizes[row["id"]] = told or (math.inf, math.inf)
        files[row["id"]] = row["file_name"]
        listed.add(row["file_name"])
        if inside(row["file_name"]):
            tally.images[folder / row["file_name"]] = told
        else:
            found("bad_image_entry", row["file_name"], "Expected a name inside the folder of the images.")
    rows = [row for row in content["annotations"] if isinstance(row, dict)]
    if len(rows) != len(content["annotations"]):
        found("bad_annotation", None, "Expected objects.", len(content["annotations"]) - len(rows))
    ids = Counter(row["id"] for row in rows if isinstance(row.get("id"), int | str))
    for number, count in ids.items():
        if count > 1:
            found("duplicate_annotation_id", number, "Give each annotation an id of its own.", count)
    if 0 < sum("id" not in row for row in rows) < len(rows):
        found("bad_annotation", "no id", "Give each annotation an id.", sum("id" not in row for row in rows))
    with_flag = sum("iscrowd" in row for row in rows)
    plain = [row for row in rows if not row.get("iscrowd")]
    polygons = sum(isinstance(row.get("segmentation"), list) for row in plain)
    seen: dict[tuple, Any] = {}
    for number, row in enumerate(rows):
        label = row.get("id", f"annotations[{number}]")
        if _is_lost_crowd(row, with_flag, len(rows), polygons >= 0.75 * len(plain)):
            value = f"annotation {label}"
            found(
                "crowd_flag_lost",
                value,
                "Runs among polygons mark a crowd: set iscrowd to 1, or it is taken for one object.",
            )
        image, category = _plain(row.get("image_id")), _plain(row.get("category_id"))
        if image not in sizes:
            found("unknown_image_id", f"annotation {label}: {image}", "Expected the id of an image in this file.")
        if tally.names and category not in tally.names:
            found("unknown_category_id", f"annotation {label}: {category}", f"Expected one of {_ids(tally.names)}.")
        elif image in sizes:
            label_name = tally.names.get(category, str(category)) if isinstance(category, int) else str(category)
            tally.objects[label_name] += 1
            tally.images_with[label_name].add(files[image])
        size = sizes.get(image, (math.inf, math.inf))
        value = f"annotation {label}" + (f", {files[image]}" if image in files else "")
        for kind, detail, advice in _coco_shape(row, size):
            found(kind, f"{value}: {detail}" if detail else value, advice)
        key = (image, category, str(row.get("segmentation")))
        if key in seen and row.get("segmentation"):
            found("duplicate_annotation", f"{value}, as {seen[key]}", "The same object twice: remove one.")
        seen.setdefault(key, label)
    return tally


def _coco_categories(rows: Any, wanted: Taxonomy | Mapping[int, str] | None, found: Any) -> dict[int, str]:
    names: dict[int, str] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or not isinstance(row.get("id"), int) or not isinstance(row.get("name"), str):
            found("bad_category", str(row)[:60], "Expected id and name.")
            continue
        if row["id"] in names:
            found("duplicate_category", row["id"], f"Categories {names[row['id']]!r} and {row['name']!r} share an id.")
        elif row["name"] in names.values():
            found("duplicate_category", row["name"], "Two categories share a name.")
        names[row["id"]] = row["name"]
    if not names:
        found("bad_category", None, "Expected a list of categories.")
    if isinstance(wanted, Taxonomy):
        for finding in name_findings(names, {c.id: c.name for c in wanted}, by_name=True):
            found(*finding)
    elif wanted:
        for finding in _published_names(names, wanted):
            found(*finding)
    return names


def published(names: Mapping[int, str], list_: Mapping[int, str]) -> bool:
    """Whether a file's categories are mostly those of the published list, ids and names."""
    return 2 * sum(list_.get(number) == name for number, name in names.items()) > len(names)


def _published_names(names: Mapping[int, str], list_: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    """Files of the published list are held to it; in files with categories of their own only slips of the pen are told."""
    if published(names, list_):
        yield from name_findings(names, list_, by_name=False)
        return
    for number, name in names.items():
        near = difflib.get_close_matches(name, [list_.get(number, "")], n=1, cutoff=0.8)
        if near and near[0] != name and name not in list_.values():
            yield "misspelt_class", name, f"Did it mean {near[0]!r}?"


def name_findings(
    names: Mapping[int, str], expected: Mapping[int, str], *, by_name: bool
) -> Iterator[tuple[str, str, str]]:
    """(kind, value, advice) of names that are not the expected ones. by_name: the ids may differ, the names not."""
    if not expected:
        return
    absent = [n for n in expected.values() if n not in names.values()]
    for number, name in names.items():
        if name in expected.values() and (by_name or expected.get(number) == name):
            continue
        near = difflib.get_close_matches(name, absent or list(expected.values()), n=1)
        if name in expected.values():
            yield (
                "shifted_class",
                f"{number}: {name}",
                f"Id {number} is {expected.get(number)!r}: put the names in order.",
            )
        elif near:
            yield "misspelt_class", name, f"Did it mean {near[0]!r}?"
        else:
            yield "unknown_class", name, "It is no class of the taxonomy: correct the name or add the class."


def _is_lost_crowd(row: Mapping[str, Any], with_flag: int, total: int, polygons: bool) -> bool:
    """polygons: whether objects are polygons in this file, so that runs are crowds."""
    if polygons and isinstance(row.get("segmentation"), dict) and not row.get("iscrowd"):
        return True
    return "iscrowd" not in row and 0 < with_flag < total


def _coco_shape(row: Mapping[str, Any], size: tuple[float, float]) -> Iterator[tuple[str, str, str]]:
    """(kind, value, advice) of one annotation's segmentation, box and area."""
    segmentation, box, area = row.get("segmentation"), row.get("bbox"), row.get("area")
    extent: tuple[float, float, float, float] | None = None
    measured: float | None = None
    if isinstance(segmentation, dict):
        try:
            runs = rle.from_coco(segmentation)
        except KonturError as error:
            yield "broken_runs", "", f"Encode the mask again: {error}"
        else:
            if runs.size != size and math.isfinite(size[0]):
                yield (
                    "wrong_size",
                    f"mask {runs.size}, image {tuple(map(int, size))} (H, W)",
                    "The mask is of another image.",
                )
            measured = float(rle.area(runs))
            x0, y0, x1, y1 = rle.box(runs)
            extent = (x0, y0, x1, y1)
            if not measured:
                yield "empty_mask", "", "The mask has no pixel: draw it or remove the annotation."
    elif isinstance(segmentation, list):
        points, faults = _polygons(segmentation)
        yield from faults
        if points:
            every = np.concatenate(points)
            extent = (*every.min(axis=0).tolist(), *every.max(axis=0).tolist())
            yield from _outside(extent, size, "polygon_outside")
            if not faults:
                measured = sum(abs(_area(p)) for p in points)
    else:
        yield "bad_annotation", "no segmentation", "Expected polygons or runs."
    if box is not None:
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
            yield "bad_box", str(box)[:40], "Expected [x, y, width, height]."
        elif not all(map(math.isfinite, box)) or box[2] <= 0 or box[3] <= 0:
            yield "bad_box", str(box)[:40], "Expected a positive width and height: [x, y, width, height]."
        else:
            corners = (box[0], box[1], box[0] + box[2], box[1] + box[3])
            apart = max((abs(a - b) for a, b in zip(corners, extent)), default=0.0) if extent else 0.0
            outside = list(_outside(corners, size, "box_outside"))
            yield from outside
            if apart > max(3.0, 0.05 * max(box[2:])) and not outside and measured:
                yield "box_mismatch", f"{apart:.0f} pixels apart", "The box is not the mask's: [x, y, width, height]."
    # COCO's own crowds have areas that are not their masks'.
    if not isinstance(area, int | float) or not measured or row.get("iscrowd"):
        return
    if abs(area - measured) > max(_AREA_PIXELS, _AREA_SHARE * measured):
        yield "area_mismatch", f"{area:g}, mask {measured:.0f}", "Compute the area again from the mask."


def _polygons(segmentation: list) -> tuple[list[NDArray[np.float64]], list[tuple[str, str, str]]]:
    points, faults = [], []
    if not segmentation:
        faults.append(("empty_polygon", "no polygon", "Draw it or remove the annotation."))
    for polygon in segmentation:
        try:
            flat = np.asarray(polygon, np.float64).ravel()
        except (TypeError, ValueError):
            faults.append(("bad_polygon", str(polygon)[:40], "Expected numbers x, y, x, y, .."))
            continue
        if len(flat) % 2:
            faults.append(("bad_polygon", f"{len(flat)} numbers", "Expected x and y in turn."))
        elif not np.isfinite(flat).all():
            faults.append(("bad_polygon", "NaN or infinite", "Expected finite coordinates."))
        elif len(flat) < 6 or abs(_area(flat.reshape(-1, 2))) < 1e-9:
            faults.append(("empty_polygon", f"{len(flat) // 2} points", "It has no area: draw it or remove it."))
        else:
            points.append(flat.reshape(-1, 2))
    return points, faults


def _area(points: NDArray[np.float64]) -> float:
    x, y = points.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _outside(
    extent: tuple[float, float, float, float], size: tuple[float, float], kind: str
) -> Iterator[tuple[str, str, str]]:
    x0, y0, x1, y1 = extent
    high, wide = size
    if x0 < -_SLACK or y0 < -_SLACK or x1 > wide + _SLACK or y1 > high + _SLACK:
        told = f"{x0:.0f}, {y0:.0f} to {x1:.0f}, {y1:.0f}, image {wide:.0f} x {high:.0f}"
        yield kind, told, "Coordinates lie outside the image: were they made at another size?"


def _plain(value: Any) -> Any:
    """The value, or its text where it could not be a key."""
    return value if isinstance(value, int | float | str) or value is None else str(value)


def _size(high: Any, wide: Any) -> tuple[int, int] | None:
    """(H, W), or None for what is no size."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and 1 <= v < math.inf for v in (high, wide)):
        return None
    return int(high), int(wide)


def _ids(names: Mapping[int, str]) -> str:
    ids = sorted(names)
    return f"{ids[0]} to {ids[-1]}" if ids == list(range(ids[0], ids[-1] + 1)) else ", ".join(map(str, ids[:20]))


# --- YOLO -----------------------------------------------------------------------------------------------------------


def check_yolo(path: Path, name: str, image: str, classes: Mapping[int, str]) -> Tally:
    """One text file. classes: number -> name; empty: the numbers are not checked."""
    tally = Tally()
    kinds: dict[str, list[tuple[int, Any, str]]] = defaultdict(list)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        tally.findings.append(Finding(name, "unreadable_annotations", type(error).__name__, 1, "Expected a text file."))
        return tally
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        for kind, value, advice in _yolo_line(line, classes):
            kinds[kind].append((number, value, advice))
        if line.strip() in seen:
            kinds["duplicate_annotation"].append((number, "", "The same object twice: remove one line."))
        seen.add(line.strip())
        first = line.split()[0]
        label = classes.get(int(first), first) if first.isascii() and first.isdigit() else first
        tally.objects[label] += 1
        tally.images_with[label].add(image)
    for kind, found in kinds.items():
        number, value, advice = found[0]
        tally.findings.append(Finding(name, kind, f"line {number}: {value}", len(found), advice))
    return tally


def _yolo_line(line: str, classes: Mapping[int, str]) -> Iterator[tuple[str, Any, str]]:
    try:
        number, *values = (float(word) for word in line.split())
    except ValueError:
        yield "bad_line", line[:30], "Expected numbers: class x1 y1 x2 y2 .."
        return
    if not math.isfinite(number) or number != int(number) or number < 0:
        yield "bad_line", f"class {number:g}", "Expected a whole class number."
    elif classes and int(number) not in classes:
        yield "id_outside_taxonomy", int(number), f"Expected a class of {_ids(classes)}."
    if len(values) == 4:
        yield "box_not_polygon", "4 numbers", "Expected a polygon, got a box: export the outlines."
        return
    if len(values) % 2:
        yield "bad_polygon", f"{len(values)} numbers", "Expected x and y in turn."
        return
    points = np.asarray(values).reshape(-1, 2)
    if not np.isfinite(points).all():
        yield "bad_polygon", "NaN or infinite", "Expected finite coordinates."
    elif len(points) < 3 or abs(_area(points)) < 1e-12:
        yield "empty_polygon", f"{len(points)} points", "It has no area: draw it or remove the line."
    elif points.min() < -1e-6 or points.max() > 1 + 1e-6:
        worst = float(points.max() if points.max() > 1 else points.min())
        hint = (
            "they look like pixels: divide them by the image's size."
            if worst > 2
            else "cut them at the image's border."
        )
        yield "polygon_outside", round(worst, 4), f"Coordinates are shares of the image's size, 0 to 1: {hint}"


# --- labelme --------------------------------------------------------------------------------------------------------


def check_labelme(path: Path, name: str, image: Path, wanted: Taxonomy | None) -> Tally:
    """One JSON file."""
    tally = Tally()

    def found(kind: str, value: Any, advice: str) -> None:
        tally.findings.append(Finding(name, kind, value, 1, advice))

    try:
        content = read_json(path)
    except KonturError as error:
        found("unreadable_annotations", None, str(error).removeprefix(f"{path}: "))
        return tally
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        found("unreadable_annotations", type(content).__name__, "Expected labelme's JSON with a list of shapes.")
        return tally
    told = _size(content.get("imageHeight"), content.get("imageWidth"))
    tally.images[image] = told
    if told is None:
        value = f"{content.get('imageHeight')} x {content.get('imageWidth')}"
        found("bad_image_entry", value, "Expected imageHeight and imageWidth in pixels.")
    given = content.get("imagePath")
    if isinstance(given, str) and given and Path(given.replace("\\", "/")).stem != image.stem:
        found(
            "swapped_pair", given, f"The labels name another image than {image.name}: exchange the files, or the name."
        )
    size = told or (math.inf, math.inf)
    for number, shape in enumerate(content["shapes"]):
        label = shape.get("label") if isinstance(shape, dict) else None
        if not isinstance(label, str):
            found("bad_annotation", f"shape {number}", "Expected an object with a label.")
            continue
        if wanted is not None:
            for kind, value, advice in name_findings({0: label}, {c.id: c.name for c in wanted}, by_name=True):
                found(kind, value, advice)
        tally.objects[label] += 1
        tally.images_with[label].add(image.name)
        if shape.get("shape_type") in (None, "polygon"):
            points, faults = _polygons([shape.get("points") or []])
            extents = [(*p.min(axis=0).tolist(), *p.max(axis=0).tolist()) for p in points]
            for kind, value, advice in [*faults, *(f for e in extents for f in _outside(e, size, "polygon_outside"))]:
                found(kind, f"shape {number}, {label}: {value}", advice)
    return tally


# --- panoptic -------------------------------------------------------------------------------------------------------


def check_panoptic(
    ids: NDArray[np.int32], segments: list[dict[str, Any]], name: str, names: Mapping[int, str]
) -> Tally:
    """One PNG, decoded (H, W), with the segments its JSON tells of. name: the PNG's."""
    tally = Tally()
    values, counts = np.unique(ids, return_counts=True)
    drawn = {int(v): int(c) for v, c in zip(values, counts) if v}
    told = {s["id"]: s for s in segments}
    for number in sorted(drawn.keys() - told.keys()):
        advice = "Its JSON has no such segment: add it, or take the PNG that belongs to the JSON."
        tally.findings.append(Finding(name, "segment_not_in_json", number, drawn[number], advice))
    for number in sorted(told.keys() - drawn.keys()):
        advice = "No pixel has this id: take the segment out of the JSON."
        tally.findings.append(Finding(name, "segment_not_in_png", number, 1, advice))
    for number, segment in told.items():
        area, label = segment.get("area"), names.get(segment["category_id"], str(segment["category_id"]))
        if number in drawn:
            tally.objects[label] += 1
            tally.images_with[label].add(name)
            if isinstance(area, int | float) and area != drawn[number]:
                advice = "Count the pixels of the segment again."
                tally.findings.append(Finding(name, "area_mismatch", f"{area}, PNG {drawn[number]}", 1, advice))
    return tally
