"""COCO's panoptic form: one PNG an image whose colours are segment ids, one JSON that gives each id its category.

    NAME.json    {"images": [{id, file_name, height, width}], "categories": [{id, name, isthing, color}],
                  "annotations": [{image_id, file_name, segments_info: [{id, category_id, area, bbox, iscrowd}]}]}
    NAME/*.png   RGB; id = R + 256 G + 65536 B, 0 is void

Format: Kirillov et al., "Panoptic Segmentation", CVPR 2019, arXiv:1801.00868, and cocodataset.org, "Data format".
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.files import atomic_write
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy
from . import photos, png
from .coco_entries import CocoImage
from .panoptic_entries import MOST_ID, PanopticRow, walk_panoptic
from .taxonomy import LabelFault, inside, sound
from .text import collector_paused, read_json, write_json


@dataclass(frozen=True, eq=False)
class PanopticEntry:
    """One image's part of the file. image_id, image_file: the photo's; crowds: ids of crowd segments."""

    image_id: int | str
    image_file: str
    segmentation: Segmentation
    crowds: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class PanopticFile:
    """A whole file, its PNGs still unread: `entries` reads them one at a time. photos: image id -> the photo's name."""

    path: Path
    folder: Path
    taxonomy: Taxonomy
    rows: tuple[PanopticRow, ...] = field(repr=False)
    photos: dict[int | str, str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def photo(self, row: PanopticRow) -> str:
        """The name of a row's photo; the PNG's with .jpg where the file does not list it."""
        return self.photos.get(row.image_id) or str(PurePosixPath(row.file_name).with_suffix(".jpg"))

    def read(self, row: PanopticRow) -> Segmentation:
        """One image. Raises InputError that names the PNG for ids that JSON and PNG do not share."""
        path = self.folder / row.file_name
        told = {s.id: s.category_id for s in row.segments}
        found = Segmentation.from_ids(read_panoptic_png(path), categories=told, taxonomy=self.taxonomy)
        drawn = {s.id for s in found.segments}
        for ids, where in ((drawn - told.keys(), f"the JSON {self.path}"), (told.keys() - drawn, "the PNG")):
            if ids:
                raise InputError(f"{path}: segments that {where} does not have: {sorted(ids)[:8]}")
        return found

    def entries(self) -> Iterator[PanopticEntry]:
        """Each image in the file's order. Raises as `read`."""
        for row in self.rows:
            crowds = frozenset(s.id for s in row.segments if s.crowd)
            yield PanopticEntry(row.image_id, self.photo(row), self.read(row), crowds)


def read_panoptic(path: str | Path, folder: str | Path | None = None) -> PanopticFile:
    """Read and check the JSON; the PNGs lie in `folder`, by default the JSON's path without its ending.

    Raises UnreadableFile for a file that is missing or no JSON, and InputError, with the words of `kontur data check`, for
    the first fault that `walk_panoptic` yields.
    """
    path = Path(path)
    content = read_json(path)
    with collector_paused():
        return panoptic_file(path, sound(path, walk_panoptic(content)), folder)


def panoptic_file(
    path: Path,
    entries: Sequence[Category | CocoImage | PanopticRow | LabelFault],
    folder: str | Path | None = None,
) -> PanopticFile:
    """The file of what `walk_panoptic` yielded, without its faults."""
    taxonomy = Taxonomy(tuple(e for e in entries if isinstance(e, Category)), ignore=None, name=path.stem)
    images = {e.id: e.file_name for e in entries if isinstance(e, CocoImage)}
    rows = tuple(e for e in entries if isinstance(e, PanopticRow))
    return PanopticFile(path, Path(folder) if folder is not None else path.with_suffix(""), taxonomy, rows, images)


def read_panoptic_png(path: str | Path, *, max_pixels: int = photos.MAX_PIXELS) -> NDArray[np.int32]:
    """The segment ids of a panoptic PNG, (H, W) int32. Raises UnreadableFile, and InputError for other kinds of file."""
    colours = read_panoptic_colours(path, max_pixels=max_pixels).astype(np.int32)
    return np.ascontiguousarray(colours[..., 0] | colours[..., 1] << 8 | colours[..., 2] << 16)


def read_panoptic_colours(path: str | Path, *, max_pixels: int = photos.MAX_PIXELS) -> NDArray[np.uint8]:
    """The colours that stand for the ids, (H, W, 3). Raises as `read_panoptic_png`."""
    path = Path(path)
    with photos.opened(path) as file:
        if photos.kind_of(file, path) != "PNG":
            raise InputError(f"{path}: expected an RGB PNG with ids R + 256 G + 65536 B, got another kind of file")
        header = png.read_header(file, path)
        photos.check_size(path, header.width, header.height, max_pixels)
        if header.colour not in (png.COLOUR, png.COLOUR_ALPHA) or header.depth != 8:
            raise InputError(f"{path}: expected an RGB PNG with ids R + 256 G + 65536 B, got grey, palette or 16 bits")
        picture, _ = photos.decode(file, path, "PNG", max_pixels, [])
    return np.asarray(picture)[..., :3]


def write_panoptic_png(path: str | Path, ids: NDArray[np.integer]) -> None:
    """Write ids (H, W) of 0..16777215 as a panoptic PNG. Raises InputError for larger ids, OutputError."""
    from PIL import Image as Pillow

    ids = np.asarray(ids)
    if ids.size and (int(ids.max()) > MOST_ID or int(ids.min()) < 0):
        raise InputError(f"{path}: a panoptic PNG holds ids 0 to {MOST_ID}, got {int(ids.min())} to {int(ids.max())}")
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(colours).save(buffer, format="PNG")
    atomic_write(Path(path), buffer.getvalue())


class PanopticWriter:
    """Writes the PNG of each entry as it comes, so that memory does not grow with the pixels, and the JSON at the end.

    folder: of the PNGs, by default the JSON's path without its ending.
    """

    def __init__(self, path: str | Path, taxonomy: Taxonomy, folder: str | Path | None = None) -> None:
        self._path, self._taxonomy = Path(path), taxonomy
        self.folder = Path(folder) if folder is not None else self._path.with_suffix("")
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._names: set[str] = set()

    def add(self, entry: PanopticEntry) -> Path:
        """Write one PNG; its path. Segments need a category of the taxonomy.

        Raises InputError for one without, for ids over 16777215 and for two photos of one name, OutputError.
        """
        where = f"{self._path}: {entry.image_file}"
        name = str(PurePosixPath(entry.image_file).with_suffix(".png"))
        if name in self._names or not inside(name):
            raise InputError(f"{where}: expected a new name inside the folder, got {name!r}")
        self._names.add(name)
        result = entry.segmentation
        segments = []
        for segment in result.segments:
            if segment.category is None or segment.category not in self._taxonomy:
                raise InputError(
                    f"{where}: segment {segment.id}: expected a category of the taxonomy, got {segment.category}"
                )
            x0, y0, x1, y1 = segment.box
            segments.append(
                {
                    "id": segment.id,
                    "category_id": segment.category,
                    "area": segment.area,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": int(segment.id in entry.crowds),
                }
            )
        write_panoptic_png(self.folder / name, result.ids)
        height, width = result.shape
        self._images.append({"id": entry.image_id, "file_name": entry.image_file, "height": height, "width": width})
        self._annotations.append({"image_id": entry.image_id, "file_name": name, "segments_info": segments})
        return self.folder / name

    def close(self) -> None:
        """Write the JSON. Raises OutputError."""
        categories = [
            {"id": c.id, "name": c.name, "supercategory": "", "isthing": int(c.thing), "color": list(c.colour)}
            for c in self._taxonomy
        ]
        content = {"info": {"description": "written by kontur"}, "images": self._images}
        write_json(self._path, content | {"annotations": self._annotations, "categories": categories})


def write_panoptic(
    path: str | Path, entries: Iterable[PanopticEntry], taxonomy: Taxonomy, folder: str | Path | None = None
) -> None:
    """Write a whole file at once: see `PanopticWriter`."""
    writer = PanopticWriter(path, taxonomy, folder)
    for entry in entries:
        writer.add(entry)
    writer.close()
