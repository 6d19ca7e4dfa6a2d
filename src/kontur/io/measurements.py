"""Measurements: a CSV table with one line a segment: where it lies, its shape, and its values in every band.

Shape figures are scikit-image's `regionprops`: perimeter (pixels, 4-connected outline); of the ellipse with the same second
moments eccentricity (0 circle .. 1 line), major and minor axis (whole lengths in pixels); solidity (area / area of the convex
hull). total is the sum of a band's values over the segment.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.files import atomic_write
from ..core.image import Image
from .regions import Region, Result, regions

COLUMNS = ("id", "category", "name", "score", "area", "x0", "y0", "x1", "y1", "centroid_x", "centroid_y")
SHAPE = ("perimeter", "eccentricity", "solidity", "major_axis", "minor_axis")
VALUES = ("mean", "min", "max", "total")


def write_measurements(path: str | Path, result: Result, image: Image) -> None:
    """Write the table; lengths in pixels, centroids at pixel centres (0 is the first), values in the image's own units.

    The background has a line too. A figure that does not exist (the convex hull of a line) is left empty.
    Raises InputError when image and result differ in size, OutputError.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(rows(result, image))
    atomic_write(Path(path), text.getvalue().encode())


def rows(result: Result, image: Image) -> Iterator[tuple[object, ...]]:
    """The header, then a line a segment. Each is measured inside its box, so memory does not grow with their number."""
    if image.shape != result.shape:
        raise InputError(f"expected an image of the result's size {result.shape}, got {image.shape} (H, W)")
    values = [f"{what}_{band}" for band in image.bands for what in VALUES]
    yield (*COLUMNS, *SHAPE, *values)
    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[..., None]
    for region in regions(result, background=True):
        x0, y0, x1, y1 = region.box
        inside = pixels[y0:y1, x0:x1][region.crop]  # (area, C)
        y, x = np.nonzero(region.crop)
        line: list[object] = [region.id, region.category, region.name, region.score, region.area, *region.box]
        line += [_number(x.mean() + x0), _number(y.mean() + y0), *map(_number, _shape(region))]
        for band in inside.T:
            total = float(band.sum(dtype=np.float64))
            line += [_number(total / region.area), _number(band.min()), _number(band.max()), _number(total)]
        yield tuple("" if v is None else v for v in line)


def _shape(region: Region) -> tuple[float, ...]:
    """Figures of SHAPE."""
    from skimage.measure import regionprops

    (found,) = regionprops(region.crop.astype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a line has no convex hull; the figure is then left empty
        flat = min(region.crop.shape) == 1
        solidity = region.area / max(region.crop.shape) if flat else float(found.solidity)
        axes = float(found.axis_major_length), float(found.axis_minor_length)
    return float(found.perimeter), float(found.eccentricity), solidity, *axes


def _number(value: float) -> str | int:
    if float(value).is_integer():
        return int(value)
    return f"{float(value):.6g}" if math.isfinite(value) else ""
