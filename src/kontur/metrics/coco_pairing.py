"""Images and categories of two COCO files, paired by name: each file numbers them as it likes.

images: file_name -> base name -> stem, the first that one image of the truth has;   categories: name
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..core.errors import InputError, short
from ..io.coco_entries import CocoImage
from ..io.taxonomy import whole
from .streaming import LISTED


def images_by_name(
    where: str, images: Sequence[CocoImage], truth_where: str, truth: Sequence[CocoImage]
) -> dict[int | str, int | str] | None:
    """The truth's image id of each image id of `where`; None where an image of either file has no file_name.

    Raises InputError: names that the truth does not list, or that fit several of its images; two images of one name.
    """
    if not all(image.file_name for image in (*images, *truth)):
        return None
    levels = [_ids_by(key, truth) for key in (str, _base, _stem)]
    found: dict[int | str, int | str] = {}
    taken: dict[int | str, str] = {}
    strange: list[str] = []
    several: list[str] = []
    for image in images:
        name = image.file_name
        fitting: list[int | str] = next((ids[key(name)] for key, ids in levels if key(name) in ids), [])
        if len(fitting) != 1:
            (several if fitting else strange).append(name)
            continue
        found[image.id] = fitting[0]
        if fitting[0] in taken:
            both = f"{taken[fitting[0]]} and {name}"
            raise InputError(f"{where}: expected one image for each of {truth_where}, got {both} for the same one")
        taken[fitting[0]] = name
    for names, what in ((strange, "that it does not list"), (several, "that fit several of its images")):
        if names:
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            shown = ", ".join(names[:LISTED]) + more
            raise InputError(f"{where}: expected the images of {truth_where}, got {len(names)} {what}: {shown}")
    return found


def categories_by_name(where: str, categories: Any, truth: Mapping[int, str]) -> dict[int, int] | None:
    """The truth's category id of each category id of `where` whose name it knows; None where it knows none of them.

    categories: what the file has under this key; names that stand for no category of the truth may be any.
    """
    if not isinstance(categories, list) or not all(isinstance(row, Mapping) for row in categories):
        raise InputError(f"{where}: expected 'categories', a list of objects, got {short(categories)}")
    known = {name: number for number, name in sorted(truth.items(), reverse=True)}
    found = {}
    for place, category in enumerate(categories):
        number = whole(category.get("id"))
        if number is None:
            got = short(category.get("id"))
            raise InputError(f"{where}: categories[{place}]: expected a whole number as 'id', got {got}")
        if category.get("name") in known:
            found[number] = known[category["name"]]
    return found or None


def _ids_by(
    key: Callable[[str], str], images: Sequence[CocoImage]
) -> tuple[Callable[[str], str], dict[str, list[int | str]]]:
    ids: dict[str, list[int | str]] = {}
    for image in images:
        ids.setdefault(key(image.file_name), []).append(image.id)
    return key, ids


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _stem(name: str) -> str:
    return PurePosixPath(_base(name)).stem
