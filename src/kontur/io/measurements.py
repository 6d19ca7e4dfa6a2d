"""Measurements: a CSV table with one line a segment: where it lies, its shape, and its values in every band.

Shape figures are scikit-image's `regionprops`: perimeter (pixels, 4-connected outline); of the ellipse with the same second
moments eccentricity (0 circle .. 1 line), major and minor axis (whole lengths in pixels); solidity (area / area of the convex
hull). total is the sum of a band's values over the segment.

Segments are measured thousands at a time, over lists of their pixels, so that 100,000 of them take seconds.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError
from ..core.files import atomic_write
from ..core.image import Image
from .regions import Region, Result, regions

COLUMNS = ("id", "category", "name", "score", "area", "x0", "y0", "x1", "y1", "centroid_x", "centroid_y")
SHAPE = ("perimeter", "eccentricity", "solidity", "major_axis", "minor_axis")
VALUES = ("mean", "min", "max", "total")
_AT_ONCE = 1 << 22  # pixels measured together, so that memory does not grow with the image


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
    """The header, then a line a segment."""
    if image.shape != result.shape:
        raise InputError(f"expected an image of the result's size {result.shape}, got {image.shape} (H, W)")
    values = [f"{what}_{band}" for band in image.bands for what in VALUES]
    yield (*COLUMNS, *SHAPE, *values)
    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[..., None]
    for some in _batches(regions(result, background=True)):
        measured = _measured(_pixels_of(some), pixels)
        for region, numbers in zip(some, measured.tolist(), strict=True):
            line = (region.id, region.category, region.name, region.score, region.area, *region.box)
            yield tuple("" if v is None else v for v in (*line, *map(_number, numbers)))


def _batches(found: Iterator[Region]) -> Iterator[list[Region]]:
    some: list[Region] = []
    size = 0
    for region in found:
        if some and size + region.area > _AT_ONCE:
            yield some
            some, size = [], 0
        some.append(region)
        size += region.area
    if some:
        yield some


class _Pixels(NamedTuple):
    """The pixels of N segments, one after the other, each down the columns. first: (N,), where each begins.

    owner, x, y: (P,). boxes: (N, 4), x0, y0, x1, y1.
    """

    first: NDArray[np.int64]
    owner: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    boxes: NDArray[np.int64]


def _pixels_of(some: Sequence[Region]) -> _Pixels:
    areas = np.array([region.area for region in some])
    x, y = np.divmod(np.concatenate([rle.pixels(region.mask) for region in some]), some[0].mask.size[0])
    boxes = np.array([region.box for region in some])
    return _Pixels(np.cumsum(areas) - areas, np.repeat(np.arange(len(some)), areas), x, y, boxes)


def _measured(at: _Pixels, pixels: NDArray) -> NDArray[np.float64]:
    """(N, 2 + SHAPE + VALUES of each band): centroid and all figures."""
    area = np.diff(np.append(at.first, len(at.x))).astype(np.float64)
    # Sums of whole numbers from the box's corner on, so that nothing is lost.
    x, y = at.x - at.boxes[at.owner, 0], at.y - at.boxes[at.owner, 1]
    sums = [np.add.reduceat(v, at.first) for v in (x, y, x * x, y * y, x * y)]
    mean_x, mean_y = sums[0] / area, sums[1] / area
    xx, yy = ((area * s2 - s * s) / area**2 for s, s2 in ((sums[0], sums[2]), (sums[1], sums[3])))
    xy = (area * sums[4] - sums[0] * sums[1]) / area**2
    inertia = np.linalg.eigvalsh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1)).clip(min=0)
    minor, major = inertia.T
    ratio = np.divide(minor, major, out=np.ones_like(minor), where=major > 0)
    columns = [mean_x + at.boxes[:, 0], mean_y + at.boxes[:, 1], _perimeters(at), np.sqrt(1 - ratio)]
    columns += [_solidities(at, area), 4 * np.sqrt(major), 4 * np.sqrt(minor)]
    for band in range(pixels.shape[2]):
        values = pixels[at.y, at.x, band]
        total = np.add.reduceat(values, at.first, dtype=np.float64)
        columns += [total / area, np.minimum.reduceat(values, at.first), np.maximum.reduceat(values, at.first), total]
    return np.stack(columns, axis=1).astype(np.float64)


def _perimeters(at: _Pixels) -> NDArray[np.float64]:
    """Of each segment; Benkrid and Crookes' estimate, as in `skimage.measure.perimeter` with four neighbours.

    A pixel is on the border where one of its four neighbours is not the segment's. How many steps it stands for follows
    from how many of its neighbours, straight and slanted, are on the border too.
    """
    wide, high = (at.boxes[:, 2:] - at.boxes[:, :2] + 2).T  # with a margin, so that no neighbour is another column's
    base = np.cumsum(wide * high) - wide * high
    step = high[at.owner]
    keys = base[at.owner] + (at.x - at.boxes[at.owner, 0] + 1) * step + at.y - at.boxes[at.owner, 1] + 1

    def known(wanted: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.bool_]:
        place = np.searchsorted(among, wanted)
        return among[np.minimum(place, len(among) - 1)] == wanted

    inner = np.logical_and.reduce([known(keys + d, keys) for d in (1, -1, step, -step)])
    border, step, owner = keys[~inner], step[~inner], at.owner[~inner]
    straight = np.sum([known(border + d, border) for d in (1, -1, step, -step)], axis=0)
    slanted = np.sum([known(border + d, border) for d in (step + 1, step - 1, -step + 1, -step - 1)], axis=0)
    kind = 1 + 2 * straight + 10 * slanted
    weights = np.zeros(50)
    weights[[5, 7, 15, 17, 25, 27]] = 1
    weights[[21, 33]] = math.sqrt(2)
    weights[[13, 23]] = (1 + math.sqrt(2)) / 2
    return np.bincount(owner, weights[kind], len(at.first)).astype(np.float64)


def _solidities(at: _Pixels, area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area over the area of the convex hull: the pixels whose centres lie in the hull of the middles of all pixels' sides."""
    wide, high = (at.boxes[:, 2:] - at.boxes[:, :2]).T
    row = np.cumsum(high) - high
    where = row[at.owner] + at.y - at.boxes[at.owner, 1]
    x = at.x - at.boxes[at.owner, 0]
    left, right = np.full(int(high.sum()), -1), np.full(int(high.sum()), -1)
    left[where[::-1]] = x[::-1]  # of several the last one stays: pixels come column by column
    right[where] = x
    solidity = np.ones(len(area))
    for n in np.flatnonzero((area < wide * high) | (np.minimum(wide, high) == 1)).tolist():
        rows = slice(int(row[n]), int(row[n] + high[n]))
        if min(wide[n], high[n]) == 1:
            solidity[n] = area[n] / max(wide[n], high[n])
        else:
            solidity[n] = area[n] / _hull_pixels(left[rows].tolist(), right[rows].tolist())
    return solidity


