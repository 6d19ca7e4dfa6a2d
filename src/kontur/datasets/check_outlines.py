"""The check of outlines in files of one image: YOLO's text and labelme's JSON; faults in the words of their readers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import KonturError
from ..core.taxonomy import Taxonomy
from ..io.labelme import LabelmeShape, walk_labelme
from ..io.taxonomy import LabelFault
from ..io.text import read_json, read_text
from ..io.yolo import walk_yolo
from .check_coco import corners_of, outside, ring_area
from .class_names import name_findings
from .report import Finding
from .tally import Tally


def check_yolo(path: Path, name: str, image: str, classes: Mapping[int, str]) -> Tally:
    """One text file. classes: number -> name; empty: the numbers are not checked."""
    tally = Tally(name)
    try:
        text = read_text(path)
    except KonturError as error:
        tally.found("unreadable_annotations", None, str(error).removeprefix(f"{path}: "))
        return tally
    kinds: dict[str, Finding] = {}

    def add(kind: str, value: str, advice: str) -> None:
        first = kinds.get(kind)
        kinds[kind] = Finding(
            name,
            kind,
            first.value if first else value,
            first.count + 1 if first else 1,
            first.advice if first else advice,
        )

    seen: set[str] = set()
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.strip() in seen and line.strip():
            add("duplicate_annotation", f"line {number}", "The same object twice: remove one line.")
        seen.add(line.strip())
    for entry in walk_yolo(text, classes.keys() or None):
        if isinstance(entry, LabelFault):
            add(entry.kind, entry.place, entry.text)
            continue
        if abs(ring_area(entry.points)) < 1e-12:
            value = f"line {entry.line}: {len(entry.points)} points"
            add("empty_polygon", value, "It has no area: draw it or remove the line.")
        tally.count(classes.get(entry.number, str(entry.number)), image)
    tally.findings += kinds.values()
    return tally


def check_labelme(path: Path, name: str, image: Path, wanted: Taxonomy | None) -> Tally:
    """One JSON file."""
    tally = Tally(name)
    try:
        content = read_json(path)
    except KonturError as error:
        tally.found("unreadable_annotations", None, str(error).removeprefix(f"{path}: "))
        return tally
    size: tuple[float, float] = (math.inf, math.inf)
    for entry in walk_labelme(content):
        if isinstance(entry, LabelFault):
            tally.fault(entry)
        elif isinstance(entry, LabelmeShape):
            if wanted is not None:
                for remark in name_findings({0: entry.label}, {c.id: c.name for c in wanted}, by_name=True):
                    tally.found(*remark)
            tally.count(entry.label, image.name)
            if entry.mask is None:
                for kind, value, advice in outside(corners_of(entry.points), size, "polygon_outside"):
                    tally.found(kind, f"shape {entry.number}, {entry.label}: {value}", advice)
        else:
            size = tally.images[image] = entry
    given = content.get("imagePath") if isinstance(content, dict) else None
    if isinstance(given, str) and given and Path(given.replace("\\", "/")).stem != image.stem:
        advice = f"The labels name another image than {image.name}: exchange the files, or the name."
        tally.found("swapped_pair", given, advice)
    return tally
