"""`dataset.json`: what folders of label files do not say themselves: the categories and the photos' names, sizes, numbers.

    {"schema": 1, "taxonomy": {name, ignore, categories: [{id, name, colour, thing}]},
     "images": [{"file_name", "height", "width", "id"}]}

`kontur data convert` writes it beside YOLO, labelme, label and palette files, and reads it where it lies there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..core.errors import InputError, short
from ..core.taxonomy import Taxonomy
from ..io.coco_entries import walk_images
from ..io.taxonomy import sound, taxonomy_of
from ..io.text import read_json, write_json
from .labelled import LabelledImage

NAME = "dataset.json"


@dataclass(frozen=True)
class Photo:
    """A photo's name, its size (H, W), and its number in the source, or None."""

    file_name: str
    shape: tuple[int, int]
    id: int | str | None


@dataclass(frozen=True)
class Sidecar:
    """The content of a `dataset.json`; both parts empty where there is none."""

    taxonomy: Taxonomy | None = None
    photos: dict[str, Photo] = field(default_factory=dict)  # by stem

    def in_order(self, files: list[tuple[Path, str]]) -> list[tuple[Path, str]]:
        """Label files with their stems in the order of their photos; those of photos that are not known come last."""
        places = {stem: place for place, stem in enumerate(self.photos)}
        return sorted(files, key=lambda pair: places.get(pair[1], len(places)))


def read_sidecar(folder: Path) -> Sidecar:
    """The `dataset.json` of a folder, or an empty one. Raises InputError where it is not in order."""
    path = folder / NAME
    if not path.is_file():
        return Sidecar()
    content = read_json(path)
    rows = content.get("images") if isinstance(content, dict) else None
    given = content.get("taxonomy") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not isinstance(given, dict):
        raise InputError(f"{path}: expected taxonomy and images with file_name, height, width, got {short(content)}")
    images = sound(path, walk_images(rows, {}, bare=False, numbered=False))
    photos = [Photo(i.file_name, i.size, row.get("id")) for i, row in zip(images, rows, strict=True)]
    taxonomy = taxonomy_of(given, path) if given.get("categories") else Taxonomy((), ignore=None)
    return Sidecar(taxonomy, {str(PurePosixPath(p.file_name).with_suffix("")): p for p in photos})


class SidecarWriter:
    """Collects the photos as they pass; writes the file at the end."""

    def __init__(self, folder: Path, taxonomy: Taxonomy) -> None:
        self._folder, self._taxonomy = folder, taxonomy
        self._rows: list[dict[str, Any]] = []
        self._stems: set[str] = set()

    def add(self, image: LabelledImage) -> None:
        """Raises InputError for a second photo of the same name, whose label file would take the first one's place."""
        if image.stem in self._stems:
            raise InputError(f"{image.file_name}: expected each photo's name once (without its ending), got it twice")
        self._stems.add(image.stem)
        height, width = image.shape
        self._rows.append({"file_name": image.file_name, "height": height, "width": width, "id": image.id})

    def close(self) -> None:
        write_json(
            self._folder / NAME, {"schema": 1, "taxonomy": self._taxonomy.to_dict(), "images": self._rows}, indent=1
        )
