"""YOLO's polygons: a text file an image, one line a part: class x1 y1 x2 y2 .., divided by the image's size.

Format: docs.ultralytics.com, "Instance Segmentation Datasets". A line has no holes: they are filled, and the loss is
reported.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, UnreadableFile
from ..core.files import atomic_write
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.taxonomy import Taxonomy
from .regions import Result, mean_loss, regions


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


def read_yolo(path: str | Path, shape: tuple[int, int], taxonomy: Taxonomy | None = None) -> Instances:
    """The polygons of a file for an image of `shape` (H, W); each line is an instance, its category the class number.

    taxonomy: where given, the class is a place in it, counted from 0. Raises UnreadableFile, and InputError that names
    the line for boxes (5 numbers), odd counts, NaN, coordinates outside [0, 1] and unknown classes.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"{path}: expected a text file, got one that cannot be read ({type(error).__name__})"
        ) from None
    height, width = shape
    categories = [c.id for c in taxonomy] if taxonomy is not None else None
    found = []
    for line_number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}: line {line_number}"
        try:
            number, *values = (float(word) for word in line.split())
        except ValueError:
            raise InputError(f"{where}: expected numbers: class x1 y1 x2 y2 .., got {line[:40]!r}") from None
        if number != int(number) if np.isfinite(number) else True:
            raise InputError(f"{where}: expected a whole class number, got {number}")
        if len(values) == 4:
            raise InputError(f"{where}: expected a polygon, got a box (4 numbers after the class)")
        points = np.asarray(values)
        if not np.isfinite(points).all() or (points < 0).any() or (points > 1).any():
            raise InputError(f"{where}: expected coordinates in [0, 1], divided by the image's size")
        category = int(number)
        if categories is not None:
            if not 0 <= category < len(categories):
                raise InputError(f"{where}: expected a class of 0 to {len(categories) - 1}, got {category}")
            category = categories[category]
        try:
            points = points.reshape(-1, 2) if len(points) % 2 == 0 else points
            scaled = points * [width, height] if points.ndim == 2 else points
            found.append(Instance(rle.from_polygons([scaled], height, width), category))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return Instances((height, width), tuple(found), taxonomy)
