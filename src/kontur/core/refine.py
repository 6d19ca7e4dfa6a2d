"""Tidying a result after the method: small parts away, holes filled, borders smoothed, the largest part of each kept.

Every function takes a `Segmentation` and gives a new one; ids, categories, scores and provenance stay, ids whose last
pixel went are gone. Components are connected over eight neighbours, as in `Segmentation.split`; holes over four.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError
from .instances import Instances
from .segmentation import BACKGROUND, Segmentation

_MOST_RADIUS = 200


@dataclass(frozen=True)
class Refinements:
    """What is done to a result after its method, in this order: holes of objects filled, borders smoothed with a radius in
    pixels, components under `min_area` pixels removed, the largest component of every segment kept alone."""

    fill_holes: bool = False
    smooth: int = 0
    min_area: int = 0
    keep_largest: bool = False

    def __post_init__(self) -> None:
        for name in ("smooth", "min_area"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name}: expected a whole number, at least 0, got {getattr(self, name)}")

    def __bool__(self) -> bool:
        return self != Refinements()

    def apply(self, result: Segmentation | Instances) -> Segmentation:
        """The result refined; ids stay what they are.

        Of instances these are the numbers 1, 2.. that documents and tables give them, and what is no object is 0, the background;
        where they overlap the higher score wins.
        """
        if isinstance(result, Instances):
            return self._of_objects(result)
        notes: list[str] = []
        provenance = result.provenance
        if self.fill_holes:
            result, notes = fill_holes(result), [*notes, "holes filled"]
        if self.smooth:
            result, notes = smooth(result, self.smooth), [*notes, f"smoothed with radius {self.smooth}"]
        if self.min_area:
            result = remove_small(result, self.min_area)
            notes.append(f"regions under {self.min_area} pixels removed")
        if self.keep_largest:
            result, notes = keep_largest(result), [*notes, "largest component kept"]
        if provenance is not None and notes:
            provenance = replace(provenance, notes=(*provenance.notes, *notes))
        return replace(result, provenance=provenance)

    def _of_objects(self, instances: Instances) -> Segmentation:
        """Refined against a background of their own, which then is 0 again, and each object is its number again."""
        flat = self.apply(instances.flatten())
        segments = tuple(replace(s, id=s.id - BACKGROUND) for s in flat.segments if s.id != BACKGROUND)
        return replace(flat, ids=flat.ids - BACKGROUND, segments=segments, background=0)


def remove_small(segmentation: Segmentation, min_area: int) -> Segmentation:
    """Remove connected components of fewer than `min_area` pixels.

    Of a foreground result those of the objects become background. Of any other result they are merged, smallest first,
    into the neighbour with the longest shared border (4-neighbours; at equal length the one that comes first row by
    row); one with no neighbour but void stays.
    """
    if min_area < 0:
        raise OptionError(f"min_area: expected 0 or more pixels, got {min_area}")
    parts, segment_of, area = _components(segmentation.ids)
    small = (area < min_area) & (segment_of != 0)
    return _without(segmentation, parts, segment_of, area, small, enough=min_area)


def keep_largest(segmentation: Segmentation) -> Segmentation:
    """Keep the largest connected component of every segment: of each object of a foreground result, of each category.

    What is removed becomes background, or in results without one goes to its neighbours as in `remove_small`. Of
    equally large components the one that comes first row by row is kept. The background keeps all of its components.
    """
    parts, segment_of, area = _components(segmentation.ids)
    order = np.lexsort((np.arange(len(area)), -area, segment_of))
    largest = np.zeros(len(area), bool)
    largest[order[np.flatnonzero(np.diff(segment_of[order], prepend=-1))]] = True
    return _without(segmentation, parts, segment_of, area, ~largest & (segment_of != 0), enough=None)


def fill_holes(segmentation: Segmentation) -> Segmentation:
    """Give pixels that one segment encloses to it: background and void inside an object, void inside any other segment.

    A segment inside another is no hole. Of nested segments the outer one is filled first, the inner one keeps its own
    hole.
    """
    from scipy import ndimage

    ids = segmentation.ids
    filled = ids.copy()
    ground = (ids == 0) if segmentation.background is None else (ids == 0) | (ids == segmentation.background)
    if not ground.any():
        return segmentation
    # The outer one of two nested segments has the larger box; the inner one is written over it.
    for segment in sorted(segmentation.segments, key=lambda s: (s.box[0] - s.box[2]) * (s.box[3] - s.box[1])):
        if segment.id == segmentation.background:
            continue
        x0, y0, x1, y1 = segment.box
        inside = ndimage.binary_fill_holes(ids[y0:y1, x0:x1] == segment.id)
        np.copyto(filled[y0:y1, x0:x1], segment.id, where=inside & ground[y0:y1, x0:x1])
    return _rebuilt(segmentation, filled)


def smooth(segmentation: Segmentation, radius: int) -> Segmentation:
    """Give every pixel the id that is most frequent within `radius` pixels of it (a disc; outside the image nobody votes).

    At equal votes a pixel keeps its id, otherwise the lowest wins. Void stays void and has no vote. Structures narrower
    than about the radius go.
    """
    if not 0 <= radius <= _MOST_RADIUS:
        raise OptionError(f"smooth: expected a radius of 0 to {_MOST_RADIUS} pixels, got {radius}")
    if radius == 0:
        return segmentation
    height, width = segmentation.shape
    result = segmentation.ids.copy()
    most = np.zeros((height, width), np.int32)
    for segment in segmentation.segments:
        x0, y0, x1, y1 = segment.box
        x0, y0, x1, y1 = max(0, x0 - radius), max(0, y0 - radius), min(width, x1 + radius), min(height, y1 + radius)
        mask = segmentation.ids[y0:y1, x0:x1] == segment.id
        votes = 2 * _in_disc(mask, radius) + mask  # the odd vote is the pixel's own: it decides at equal votes
        better = votes > most[y0:y1, x0:x1]
        np.copyto(most[y0:y1, x0:x1], votes, where=better)
        np.copyto(result[y0:y1, x0:x1], segment.id, where=better)
    result[segmentation.ids == 0] = 0
    return _rebuilt(segmentation, result)


def _in_disc(mask: NDArray[np.bool_], radius: int) -> NDArray[np.int32]:
    """How many pixels of the mask lie within the radius of each pixel, (H, W) int32."""
    height, width = mask.shape
    left = np.zeros((height, width + 1), np.int32)
    np.cumsum(mask, axis=1, out=left[:, 1:])
    columns = np.arange(width)
    count = np.zeros((height, width), np.int32)
    for dy in range(-min(radius, height - 1), min(radius, height - 1) + 1):
        half = math.isqrt(radius * radius - dy * dy)
        ends, starts = np.minimum(columns + half + 1, width), np.maximum(columns - half, 0)
        source = slice(max(0, dy), height + min(0, dy))
        target = slice(max(0, -dy), height + min(0, -dy))
        count[target] += left[source][:, ends] - left[source][:, starts]
    return count


def _components(ids: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Parts (H, W), numbered from 0 in the order of their first pixel; the id and the area of each."""
    from skimage.measure import label

    parts = label(ids, background=-1, connectivity=2).astype(np.int64) - 1
    count = int(parts.max()) + 1
    segment_of = np.zeros(count, np.int64)
    segment_of[parts.ravel()] = ids.ravel()
    return parts, segment_of, np.bincount(parts.ravel(), minlength=count)


