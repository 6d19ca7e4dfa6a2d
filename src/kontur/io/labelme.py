"""labelme's JSON: polygons with a label, for correcting a result by hand; written and read.

Format: github.com/wkentaro/labelme, version 5. A polygon has no holes: they are filled, and the loss is reported; or
such a segment is written as a mask (shape_type "mask", a PNG in base64), which loses nothing. Parts of one segment
share a `group_id`. A crowd has the flag "crowd".
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, KonturError, short
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.taxonomy import Taxonomy
from .regions import Result, mean_loss, regions
from .taxonomy import LabelFault, sound, whole
from .text import read_json, write_json

_VERSION = "5.5.0"


@dataclass(frozen=True, eq=False)
class LabelmeFile:
    """What a file says. image_file: the photo's name; crowds: places of the instances that are crowds."""

    image_file: str
    instances: Instances
    crowds: frozenset[int]


class LabelmeShape(NamedTuple):
    """One shape. number: counted from 0. points: (N, 2) in pixels. mask: of shapes that are masks."""

    number: int
    label: str
    points: NDArray[np.float64]
    mask: RLE | None
    group: object
    crowd: bool

    def runs(self, size: tuple[int, int]) -> RLE:
        """The shape's pixels in an image of (H, W)."""
        return self.mask if self.mask is not None else rle.from_polygons([self.points], *size)


