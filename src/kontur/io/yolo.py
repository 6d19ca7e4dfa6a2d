"""YOLO's polygons: a text file an image, one line a part: class x1 y1 x2 y2 .., divided by the image's size.

Format: docs.ultralytics.com, "Instance Segmentation Datasets". A line has no holes: they are filled, and the loss is
reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import short
from ..core.files import atomic_write
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.taxonomy import Taxonomy
from .regions import Result, mean_loss, regions
from .taxonomy import LabelFault, listed, sound, whole
from .text import read_text

_ROUNDING = 1e-6  # by which a share may leave [0, 1]: it was written with as many digits


def write_yolo(path: str | Path, result: Result, image: Image | None = None, *, join: bool = False) -> float:
    """Write the segments but the background; the mean IoU loss against their masks (filled holes), in [0, 1].

    The class is the category's place in the taxonomy, counted from 0; 0 where a result has no categories. Parts of one
    segment are lines of their own; with `join` all parts and holes of a segment are one line, joined by bridges that
    run there and back. Even-odd filling (COCO's, Pillow's) then gives the whole mask; programs that paint outlines show the
    bridges as thin lines. Raises OutputError.
    """
    height, width = result.shape
    size = np.array([width, height], np.float64)
    places = {c.id: n for n, c in enumerate(result.taxonomy)} if result.taxonomy is not None else {}
    lines, losses = [], []
    for region in regions(result):
        number = places.get(region.category, 0) if region.category is not None else 0
        polygons = region.polygons()
        rings = [_bridged([r for p in polygons for r in p.rings])] if join else [p.outer for p in polygons]
        shares = [np.round(ring / size, 7) for ring in rings]
        losses.append(region.loss_of_union([share * size for share in shares]))
        lines += [f"{number} " + " ".join(f"{v:.7g}" for v in share.ravel()) for share in shares]
    atomic_write(Path(path), "".join(line + "\n" for line in lines).encode())
    return mean_loss(losses)


def _bridged(rings: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """One ring: the first, then from its first point to each other one, around it and back by the same way."""
    start = rings[0][:1]
    points = [rings[0], start]
    for ring in rings[1:]:
        points += [ring, ring[:1], start]
    return np.concatenate(points if len(rings) > 1 else rings)


class YoloLine(NamedTuple):
    """One polygon. line: counted from 1. number: the class. points: (N, 2), x and y as shares of the image's size."""

    line: int
    number: int
    points: NDArray[np.float64]


def read_yolo(
    path: str | Path,
    shape: tuple[int, int],
    taxonomy: Taxonomy | None = None,
    *,
    ids: Mapping[int, int] | None = None,
) -> Instances:
    """The polygons of a file for an image of `shape` (H, W); each line is an instance, its category the class number.

    taxonomy: where given, the class is a place in it, counted from 0; or `ids` says which category each number stands for.
    Raises UnreadableFile, and InputError, with the words of `kontur data check`, for the first line that is not in order.
    """
    height, width = shape
    if ids is None and taxonomy is not None:
        ids = {place: category.id for place, category in enumerate(taxonomy)}
    found = []
    for line in sound(path, walk_yolo(read_text(path), None if ids is None else ids.keys())):
        mask = rle.from_polygons([line.points * [width, height]], height, width)
        found.append(Instance(mask, line.number if ids is None else ids[line.number]))
    return Instances((height, width), tuple(found), taxonomy)


def walk_yolo(text: str, classes: Collection[int] | None) -> Iterator[YoloLine | LabelFault]:
    """The lines of a file, each a polygon or a fault; empty lines are passed over. classes: the known numbers; None: any."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found = _line(line, number, classes)
            yield found if isinstance(found, YoloLine) else LabelFault(found[0], f"line {number}", found[1])


def _line(line: str, number: int, classes: Collection[int] | None) -> YoloLine | tuple[str, str]:
    try:
        kind, *values = (float(word) for word in line.split())
    except ValueError:
        return "bad_line", f"expected numbers: class x1 y1 x2 y2 .., got {short(line)}"
    if whole(kind) is None or kind < 0:
        return "bad_line", f"expected a whole class number, got {kind:g}"
    if classes is not None and kind not in classes:
        return "id_outside_taxonomy", f"expected a class of {listed(classes)}, got {kind:g}"
    points = np.asarray(values)
    if len(points) == 4:
        return "box_not_polygon", "expected a polygon, got a box (4 numbers after the class): export the outlines"
    if len(points) % 2:
        return "bad_polygon", f"expected an even number of coordinates, x and y in turn, got {len(points)}"
    if len(points) < 6:
        return "empty_polygon", f"expected at least 3 points, got {len(points) // 2}: draw it or remove the line"
    if not np.isfinite(points).all():
        return "bad_polygon", "expected finite coordinates in [0, 1], got NaN or infinite ones"
    if points.min() < -_ROUNDING or points.max() > 1 + _ROUNDING:
        worst = float(points.max() if points.max() > 1 else points.min())
        pixels = (
            "They look like pixels: divide them by the image's size" if worst > 2 else "Cut them at the image's border"
        )
        text = f"expected coordinates in [0, 1], divided by the image's size, got {worst:.6g}. {pixels}"
        return "polygon_outside", text
    return YoloLine(number, int(kind), np.clip(points, 0.0, 1.0).reshape(-1, 2))