def _without(
    segmentation: Segmentation,
    parts: NDArray[np.int64],
    segment_of: NDArray[np.int64],
    area: NDArray[np.int64],
    unwanted: NDArray[np.bool_],
    *,
    enough: int | None,
) -> Segmentation:
    """The result without the unwanted parts. enough: a part that has grown to this area by merging is wanted again."""
    new_id = segment_of.copy()
    if segmentation.background is not None:
        new_id[unwanted & (segment_of != segmentation.background)] = segmentation.background
    elif unwanted.any():
        new_id = segment_of[_merged(parts, segment_of, area, unwanted, enough)]
    return _rebuilt(segmentation, new_id[parts].astype(np.int32))


def _merged(
    parts: NDArray[np.int64],
    segment_of: NDArray[np.int64],
    area: NDArray[np.int64],
    unwanted: NDArray[np.bool_],
    enough: int | None,
) -> NDArray[np.int64]:
    """For each part the one whose id it takes."""
    borders = _borders(parts, segment_of)
    goal = np.arange(len(area))
    size = area.tolist()
    queue = [(size[n], n) for n in np.flatnonzero(unwanted).tolist()]
    heapq.heapify(queue)
    gone: set[int] = set()
    while queue:
        was, part = heapq.heappop(queue)
        if part in gone or was != size[part] or not borders.get(part):
            continue  # merged meanwhile, grown meanwhile (it is in the queue again), or alone
        around = borders.pop(part)
        other = min(around, key=lambda n: (-around[n], n))
        gone.add(part)
        goal[part] = other
        size[other] += size[part]
        for n, length in around.items():
            del borders[n][part]
            if n != other:
                borders[n][other] = borders[other][n] = borders[other].get(n, 0) + length
        if unwanted[other] and (enough is None or size[other] < enough):
            heapq.heappush(queue, (size[other], other))
    for part in sorted(gone):
        target = part
        while goal[target] != target:
            target = int(goal[target])
        while goal[part] != target:
            goal[part], part = target, int(goal[part])
    return goal


def _borders(parts: NDArray[np.int64], segment_of: NDArray[np.int64]) -> dict[int, dict[int, int]]:
    """For each part its neighbours but void, and how many pixel edges they share."""
    pairs = []
    for first, second in ((parts[:, :-1], parts[:, 1:]), (parts[:-1], parts[1:])):
        differ = (first != second) & (segment_of[first] != 0) & (segment_of[second] != 0)
        a, b = first[differ], second[differ]
        pairs.append(np.minimum(a, b) * len(segment_of) + np.maximum(a, b))
    codes, lengths = np.unique(np.concatenate(pairs), return_counts=True)
    borders: dict[int, dict[int, int]] = {}
    for code, length in zip(codes.tolist(), lengths.tolist(), strict=True):
        a, b = divmod(code, len(segment_of))
        borders.setdefault(a, {})[b] = length
        borders.setdefault(b, {})[a] = length
    return borders


def _rebuilt(segmentation: Segmentation, ids: NDArray[np.int32]) -> Segmentation:
    """The same result with other ids."""
    result = Segmentation.from_ids(
        ids,
        categories={s.id: s.category for s in segmentation.segments if s.category is not None},
        scores={s.id: s.score for s in segmentation.segments if s.score is not None},
        taxonomy=segmentation.taxonomy,
        background=segmentation.background,
    )
    return replace(result, provenance=segmentation.provenance)
