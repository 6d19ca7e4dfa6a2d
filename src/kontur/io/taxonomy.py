"""Taxonomies as JSON files; and what the walkers of label files share: a fault in words, the kinds of value that JSON may hold.

    {"name": "CamVid", "ignore": 11, "categories": [
        {"id": 0, "name": "sky", "colour": [128, 128, 128], "thing": false}, ..]}

Only id and name are needed: colours default to PASCAL VOC's palette, thing to false, ignore to 255 (null: none). COCO's
category lists, alone or inside an annotation file, are read too: `color` and `isthing` stand for `colour` and `thing`.

    rows of a file ─walk▶ entries and faults      a reader raises the first fault, `kontur data check` lists them all

A key that a reader does not need may be absent; a key that is there must be right, for every reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import InputError, short
from ..core.taxonomy import Category, Taxonomy, voc_colour

_T = TypeVar("_T")
HIGHEST = 2**63
"""Whole numbers from here on fit in no array."""

_LONGEST_NAME = 255  # bytes, of the usual file systems


def read_taxonomy(path: Path | str) -> Taxonomy:
    """The taxonomy of a JSON file. Raises UnreadableFile or InputError, naming the entry that is wrong."""
    from .text import read_json

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


# --- faults and kinds of value ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LabelFault:
    """One thing wrong in a label file. kind: the finding of `kontur data check`. place: "annotation 5", "line 3", or "".

    text: expected, got, what to do. value: what was got, where it is short and plain.
    """

    kind: str
    place: str
    text: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def sound(where: str | Path, items: Iterable[_T | LabelFault]) -> list[_T]:
    """The entries. Raises InputError, "where: place: text", at the first fault."""
    found: list[_T] = []
    for item in items:
        if isinstance(item, LabelFault):
            raise InputError(f"{where}: {item}")
        found.append(item)
    return found


def whole(value: Any) -> int | None:
    """A whole number, also one written 5.0; None for all else, and for numbers of 64 bits and more."""
    if type(value) is int:
        return value if -HIGHEST < value < HIGHEST else None
    if isinstance(value, float) and value.is_integer() and -HIGHEST < value < HIGHEST:
        return int(value)
    return None


def identity(value: Any) -> int | str | None:
    """An id: a whole number or a name; None for all else."""
    return value if type(value) is str and value else whole(value)


def finite(value: Any) -> float | None:
    """A finite number; None for all else: text, true and false, NaN, 1e999."""
    if type(value) in (int, float) and -1e300 < value < 1e300:
        return float(value)
    return None


def flag(value: Any) -> bool | None:
    """0 or 1, false or true; absent is false; None for all else, such as "0"."""
    if value is None:
        return False
    return bool(value) if type(value) in (int, bool, float) and value in (0, 1) else None


def listed(ids: Iterable[int]) -> str:
    """Ids for a message: a range where they are one, the first thirty of others."""
    ids = sorted(ids)
    if ids and ids == list(range(ids[0], ids[-1] + 1)):
        return f"{ids[0]} to {ids[-1]}"
    return ", ".join(map(str, ids[:30])) or "none"


def inside(name: str) -> bool:
    """Whether the name of a file, as a label file has it, can be that of a file inside its folder."""
    path = Path(name)
    short_enough = all(len(part.encode("utf-8", "replace")) <= _LONGEST_NAME for part in path.parts)
    return short_enough and "\0" not in name and not path.is_absolute() and ".." not in path.parts