def write_labelme(
    path: str | Path,
    result: Result,
    image: Image | None = None,
    *,
    image_file: str | None = None,
    masks: bool = False,
    crowds: Collection[int] = (),
) -> float:
    """Write the segments but the background; the mean IoU loss against their masks (filled holes), in [0, 1].

    The label is the category's name, else "object" or "region"; the group is the segment's id.

    image_file: the photo's name, where there is no `image`. masks: write a segment that polygons would change as a mask.
    crowds: ids of segments (1, 2.. of instances) that are crowds. Raises OutputError.
    """
    shapes: list[dict[str, Any]] = []
    losses = []
    for region in regions(result):
        outer = [polygon.outer for polygon in region.polygons()]
        loss = region.loss_of_union(outer)
        shape = {"label": region.name, "group_id": region.id, "description": "", "flags": {}, "mask": None}
        if region.id in crowds:
            shape["flags"] = {"crowd": True}
        if masks and loss:
            x0, y0, x1, y1 = region.box
            corners = [[float(x0), float(y0)], [float(x1 - 1), float(y1 - 1)]]  # labelme counts both ends in
            shapes.append(shape | {"shape_type": "mask", "points": corners, "mask": _mask_text(region.crop)})
            losses.append(0.0)
        else:
            shapes += [shape | {"shape_type": "polygon", "points": ring.tolist()} for ring in outer]
            losses.append(loss)
    name = image.path.name if image is not None and image.path is not None else image_file or ""
    loss = mean_loss(losses)
    height, width = result.shape
    content: dict[str, Any] = {"version": _VERSION, "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None}
    write_json(path, content | {"imageHeight": height, "imageWidth": width, "iouLoss": loss}, indent=1)
    return loss


def read_labelme(path: str | Path) -> Instances:
    """The polygons, rectangles, circles and masks of a file; those of one label and group become one instance.

    The taxonomy holds the labels in the order in which they occur. Raises UnreadableFile, and InputError for shapes
    without an area (points, lines), a missing image size and polygons that are not in order.
    """
    return read_labelme_file(path).instances


def read_labelme_file(path: str | Path) -> LabelmeFile:
    """As `read_labelme`, with the photo's name and which instances are crowds (the flag "crowd")."""
    content = read_json(path)
    entries = sound(path, walk_labelme(content))
    size: tuple[int, int] = entries[0]  # type: ignore[assignment]  # it comes first
    groups: dict[tuple[str, object], list[RLE]] = {}
    crowds: set[tuple[str, object]] = set()
    for shape in (e for e in entries if isinstance(e, LabelmeShape)):
        key = (shape.label, shape.number if shape.group is None else ("group", str(shape.group)))
        groups.setdefault(key, []).append(shape.runs(size))
        if shape.crowd:
            crowds.add(key)
    names = list(dict.fromkeys(label for label, _ in groups))
    place = {name: number for number, name in enumerate(names)}
    found = tuple(Instance(rle.merge(masks), place[label]) for (label, _), masks in groups.items())
    instances = Instances(size, found, Taxonomy.from_names(names, things=names, ignore=None))
    return LabelmeFile(
        str(content.get("imagePath") or ""), instances, frozenset(n for n, k in enumerate(groups) if k in crowds)
    )


def walk_labelme(content: Any) -> Iterator[tuple[int, int] | LabelmeShape | LabelFault]:
    """What a file holds: first its image's (H, W), then its shapes, each sound or a fault."""
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        got = short(content.get("shapes")) if isinstance(content, dict) else type(content).__name__
        yield LabelFault("unreadable_annotations", "", f"expected labelme's JSON with a list of shapes, got {got}")
        return
    high, wide = content.get("imageHeight"), content.get("imageWidth")
    size = (whole(high) or 0, whole(wide) or 0)
    known = min(size) > 0 and size[0] * size[1] <= rle.MAX_PIXELS
    if known:
        yield size
    else:
        text = f"expected imageHeight and imageWidth in pixels, got {short(high)} and {short(wide)}"
        yield LabelFault("bad_image_entry", "", text)
    for number, row in enumerate(content["shapes"]):
        try:
            yield _read_shape(number, row, size if known else None)
        except KonturError as error:
            kind = "bad_polygon" if str(error).startswith("polygon") else "bad_annotation"
            kind = "empty_polygon" if "at least 3 points" in str(error) else kind
            yield LabelFault(kind, f"shape {number}", str(error))


def labels_of(content: Any) -> list[str]:
    """The labels of a file, in the order in which they occur, also those of shapes that are not in order."""
    shapes = content.get("shapes") if isinstance(content, dict) else None
    rows = [row for row in shapes if isinstance(row, dict)] if isinstance(shapes, list) else []
    return list(dict.fromkeys(row["label"] for row in rows if isinstance(row.get("label"), str)))


def _mask_text(mask: NDArray[np.bool_]) -> str:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(mask).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _read_shape(number: int, shape: Any, size: tuple[int, int] | None) -> LabelmeShape:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        raise InputError(f"expected an object with a label, got {short(shape)}")
    kind = shape.get("shape_type") or "polygon"
    given = shape.get("points")
    try:
        points = np.asarray(given)
    except (TypeError, ValueError, OverflowError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind not in "iuf":
        raise InputError(f"expected points [[x, y], ..], got {short(given)}")
    points, mask = points.astype(np.float64), None
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    elif kind == "circle" and len(points) == 2:
        turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        points = points[0] + np.hypot(*(points[1] - points[0])) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    elif kind == "mask" and len(points) == 2:
        mask = _read_mask(shape.get("mask"), points, *size) if size is not None else None
    elif kind != "polygon":
        raise InputError(f"expected a polygon, rectangle, circle or mask, got {short(kind)}, which has no area")
    if kind != "mask":
        rle.check_polygons([points], *(size or (1, 1)))
    flags = shape.get("flags")
    crowd = isinstance(flags, dict) and flags.get("crowd") is True
    return LabelmeShape(number, shape["label"], points, mask, shape.get("group_id"), crowd)


def _read_mask(text: object, corners: NDArray[np.float64], height: int, width: int) -> RLE:
    from PIL import Image as Pillow

    try:
        if not isinstance(text, str):
            raise ValueError("no mask")
        picture = Pillow.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"])
        x, y = (int(v) for v in np.round(corners[0]))
        if x < 0 or y < 0 or x + picture.width > width or y + picture.height > height:
            raise InputError(f"mask: expected to lie inside the image of {width}x{height} pixels")
        window = np.asarray(picture.convert("L")) > 0
    except (ValueError, OSError, SyntaxError, OverflowError, binascii.Error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("mask: expected a PNG in base64 within the image") from None
    return rle.encode_window(window, (y, x), (height, width))
