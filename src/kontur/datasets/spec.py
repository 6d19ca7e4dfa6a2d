"""A data set named in one word on the command line: NAME:ROOT or NAME:ROOT:SPLIT, such as camvid:data/camvid:test."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import OptionError, UnknownName, UnreadableFile
from .catalogue import NAMES
from .catalogue import open as open_dataset
from .sample import Dataset


def parse_spec(text: str) -> tuple[str, Path, str | None]:
    """Name, root and split (None: the set's usual one). A root may hold colons (a drive), a split cannot.

    Raises OptionError for another form, UnknownName for an unknown name, UnreadableFile for a root that is not there.
    """
    name, colon, rest = text.partition(":")
    if not colon or not name or not rest:
        raise OptionError(f"option --data: expected NAME:ROOT:SPLIT, such as camvid:data/camvid:test, got {text!r}")
    if name not in NAMES:
        raise UnknownName("data set", name, NAMES, f"Known are {', '.join(NAMES)}.")
    root, colon, split = rest.rpartition(":")
    if not colon or "/" in split or "\\" in split or Path(rest).exists():
        root, split = rest, ""
    if not Path(root).exists():
        raise UnreadableFile(f"{root}: no such folder (--data {text})")
    return name, Path(root), split or None


def open_spec(text: str) -> Dataset:
    """The data set of NAME:ROOT:SPLIT. Raises as `parse_spec` and `kontur.datasets.open`."""
    name, root, split = parse_spec(text)
    return open_dataset(name, root, split)
