"""The check of COCO's files: the faults at which `open` and `evaluate` stop, all of them, and remarks on what they read.

Nothing is rasterised, so that COCO takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import KonturError, short
from ..core.taxonomy import Category, Taxonomy
from ..io.coco_entries import CocoAnnotation, CocoImage, walk_coco
from ..io.panoptic_entries import PanopticRow
from ..io.taxonomy import LabelFault, inside
from ..io.text import collector_paused, read_json
from .class_names import name_findings, published_names
from .coco import outside_name
from .tally import Tally

_SLACK = 1.5  # pixels that a polygon or box may lie outside its image, or apart from one another
_AREA_SHARE, _AREA_PIXELS = 0.25, 20  # by which an area may differ from its mask's
Remark = tuple[str, str, str]
"""(kind, value, advice)."""


def check_coco(json: Path, folder: Path, name: str, wanted: Taxonomy | Mapping[int, str] | None) -> Tally:
    """One instance file. folder: of its images. name: what findings call the file. wanted: the names it should have."""
    tally = Tally(name)
    try:
        content = read_json(json)
    except KonturError as error:
        tally.found("unreadable_annotations", None, str(error).removeprefix(f"{json}: "))
        return tally
    with collector_paused():
        entries = list(walk_coco(content))
    tally.names = {e.id: e.name for e in entries if isinstance(e, Category)}
    if isinstance(wanted, Taxonomy):
        for remark in name_findings(tally.names, {c.id: c.name for c in wanted}, by_name=True):
            tally.found(*remark)
    elif wanted:
        for remark in published_names(tally.names, wanted):
            tally.found(*remark)
    files = {e.id: e.file_name for e in entries if isinstance(e, CocoImage)}
    listed: set[str] = set()
    for image in entries:
        if isinstance(image, CocoImage) and image.file_name:
            if image.file_name in listed:
                tally.found("listed_twice", image.file_name, "Remove one of the two image entries.")
            listed.add(image.file_name)
            if inside(image.file_name):
                tally.images[folder / image.file_name] = image.size if image.height else None
            else:
                tally.found("bad_image_entry", image.file_name, outside_name(image.file_name))
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        for told in _flags([row for row in content["annotations"] if isinstance(row, dict)]):
            tally.found(*told)
    seen: dict[tuple, Any] = {}
    for place, entry in enumerate(entries):
        if isinstance(entry, LabelFault):
            tally.fault(entry)
        elif isinstance(entry, CocoAnnotation):
            file = files[entry.image_id]
            tally.count(tally.names.get(entry.category_id, str(entry.category_id)), file)
            label = f"annotation {entry.id if entry.id is not None else place}, {file}"
            for kind, detail, advice in _remarks(entry):
                tally.found(kind, f"{label}: {detail}" if detail else label, advice)
            key = (entry.image_id, entry.category_id, str(entry.segmentation))
            if key in seen:
                tally.found("duplicate_annotation", f"{label}, as {seen[key]}", "The same object twice: remove one.")
            seen.setdefault(key, entry.id)
    return tally


def _flags(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str, str] | tuple[str, str, str, int]]:
    """Crowds that lost their flag, told by other rows; and ids that only some rows have."""
    with_flag = sum("iscrowd" in row for row in rows)
    without_id = sum("id" not in row for row in rows)
    if 0 < without_id < len(rows):
        yield "bad_annotation", "no id", "Give each annotation an id.", without_id
    plain = [row for row in rows if not row.get("iscrowd")]
    polygons = 4 * sum(isinstance(row.get("segmentation"), list) for row in plain) >= 3 * len(plain)
    for place, row in enumerate(rows):
        # Where objects are polygons, runs are crowds.
        runs = polygons and isinstance(row.get("segmentation"), dict) and not row.get("iscrowd")
        if runs or ("iscrowd" not in row and 0 < with_flag < len(rows)):
            advice = "Runs among polygons mark a crowd: set iscrowd to 1, or it is taken for one object."
            yield "crowd_flag_lost", f"annotation {row.get('id', f'annotations[{place}]')}", advice


def _remarks(entry: CocoAnnotation) -> Iterator[Remark]:
    """What is odd in an annotation that can be read: its outline, its box, its area."""
    extent: tuple[float, float, float, float] | None
    if entry.decoded is not None:
        mask = entry.mask
        extent, measured = rle.box(mask), float(rle.area(mask))
        if not measured:
            yield "empty_mask", "", "The mask has no pixel: draw it or remove the annotation."
    else:
        extent, measured = None, 0.0
        points = [np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in entry.segmentation]
        areas = [abs(ring_area(ring)) for ring in points]
        for ring, area in zip(points, areas, strict=True):
            if area < 1e-9:
                yield "empty_polygon", f"{len(ring)} points", "It has no area: draw it or remove it."
        drawn = [ring for ring, area in zip(points, areas, strict=True) if area >= 1e-9]
        if drawn:
            extent = corners_of(np.concatenate(drawn))
            measured = sum(areas) if len(drawn) == len(points) else 0.0
            yield from outside(extent, entry.size, "polygon_outside")
    if entry.box is not None:
        x, y, wide, high = entry.box
        if wide <= 0 or high <= 0:
            advice = "Expected a positive width and height: [x, y, width, height]."
            yield "bad_box", short([*entry.box]), advice
        else:
            corners = (x, y, x + wide, y + high)
            beyond = list(outside(corners, entry.size, "box_outside"))
            yield from beyond
            apart = max((abs(a - b) for a, b in zip(corners, extent)), default=0.0) if extent else 0.0
            if apart > max(3.0, 0.05 * max(wide, high)) and not beyond and measured:
                yield "box_mismatch", f"{apart:.0f} pixels apart", "The box is not the mask's: [x, y, width, height]."
    # COCO's own crowds have areas that are not their masks'.
    if entry.given_area is None or not measured or entry.crowd:
        return
    if abs(entry.given_area - measured) > max(_AREA_PIXELS, _AREA_SHARE * measured):
        value = f"{entry.given_area:g}, mask {measured:.0f}"
        yield "area_mismatch", value, "Compute the area again from the mask."


def ring_area(ring: NDArray[np.float64]) -> float:
    """The area that a ring (N, 2) encloses, with its sign."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def corners_of(points: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of points (N, 2)."""
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, y0, x1, y1


