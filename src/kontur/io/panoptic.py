"""COCO's panoptic form: one PNG an image whose colours are segment ids, one JSON that gives each id its category.

    NAME.json    {"images": [{id, file_name, height, width}], "categories": [{id, name, isthing, color}],
                  "annotations": [{image_id, file_name, segments_info: [{id, category_id, area, bbox, iscrowd}]}]}
    NAME/*.png   RGB; id = R + 256 G + 65536 B, 0 is void

Format: Kirillov et al., "Panoptic Segmentation", CVPR 2019, arXiv:1801.00868, and cocodataset.org, "Data format".
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.files import atomic_write
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy, voc_colour
from . import photos, png
from .documents import read_json, write_json

MOST_ID = (1 << 24) - 1


@dataclass(frozen=True, eq=False)
class PanopticEntry:
    """One image's part of the file. image_id, image_file: the photo's; crowds: ids of crowd segments."""

    image_id: int | str
    image_file: str
    segmentation: Segmentation
    crowds: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class PanopticFile:
    """A whole file, its PNGs still unread: `entries` reads them one at a time."""

    path: Path
    folder: Path
    taxonomy: Taxonomy
    rows: tuple[dict[str, Any], ...] = field(repr=False)
    photos: dict[int | str, str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def entries(self) -> Iterator[PanopticEntry]:
        """Each image in the file's order. Raises InputError that names the file for ids that JSON and PNG do not share."""
        for row in self.rows:
            path = self.folder / row["file_name"]
            segments = row["segments_info"]
            ids = read_panoptic_png(path)
            found = Segmentation.from_ids(
                ids, categories={s["id"]: s["category_id"] for s in segments}, taxonomy=self.taxonomy
            )
            told, drawn = {s["id"] for s in segments}, {s.id for s in found.segments}
            for ids_of_one, where in ((drawn - told, f"the JSON {self.path}"), (told - drawn, "the PNG")):
                if ids_of_one:
                    raise InputError(f"{path}: segments that {where} does not have: {sorted(ids_of_one)[:8]}")
            crowds = frozenset(s["id"] for s in segments if s.get("iscrowd", 0) == 1)
            image = self.photos.get(row["image_id"], str(PurePosixPath(row["file_name"]).with_suffix(".jpg")))
            yield PanopticEntry(row["image_id"], image, found, crowds)


def read_panoptic(path: str | Path, folder: str | Path | None = None) -> PanopticFile:
    """Read and check the JSON; the PNGs lie in `folder`, by default the JSON's path without its ending.

    Raises UnreadableFile for a file that is missing or no JSON, InputError that names the entry for what is not in order.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise InputError(f"{path}: expected COCO's panoptic JSON with a list of annotations, got another content")
    taxonomy = _taxonomy(path, content.get("categories"))
    known = {c.id for c in taxonomy}
    rows = tuple(_checked(path, n, row, known) for n, row in enumerate(content["annotations"]))
    images: dict[int | str, str] = {}
    listed = content.get("images", [])
    if not isinstance(listed, list):
        raise InputError(f"{path}: expected a list of images, got {str(listed)[:60]}")
    for number, image in enumerate(listed):
        if not isinstance(image, dict) or not isinstance(image.get("id"), int | str) or "file_name" not in image:
            raise InputError(f"{path}: images[{number}]: expected id and file_name, got {str(image)[:60]}")
        images[image["id"]] = str(image["file_name"])
    return PanopticFile(path, Path(folder) if folder is not None else path.with_suffix(""), taxonomy, rows, images)


def read_panoptic_png(path: str | Path, *, max_pixels: int = photos.MAX_PIXELS) -> NDArray[np.int32]:
    """The segment ids of a panoptic PNG, (H, W) int32. Raises UnreadableFile, and InputError for other kinds of file."""
    path = Path(path)
    with photos.opened(path) as file:
        if photos.kind_of(file, path) != "PNG":
            raise InputError(f"{path}: expected an RGB PNG with ids R + 256 G + 65536 B, got another kind of file")
        header = png.read_header(file, path)
        photos.check_size(path, header.width, header.height, max_pixels)
        if header.colour not in (png.COLOUR, png.COLOUR_ALPHA) or header.depth != 8:
            raise InputError(f"{path}: expected an RGB PNG with ids R + 256 G + 65536 B, got grey, palette or 16 bits")
        picture, _ = photos.decode(file, path, "PNG", max_pixels, [])
    colours = np.asarray(picture)[..., :3].astype(np.int32)
    return np.ascontiguousarray(colours[..., 0] | colours[..., 1] << 8 | colours[..., 2] << 16)


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
        if name in self._names or ".." in Path(name).parts or Path(name).is_absolute():
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


def _taxonomy(path: Path, rows: Any) -> Taxonomy:
    try:
        categories = tuple(
            Category(int(r["id"]), str(r["name"]), _colour(r), bool(r.get("isthing", 1)))  # as in COCO's own lists
            for r in rows
        )
        return Taxonomy(categories, ignore=None, name=path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: expected categories with id, name and isthing, got {str(rows)[:60]}") from None


def _colour(row: dict[str, Any]) -> tuple[int, int, int]:
    colour = row.get("color")
    if colour is None:
        return voc_colour(int(row["id"]) & 255)
    red, green, blue = (int(c) for c in colour)
    return red, green, blue


def _checked(path: Path, number: int, row: Any, known: set[int]) -> dict[str, Any]:
    where = f"{path}: annotations[{number}]"
    if not isinstance(row, dict) or not isinstance(row.get("image_id"), int | str):
        raise InputError(f"{where}: expected image_id, file_name and segments_info, got {str(row)[:60]}")
    name = row.get("file_name")
    if not isinstance(name, str) or not name or ".." in Path(name).parts or Path(name).is_absolute():
        raise InputError(f"{where}: expected the name of a PNG inside the folder as file_name, got {name!r}")
    if not isinstance(row.get("segments_info"), list):
        raise InputError(f"{where}: expected a list segments_info, got {str(row.get('segments_info'))[:60]}")
    seen: set[int] = set()
    for segment in row["segments_info"]:
        values = [segment.get(k) for k in ("id", "category_id")] if isinstance(segment, dict) else [None]
        if not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            raise InputError(f"{where}: expected segments with id and category_id, got {str(segment)[:60]}")
        if not 0 < segment["id"] <= MOST_ID or segment["id"] in seen:
            raise InputError(f"{where}: expected a new segment id 1..{MOST_ID}, got {segment['id']}")
        if segment["category_id"] not in known:
            raise InputError(f"{where}: expected a category_id of the file's list, got {segment['category_id']}")
        seen.add(segment["id"])
    return row
