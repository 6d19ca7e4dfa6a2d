"""Taxonomies as JSON files.

    {"name": "CamVid", "ignore": 11, "categories": [
        {"id": 0, "name": "sky", "colour": [128, 128, 128], "thing": false}, ..]}

Only id and name are needed: colours default to PASCAL VOC's palette, thing to false, ignore to 255 (null: none). COCO's
category lists, alone or inside an annotation file, are read too: `color` and `isthing` stand for `colour` and `thing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnreadableFile
from ..core.taxonomy import Category, Taxonomy, voc_colour


def read_taxonomy(path: Path | str) -> Taxonomy:
    """The taxonomy of a JSON file. Raises UnreadableFile or InputError, naming the entry that is wrong."""
    path = Path(path)
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"{path}: expected a taxonomy as JSON, cannot be parsed: {error}") from None
    whole: Mapping[str, Any] = data if isinstance(data, Mapping) else {"categories": data}
    return taxonomy_of(whole, path)


def taxonomy_of(whole: Mapping[str, Any], path: Path | str) -> Taxonomy:
    """The taxonomy of parsed JSON; `path` is what an error names. Raises InputError, naming the entry that is wrong."""
    entries = whole.get("categories")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected categories, a list of {{id, name}}, got {str(entries)[:60]}")
    ignore = whole.get("ignore", 255)
    if ignore is not None and not _whole(ignore):
        raise InputError(f"{path}: expected a whole number from 0, or null, as ignore, got {ignore!r}")
    try:
        return Taxonomy(
            tuple(_category(f"{path}: categories[{i}]", entry) for i, entry in enumerate(entries)),
            ignore=ignore,
            name=str(whole.get("name", "")),
        )
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def _category(where: str, entry: Any) -> Category:
    if not isinstance(entry, Mapping) or not _whole(entry.get("id")) or entry["id"] > 65535:
        raise InputError(f"{where}: expected an object with an id 0..65535, got {str(entry)[:60]}")
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}: expected a name, got {name!r}")
    colour = entry.get("colour", entry.get("color", voc_colour(entry["id"])))
    if not isinstance(colour, (list, tuple)) or len(colour) != 3 or not all(_whole(c) and c <= 255 for c in colour):
        raise InputError(f"{where}: expected a colour [red, green, blue] of 0..255, got {colour!r}")
    thing = bool(entry.get("thing", entry.get("isthing", False)))
    return Category(entry["id"], name, (colour[0], colour[1], colour[2]), thing)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