def _hull_pixels(left: list[int], right: list[int]) -> int:
    """Pixels of the convex hull of a segment, from its first and last column in each row (-1: no pixel), exactly.

    In half pixels: the pixel (x, y) has the side middles (2x - 1, 2y), (2x + 1, 2y), (2x, 2y - 1) and (2x, 2y + 1).
    """
    mirrored = [-c if c >= 0 else None for c in right]
    low, high = _hull_side([c if c >= 0 else None for c in left]), _hull_side(mirrored)
    return sum(1 - a - b for a, b in zip(low, high, strict=True))


def _hull_side(columns: list[int | None]) -> list[int]:
    """The first column in the hull, in each row. columns: the segment's first one, None where a row has none."""
    points: list[tuple[int, int]] = []  # (half row, half column), the outermost of each half row
    for row, column in enumerate(columns):
        if column is not None:
            for point in ((2 * row - 1, 2 * column), (2 * row, 2 * column - 1), (2 * row + 1, 2 * column)):
                if points and points[-1][0] == point[0]:
                    point = min(point, points.pop())
                while len(points) > 1 and _turns_out(points[-2], points[-1], point):
                    points.pop()
                points.append(point)
    found, edge = [], 0
    for half_row in range(0, 2 * len(columns), 2):
        while points[edge + 1][0] < half_row:
            edge += 1
        (r0, c0), (r1, c1) = points[edge], points[edge + 1]
        found.append(-(-(c0 * (r1 - r0) + (c1 - c0) * (half_row - r0)) // (2 * (r1 - r0))))
    return found


def _turns_out(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether b lies on the line from a to c or behind it, so that it is no corner of the hull."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def _number(value: float) -> str | int:
    if value.is_integer():
        return int(value)
    return f"{value:.6g}" if math.isfinite(value) else ""
