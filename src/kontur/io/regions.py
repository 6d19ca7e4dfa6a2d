"""What all writers read from a result: its regions one at a time, each cut to its box, named; and their outlines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.instances import Instances
from ..core.polygons import Polygon
from ..core.rle import RLE
from ..core.segmentation import Segmentation

Result = Segmentation | Instances

OBJECT = "object"
"""The name of what a foreground result or instances without categories show."""

REGION = "region"
"""The name of what other results without categories show."""


@dataclass(frozen=True, eq=False)
class Region:
    """One segment or instance. id: the segment's, or 1, 2.. of instances. box: (x0, y0, x1, y1), x1 and y1 exclusive.

    category: an id of the taxonomy or None; name: the category's, or "object" or "region".
    """

    id: int
    category: int | None
    name: str
    score: float | None
    area: int
    box: tuple[int, int, int, int]
    mask: RLE

    @cached_property
    def crop(self) -> NDArray[np.bool_]:
        """Its pixels inside its box, (y1 - y0, x1 - x0) bool."""
        return rle.decode_window(self.mask)

    def polygons(self) -> list[Polygon]:
        """The outlines in pixels of the whole image, parts and holes kept."""
        shift = np.array(self.box[:2], np.float64)
        return [Polygon(p.outer + shift, tuple(h + shift for h in p.holes)) for p in rle.to_polygons(self.crop)]

    def loss(self, rings: list[NDArray[np.float64]]) -> float:
        """1 - IoU between this region and what the rings (x, y) fill together, even-odd, by COCO's rule; in [0, 1]."""
        return self._loss([rings])

    def loss_of_union(self, rings: list[NDArray[np.float64]]) -> float:
        """1 - IoU between this region and what the rings (x, y) fill, each on its own; in [0, 1]."""
        return self._loss([[ring] for ring in rings])

    def _loss(self, shapes: list[list[NDArray[np.float64]]]) -> float:
        if not any(shapes):
            return 1.0
        every = np.concatenate([ring for shape in shapes for ring in shape])
        x0, y0 = np.minimum(np.floor(every.min(axis=0)).astype(int), self.box[:2])
        x1, y1 = np.maximum(np.ceil(every.max(axis=0)).astype(int), self.box[2:])
        truth = np.zeros((int(y1 - y0), int(x1 - x0)), bool)
        left, top, right, bottom = self.box
        truth[top - y0 : bottom - y0, left - x0 : right - x0] = self.crop
        shift = np.array([x0, y0], np.float64)
        parts = [rle.from_rings([ring - shift for ring in shape], *truth.shape) for shape in shapes]
        filled = rle.decode(rle.merge(parts))
        return 1.0 - float(np.count_nonzero(truth & filled)) / max(1, int(np.count_nonzero(truth | filled)))


def regions(result: Result, *, background: bool = False) -> Iterator[Region]:
    """The segments in order of their ids, or the instances in their order; the background only when asked for."""
    names: dict[int | None, str] = {c.id: c.name for c in result.taxonomy or ()}
    plain = plain_name(result)
    if isinstance(result, Segmentation):
        runs = rle.encode_labels(result.ids)  # once for all: a look at every pixel for each segment would be quadratic
        for segment in result.segments:
            if segment.id != result.background or background:
                name = "background" if segment.id == result.background else names.get(segment.category, plain)
                mask = runs[segment.id]
                yield Region(segment.id, segment.category, name, segment.score, segment.area, segment.box, mask)
        return
    for number, instance in enumerate(result.instances, 1):
        if instance.area:
            name = names.get(instance.category, plain)
            yield Region(number, instance.category, name, instance.score, instance.area, instance.box, instance.mask)


def plain_name(result: Result) -> str:
    """What a region without a category is called."""
    return OBJECT if isinstance(result, Instances) or result.background is not None else REGION


def mean_loss(losses: list[float]) -> float:
    """The mean over the regions; 0 when nothing was to be exported."""
    return float(np.mean(losses)) if losses else 0.0
