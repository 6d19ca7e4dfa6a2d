"""Taxonomies as JSON files.

    {"name": "CamVid", "ignore": 11, "categories": [
        {"id": 0, "name": "sky", "colour": [128, 128, 128], "thing": false}, ..]}

Only id and name are needed: colours default to PASCAL VOC's palette, thing to false, ignore to 255 (null: none). COCO's
category lists, alone or inside an annotation file, are read too: `color` and `isthing` stand for `colour` and `thing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import InputError, short
from ..core.taxonomy import Category, Taxonomy, voc_colour
from .entries import LabelFault, flag, sound, whole
from .text import read_json


def read_taxonomy(path: Path | str) -> Taxonomy:
    """The taxonomy of a JSON file. Raises UnreadableFile or InputError, naming the entry that is wrong."""
    data = read_json(path)
    return taxonomy_of(data if isinstance(data, Mapping) else {"categories": data}, path)


def taxonomy_of(content: Mapping[str, Any], path: Path | str) -> Taxonomy:
    """The taxonomy of parsed JSON; `path` is what an error names. Raises InputError, naming the entry that is wrong."""
    entries = content.get("categories")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: expected categories, a list of {{id, name}}, got {short(entries)}")
    ignore = content.get("ignore", 255)
    if ignore is not None and (type(ignore) is not int or ignore < 0):
        raise InputError(f"{path}: expected a whole number from 0, or null, as ignore, got {short(ignore)}")
    categories = sound(path, walk_categories(entries, most=65535))
    try:
        return Taxonomy(tuple(categories), ignore=ignore, name=str(content.get("name", "")))
    except InputError as error:
        raise InputError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def walk_categories(
    rows: list[Any],
    known: set[int] | None = None,
    *,
    most: int = 2**31 - 1,
    thing: bool = False,
    named: bool = True,
    colours: bool = True,
    kinds: bool = False,
) -> Iterator[Category | LabelFault]:
    """A list of categories, each sound or a fault; ids and names occur once.

    known: filled with the ids, also of categories whose name is wrong. most: the highest id. thing: what a category is that
    does not say. named: without it a name may be absent. colours: whether they are looked at. kinds: `isthing` is needed.
    """
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for place, row in enumerate(rows):
        where = f"categories[{place}]"
        number = whole(row.get("id")) if isinstance(row, Mapping) else None
        if number is None or not 0 <= number <= most:
            yield LabelFault(
                "bad_category", where, f"expected an object with an id 0..{most}, a whole number, got {short(row)}"
            )
            continue
        if known is not None:
            known.add(number)
        name = row.get("name")
        if name is None and not named:
            name = str(number)
        thing_given = row.get("thing", row.get("isthing"))
        colour = row.get("colour", row.get("color")) if colours else None
        if not isinstance(name, str) or not name:
            yield LabelFault(
                "bad_category",
                where,
                f"expected categories with id, name: expected a name (a text), got {short(row.get('name'))}",
            )
        elif number in names:
            text = f"expected each category id once, got {number} twice ({names[number]!r} and {name!r})"
            yield LabelFault("duplicate_category", where, text, number)
        elif name in taken:
            text = f"expected each category name once, got {name!r} twice (ids {taken[name]} and {number})"
            yield LabelFault("duplicate_category", where, text, name)
        elif flag(thing_given) is None or (kinds and thing_given is None):
            text = f"expected isthing 0 or 1, got {short(thing_given)}. Take the categories of a panoptic file"
            yield LabelFault("bad_category", where, text)
        elif colour is not None and _rgb(colour) is None:
            text = f"expected a colour [red, green, blue] of 0..255, got {short(colour)}"
            yield LabelFault("bad_category", where, text)
        else:
            names[number], taken[name] = name, number
            yield Category(
                number, name, _rgb(colour) or voc_colour(number), thing if thing_given is None else bool(thing_given)
            )


def _rgb(colour: Any) -> tuple[int, int, int] | None:
    values = [whole(c) for c in colour] if isinstance(colour, list | tuple) and len(colour) == 3 else []
    if any(v is None or not 0 <= v <= 255 for v in values) or not values:
        return None
    red, green, blue = values
    return red, green, blue  # type: ignore[return-value]
