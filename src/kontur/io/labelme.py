"""labelme's JSON: polygons with a label, for correcting a result by hand; written and read.

Format: github.com/wkentaro/labelme, version 5. A polygon has no holes: they are filled, and the loss is reported; or
such a segment is written as a mask (shape_type "mask", a PNG in base64), which loses nothing. Parts of one segment
share a `group_id`. A crowd has the flag "crowd".
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, KonturError
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.taxonomy import Taxonomy
from .documents import read_json, write_json
from .regions import Result, mean_loss, regions

_VERSION = "5.5.0"


@dataclass(frozen=True, eq=False)
class LabelmeFile:
    """What a file says. image_file: the photo's name; crowds: places of the instances that are crowds."""

    image_file: str
    instances: Instances
    crowds: frozenset[int]


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
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise InputError(f"{path}: expected labelme's JSON with a list of shapes, got {type(content).__name__}")
    height, width = content.get("imageHeight"), content.get("imageWidth")
    if not isinstance(height, int) or not isinstance(width, int):
        raise InputError(f"{path}: expected imageHeight and imageWidth, got {height!r} and {width!r}")
    groups: dict[tuple[str, object], list[RLE]] = {}
    crowds: set[tuple[str, object]] = set()
    for number, shape in enumerate(content["shapes"]):
        try:
            label, mask = _read_shape(shape, height, width)
        except KonturError as error:
            raise InputError(f"{path}: shape {number}: {error}") from None
        group = shape.get("group_id")
        key = (label, number if group is None else ("group", str(group)))
        groups.setdefault(key, []).append(mask)
        flags = shape.get("flags")
        if isinstance(flags, dict) and flags.get("crowd") is True:
            crowds.add(key)
    names = list(dict.fromkeys(label for label, _ in groups))
    found = tuple(Instance(rle.merge(masks), names.index(label)) for (label, _), masks in groups.items())
    instances = Instances((height, width), found, Taxonomy.from_names(names, things=names, ignore=None))
    return LabelmeFile(
        str(content.get("imagePath") or ""), instances, frozenset(n for n, k in enumerate(groups) if k in crowds)
    )


def _mask_text(mask: NDArray[np.bool_]) -> str:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(mask).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _read_shape(shape: Any, height: int, width: int) -> tuple[str, RLE]:
    if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
        raise InputError("expected an object with a label")
    kind = shape.get("shape_type") or "polygon"
    try:
        points = np.asarray(shape.get("points"), np.float64)
    except (TypeError, ValueError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError("expected points [[x, y], ..]")
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    elif kind == "circle" and len(points) == 2:
        turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        points = points[0] + np.hypot(*(points[1] - points[0])) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    elif kind == "mask" and len(points) == 2:
        return shape["label"], _read_mask(shape.get("mask"), points, height, width)
    elif kind != "polygon":
        raise InputError(f"expected a polygon, rectangle, circle or mask, got {kind!r}, which has no area")
    return shape["label"], rle.from_polygons([points], height, width)


def _read_mask(text: object, corners: NDArray[np.float64], height: int, width: int) -> RLE:
    from PIL import Image as Pillow

    try:
        if not isinstance(text, str):
            raise ValueError("no mask")
        picture = Pillow.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"])
        x, y = (int(v) for v in np.round(corners[0]))
        if x < 0 or y < 0 or x + picture.width > width or y + picture.height > height:
            raise InputError(f"mask: expected to lie inside the image of {width}x{height} pixels")
        mask = np.zeros((height, width), bool)
        mask[y : y + picture.height, x : x + picture.width] = np.asarray(picture.convert("L")) > 0
    except (ValueError, OSError, SyntaxError, OverflowError, binascii.Error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("mask: expected a PNG in base64 within the image") from None
    return rle.encode(mask)
