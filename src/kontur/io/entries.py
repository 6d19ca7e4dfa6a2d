"""What the walkers of label files share: a fault in words, and the kinds of value that JSON may hold.

    rows of a file ─walk▶ entries and faults      a reader raises the first fault, `kontur data check` lists them all

A key that a reader does not need may be absent; a key that is there must be right, for every reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import InputError

_T = TypeVar("_T")
HIGHEST = 2**63
"""Whole numbers from here on fit in no array."""

_LONGEST_NAME = 255  # bytes, of the usual file systems


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
