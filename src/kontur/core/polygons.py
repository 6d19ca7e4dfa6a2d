"""Outlines and fillings: masks (H, W) to polygons along the pixels' edges, polygons to pixels by COCO's rule.

    rings [x0, y0, x1, y1, ..] ─fill▶ bounds: the places, down the columns, where inside and outside change
    mask (H, W) bool ─outlines▶ Polygon(outer, holes), ..

Source: the rasteriser of pycocotools' `mask`, whose pixels are met; the polygons' own rules are `Polygon`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, short

MAX_COORDINATE = 1_000_000
"""Polygon coordinates beyond this many pixels are refused as a mistake."""

_MAX_STEPS = 200_000_000  # of all edges of one polygon set together, in fifths of a pixel: seconds of work
_CHUNK = 1 << 20  # steps rasterised at a time, so memory does not grow with the outline
_SCALE = 5  # COCO's rule draws outlines on a grid of fifths of a pixel


class Polygon(NamedTuple):
    """One part of a mask. Rings are (N, 2) float64 (x, y) in pixels, not closed: the last point is not the first again.

    outer: clockwise on the screen (x right, y down). holes: counter-clockwise. Pixel (column, row) covers
    column..column + 1 by row..row + 1. No ring passes a point twice.
    """

    outer: NDArray[np.float64]
    holes: tuple[NDArray[np.float64], ...] = ()

    @property
    def rings(self) -> tuple[NDArray[np.float64], ...]:
        """The outer ring, then the holes."""
        return self.outer, *self.holes


def outlines(mask: NDArray[np.bool_]) -> list[Polygon]:
    """The outlines of a mask (H, W) along the pixels' edges: one polygon with its holes for each part of 4-connected pixels.

    Filling all rings again, even-odd, gives the same mask. Parts are in order of their first pixel, row by row.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != bool:
        raise InputError(f"mask: expected a bool array (H, W) or RLE, got {mask.dtype} {mask.shape}")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    window = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    rings = _rings(window)
    outer = [r for r in rings if _twice_area(r) > 0]
    holes = [r for r in rings if _twice_area(r) < 0]
    owned: list[list[NDArray[np.float64]]] = [[] for _ in outer]
    if holes:
        owner = [0] * len(holes) if len(outer) == 1 else _owners(window, outer, holes)
        for ring, part in zip(holes, owner, strict=True):
            owned[part].append(ring)
    shift = np.array([left - 1, top - 1], np.float64)
    return [
        Polygon(ring + shift, tuple(hole + shift for hole in inner)) for ring, inner in zip(outer, owned, strict=True)
    ]


def fill(rings: list[NDArray[np.float64]], size: tuple[int, int]) -> NDArray[np.int64]:
    """Even-odd filling of rings (N, 2), (x, y) in pixels, by COCO's rule; the places where it changes sides, rising.

    Points are rounded to fifths of a pixel and joined by digital lines. Where a line steps from fifth 5c + 2 to 5c + 3
    (or back), it crosses the middle of column c; the rows from there down change sides.
    """
    height, width = size
    crossings: list[NDArray[np.int64]] = []
    starts, stops = [], []
    for ring in rings:
        fifths = np.trunc(_SCALE * ring + 0.5).astype(np.int64)
        starts.append(fifths)
        stops.append(np.roll(fifths, -1, axis=0))
    if rings:
        begin, end = np.concatenate(starts), np.concatenate(stops)
        moving = begin[:, 0] != end[:, 0]  # a line straight down crosses no column's middle
        begin, end = begin[moving], end[moving]
        steps = np.abs(end - begin).max(axis=1, initial=0)
        if int(steps.sum()) > _MAX_STEPS:
            raise InputError(
                f"polygon: expected outlines of at most {_MAX_STEPS // _SCALE} pixels together, "
                f"got {int(steps.sum()) // _SCALE}. Simplify it or cut it to the image."
            )
        total = np.cumsum(steps)
        chunk = total // _CHUNK
        for piece in np.split(np.arange(len(steps)), np.flatnonzero(np.diff(chunk)) + 1):
            if len(piece):
                crossings.append(_crossings(begin[piece], end[piece], height, width))
    return np.sort(np.concatenate(crossings)) if crossings else np.zeros(0, np.int64)