def outside(extent: tuple[float, float, float, float], size: tuple[float, float], kind: str) -> Iterator[Remark]:
    """A remark where corners lie outside an image of (H, W)."""
    x0, y0, x1, y1 = extent
    high, wide = size
    if x0 < -_SLACK or y0 < -_SLACK or x1 > wide + _SLACK or y1 > high + _SLACK:
        told = f"{x0:.0f}, {y0:.0f} to {x1:.0f}, {y1:.0f}, image {wide:.0f} x {high:.0f}"
        yield kind, told, "Coordinates lie outside the image: were they made at another size?"


# --- panoptic -------------------------------------------------------------------------------------------------------


def check_panoptic(ids: NDArray[np.int32], row: PanopticRow, name: str, names: Mapping[int, str]) -> Tally:
    """One PNG, decoded (H, W), with the segments its JSON tells of. name: the PNG's."""
    tally = Tally(name)
    values, counts = np.unique(ids, return_counts=True)
    drawn = {int(v): int(c) for v, c in zip(values, counts) if v}
    told = {s.id: s for s in row.segments}
    for number in sorted(drawn.keys() - told.keys()):
        advice = "Its JSON has no such segment: add it, or take the PNG that belongs to the JSON."
        tally.found("segment_not_in_json", number, advice, drawn[number])
    for number in sorted(told.keys() - drawn.keys()):
        tally.found("segment_not_in_png", number, "No pixel has this id: take the segment out of the JSON.")
    for number, segment in told.items():
        if number in drawn:
            tally.count(names.get(segment.category_id, str(segment.category_id)), name)
            if segment.area is not None and segment.area != drawn[number]:
                value = f"{segment.area}, PNG {drawn[number]}"
                tally.found("area_mismatch", value, "Count the pixels of the segment again.")
    return tally
