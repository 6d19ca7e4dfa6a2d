"""Images and categories of two COCO files, paired by name: each file numbers them as it likes.

images: file_name -> base name -> stem, the first that one image of the truth has;   categories: name
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..core.errors import InputError
from .streaming import LISTED, id_of, integer_of


def images_by_name(
    where: str, images: Sequence[Mapping[str, Any]], truth_where: str, truth: Sequence[Mapping[str, Any]]
) -> dict[int | str, Any] | None:
    """The truth's image id of each image id of `where`; None where an image of either file has no file_name.

    Raises InputError: names that the truth does not list, or that fit several of its images; two images of one name or id.
    """
    if not all(isinstance(image.get("file_name"), str) for image in (*images, *truth)):
        return None
    levels = [_ids_by(key, truth) for key in (str, _base, _stem)]
    found: dict[int | str, Any] = {}
    taken: dict[Any, str] = {}
    strange: list[str] = []
    several: list[str] = []
    for place, image in enumerate(images):
        name, own = image["file_name"], id_of(f"{where}: images[{place}]", image, "id")
        fitting: list[Any] = next((ids[key(name)] for key, ids in levels if key(name) in ids), [])
        if own in found:
            raise InputError(f"{where}: images[{place}]: expected a different id for each image, got {own} again")
        if len(fitting) != 1:
            (several if fitting else strange).append(name)
            continue
        found[own] = fitting[0]
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


def categories_by_name(
    where: str, categories: Sequence[Mapping[str, Any]], truth: Mapping[int, str]
) -> dict[int, int] | None:
    """The truth's category id of each category id of `where` whose name it knows; None where it knows none of them."""
    known = {name: number for number, name in sorted(truth.items(), reverse=True)}
    found = {
        integer_of(f"{where}: categories[{place}]", category, "id"): known[str(category.get("name"))]
        for place, category in enumerate(categories)
        if str(category.get("name")) in known
    }
    return found or None


def _ids_by(
    key: Callable[[str], str], images: Sequence[Mapping[str, Any]]
) -> tuple[Callable[[str], str], dict[str, list[Any]]]:
    ids: dict[str, list[Any]] = {}
    for image in images:
        ids.setdefault(key(image["file_name"]), []).append(image["id"])
    return key, ids


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _stem(name: str) -> str:
    return PurePosixPath(_base(name)).stem