def _crossings(begin: NDArray[np.int64], end: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Positions, counted down the columns, where the lines begin -> end (N, 2), in fifths of a pixel, change sides."""
    dx, dy = np.abs(end - begin).T
    flat = dx >= dy
    # A line is drawn along its longer axis, from the smaller coordinate on, so that it is the same in both directions.
    backwards = np.where(flat, begin[:, 0] > end[:, 0], begin[:, 1] > end[:, 1])
    first, last = np.where(backwards[:, None], end, begin), np.where(backwards[:, None], begin, end)
    length = np.where(flat, dx, dy)
    rise = np.where(flat, last[:, 1] - first[:, 1], last[:, 0] - first[:, 0])
    slope = rise.astype(np.float64) / length
    line = np.repeat(np.arange(len(length)), length)
    t = np.arange(len(line)) - np.repeat(np.cumsum(length) - length, length)  # one step: from t to t + 1

    along = np.where(flat, first[:, 0], first[:, 1])[line] + t
    start, slant = np.where(flat, first[:, 1], first[:, 0])[line], slope[line]
    here = np.trunc(start + slant * t + 0.5).astype(np.int64)
    there = np.trunc(start + slant * (t + 1) + 0.5).astype(np.int64)
    flat = flat[line]
    u = np.where(flat, along, np.minimum(here, there))
    v = np.where(flat, np.minimum(here, there), along)
    crossed = (flat | (here != there)) & (u % _SCALE == 2) & (u >= 0) & (u < _SCALE * width)
    column, v = u[crossed] // _SCALE, v[crossed]
    row = np.ceil(np.clip((v + 0.5) / _SCALE - 0.5, 0, height)).astype(np.int64)
    return column * height + row


def _rings(window: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The closed outlines of a mask whose border is outside; the mask lies on the right of the way they run.

    Corners of the outlines are found first. Sorted along rows, they are in pairs the ends of the level edges; sorted
    along columns, the ends of the upright ones. Where two pixels touch at a corner only, the corner counts twice and
    the two are kept apart.
    """
    a, b = window[:-1, :-1], window[:-1, 1:]  # above the corner, left and right
    c, d = window[1:, :-1], window[1:, 1:]  # below it
    odd = a ^ b ^ c ^ d
    falling = a & d & ~b & ~c  # two pixels touch like \
    rising = b & c & ~a & ~d  # like /
    y, x = np.nonzero(odd | falling | rising)
    twice = ~odd[y, x]
    y, x = np.repeat(y, 1 + twice), np.repeat(x, 1 + twice)
    second = np.concatenate([[False], (y[1:] == y[:-1]) & (x[1:] == x[:-1])])
    # np.nonzero went along rows: neighbours in pairs are the ends of level edges; of a double corner the first is a
    # right end.
    count = len(y)
    level = np.arange(count) ^ 1
    # Of a double corner like \ the left edge goes with the upper one, the pixel above left; like / with the lower one.
    lower_first = np.where(rising[y, x], ~second, second)
    by_column = np.lexsort((lower_first, y, x))
    upright = np.empty(count, np.int64)
    upright[by_column] = by_column[np.arange(count) ^ 1]
    # A level edge with the mask below it runs right, one with the mask above it runs left.
    left_end = np.minimum(np.arange(count), level)
    runs_right = d[y[left_end], x[left_end]]
    is_left_end = np.arange(count) == left_end
    leaves_level = (runs_right == is_left_end).tolist()
    following = np.where(leaves_level, level, upright).tolist()
    points = np.stack([x, y], axis=1) + 1
    place = (y.astype(np.int64) * window.shape[1] + x).tolist()
    doubled = twice.repeat(1 + twice).tolist()
    found: list[list[int]] = []
    seen = bytearray(count)
    for start in range(count):
        if seen[start]:
            continue
        ring: list[int] = []
        depth: dict[int, int] = {}
        corner = start
        while not seen[corner]:
            seen[corner] = 1
            if doubled[corner]:
                # A ring that comes to a point again is cut there: rings that touch themselves are not valid polygons.
                if place[corner] in depth:
                    cut = depth[place[corner]]
                    found.append(ring[cut:])
                    for inner in ring[cut:]:
                        depth.pop(place[inner], None)
                    del ring[cut:]
                depth[place[corner]] = len(ring)
            ring.append(corner)
            corner = following[corner]
        found.append(ring)
    return [points[r].astype(np.float64) for r in sorted(found, key=min)]


def _owners(window: NDArray[np.bool_], outer: list[NDArray[np.float64]], holes: list[NDArray[np.float64]]) -> list[int]:
    """For each hole the index of the outer ring around its part."""
    from scipy import ndimage

    parts, _ = ndimage.label(window)

    def part(ring: NDArray[np.float64], step: int) -> int:
        # The topmost of the leftmost points; inside the ring is the pixel right below it, outside the one left of that.
        x, y = min(map(tuple, ring))
        return int(parts[int(y), int(x) + step])

    owner = {part(ring, 0): number for number, ring in enumerate(outer)}
    return [owner[part(ring, -1)] for ring in holes]


def _twice_area(ring: NDArray[np.float64]) -> float:
    """Positive for rings that run clockwise on the screen (y down)."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def checked_rings(polygons: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    """Rings (N, 2) of polygons [x0, y0, x1, y1, ..] or (N, 2). Raises InputError for anything else, before any work."""
    rings = []
    for number, polygon in enumerate(polygons):
        where = f"polygon {number}" if len(polygons) > 1 else "polygon"
        try:
            ring = np.asarray(polygon)
        except (TypeError, ValueError, OverflowError):
            ring = np.empty(0, object)
        if ring.dtype.kind not in "iuf":
            raise InputError(f"{where}: expected coordinates x0, y0, x1, y1, .. as numbers, got {short(polygon)}")
        ring = ring.astype(np.float64)
        if ring.ndim == 1:
            if ring.size % 2:
                raise InputError(f"{where}: expected an even number of coordinates, x and y in turn, got {ring.size}")
            ring = ring.reshape(-1, 2)
        if ring.ndim != 2 or ring.shape[1] != 2:
            raise InputError(f"{where}: expected coordinates x0, y0, x1, y1, .. or (N, 2), got the shape {ring.shape}")
        if len(ring) < 3:
            raise InputError(f"{where}: expected at least 3 points, got {len(ring)}")
        if not np.isfinite(ring).all():
            raise InputError(f"{where}: expected finite coordinates, got NaN or infinite ones")
        largest = float(np.abs(ring).max())
        if largest > MAX_COORDINATE:
            raise InputError(f"{where}: expected coordinates of at most {MAX_COORDINATE} pixels, got {largest:g}")
        rings.append(ring)
    return rings
