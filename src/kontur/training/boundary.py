"""The task boundary: where people draw contours, learnt from and scored against all annotators of an image.

    drawings ─▶ cells (H, W), which no annotator divides ─scale, turn, crop, flip▶ cells ─▶ percent of annotators (H, W)

Lines one pixel wide do not survive being scaled or turned; the regions between them do. So the label map that the transforms
see numbers the cells that all annotators' regions have in common, and the lines are drawn when its size and place are final.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.taxonomy import Taxonomy
from ..draw.overlay import photo
from ..graph.boundary_thinning import thinned
from ..io.bsds import HumanSegmentation, read_bsds_truth
from ..io.photos import read_image
from ..metrics.contours import ContourCounts
from .calibration import calibrated
from .pictures import stacked
from .samples import Samples
from .scoring import TorchPredictor
from .tasks import Scored

OUTSIDE = 65535  # a cell that is no cell: beyond the image
_THRESHOLDS = 33


class Boundary:
    """`tasks.Task` of contours."""

    measure = "ODS F"

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Drawings:
        return Drawings(sets, taxonomy or Taxonomy.from_names(["boundary"], name="boundaries"), cache=cache)

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        assert isinstance(samples, Drawings)
        counts = ContourCounts(_THRESHOLDS)
        for index in range(len(samples)):
            strength = predictor.probabilities(samples[index][0])[0]
            counts.update(thinned(strength), [d.boundaries for d in samples.drawings(index)])
            advance()
        scores = counts.scores()
        named = {"ODS F": scores.ods, "OIS F": scores.ois, "AP": scores.average_precision}
        row = {"val_ods": scores.ods, "val_ois": scores.ois, "val_ap": scores.average_precision}
        return Scored(scores.ods, row, named | {"threshold": scores.threshold}, scores.to_dict(), scores.protocol)

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        rows = []
        for index in chosen:
            image, cells, _ = samples[index]
            truth = samples.finished(index, cells)
            maps = [truth / np.float32(100), *(f(predictor.probabilities(image)[0]) for f in (np.asarray, thinned))]
            inks = [np.repeat((255 - 255 * m).astype(np.uint8)[..., None], 3, axis=2) for m in maps]
            rows.append(np.hstack([photo(image), *inks]))
        return stacked(rows)

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        return float((np.abs(np.tanh(logits / 2) - np.tanh(others / 2)) > 0.04).mean())  # 0.02 of a probability

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        if samples is None or not len(samples):
            return {}
        assert isinstance(samples, Drawings)
        calibration, level = calibrated(
            (predictor.logits(samples[i][0])[0], samples.drawings(i)) for i in range(len(samples))
        )
        return {"calibration": json.dumps(calibration), "level": json.dumps(level)}


class Drawings(Samples):
    """(image, cells (H, W) uint16, name) of data sets whose truth is several people's drawings.

    Raises InputError for a set of another kind.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            if data.layout.form != "bsds":
                raise InputError(f"{data.name} {data.split}: expected drawings of several people, as BSDS500 has")
        super().__init__(sets, taxonomy, ignore=OUTSIDE, cache=cache)
        self._regions: dict[tuple[int, int], NDArray[np.uint16]] = {}

    @property
    def unknown(self) -> int:
        return 255

    def drawings(self, index: int) -> tuple[HumanSegmentation, ...]:
        """All annotators of a sample."""
        return self._drawings(self.places[index])

    def _drawings(self, place: tuple[int, int]) -> tuple[HumanSegmentation, ...]:
        return read_bsds_truth(self.sets[place[0]].pairs[place[1]].target)

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray[np.integer], str]:
        pair = self.sets[place[0]].pairs[place[1]]
        image, name = read_image(pair.image), pair.name
        cells, self._regions[place] = cells_of([d.regions for d in self._drawings(place)])
        if cells.shape != image.shape:
            raise InputError(f"{pair.target}: expected the size of its image {image.shape} (H, W), got {cells.shape}")
        return image, cells, name

    def finished(self, index: int, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """(H, W) uint8: how many percent of the annotators drew a boundary there; 255 outside the image."""
        place = self.places[index]
        if place not in self._regions:
            _, self._regions[place] = cells_of([d.regions for d in self._drawings(place)])
        return drawn_percent(labels, self._regions[place])


def cells_of(maps: Sequence[NDArray[np.integer]]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Cells (H, W) uint16, 0..n - 1, that no map (H, W) divides; and the region each map has there, (maps, n)."""
    cells = np.zeros(maps[0].shape, np.int64)
    table = np.zeros((0, 1), np.int64)
    for regions in maps:
        both, inverse = np.unique(cells * 65536 + regions, return_inverse=True)
        cells = inverse.reshape(cells.shape)
        table = np.vstack([table[:, both // 65536], both % 65536])
    if table.shape[1] >= OUTSIDE:
        raise InputError(f"drawings: expected fewer than {OUTSIDE} cells, got {table.shape[1]}")
    return cells.astype(np.uint16), table.astype(np.uint16)


def drawn_percent(cells: NDArray[np.integer], regions: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """(H, W) uint8, 0..100: a map has a line at a pixel whose right or lower neighbour is of another of its regions.

    cells: with `OUTSIDE` beyond the image, which becomes 255 and draws no line.
    """
    outside = cells == OUTSIDE
    cells = np.where(outside, 0, cells)
    total = np.zeros(cells.shape, np.int32)
    right, below = ~(outside[:, 1:] | outside[:, :-1]), ~(outside[1:] | outside[:-1])
    for table in regions:
        own = table[cells]
        line = np.zeros(cells.shape, bool)
        line[:, :-1] = (own[:, 1:] != own[:, :-1]) & right
        line[:-1] |= (own[1:] != own[:-1]) & below
        total += line
    percent = np.rint(100 * total / len(regions)).astype(np.uint8)
    percent[outside] = 255
    return percent
