"""Panoptic quality: are the right segments there, and how well do they fit?

Paper: Kirillov et al., "Panoptic Segmentation", CVPR 2019, arXiv:1801.00868, section 4. A predicted and a true segment
of one category match when their IoU is over 0.5, so each has one partner at most, and

    PQ = sum of the matches' IoU / (TP + FP / 2 + FN / 2) = SQ x RQ

Void pixels and crowds are treated as COCO's official scorer (panopticapi) does, to the letter: of several crowd
segments of a category in one image only the last in the file's order excuses predictions that lie on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from .counts import Counts

PROTOCOL = (
    "panoptic, COCO (panopticapi): match at IoU > 0.5 in one category, void left out of the union, true areas from the "
    "JSON, crowds never count, a prediction mostly on void or on the category's last crowd is dropped; means over the "
    "categories that occur"
)
IOU_SUM, TRUE_POSITIVES, FALSE_POSITIVES, FALSE_NEGATIVES = range(4)


class TrueSegment(NamedTuple):
    """area: pixels, as the JSON has it."""

    category: int
    area: int
    crowd: bool = False


@dataclass(frozen=True)
class Quality:
    """PQ, SQ and RQ in [0, 1]: the mean over the n categories that occur; NaN where none does."""

    pq: float
    sq: float
    rq: float
    n: int

    @property
    def score(self) -> float:
        """PQ."""
        return self.pq


@dataclass(frozen=True)
class PanopticResult:
    """The three means and each category's own numbers (n is 1, or 0 where a category neither is nor is predicted).

    unknown: predicted segments whose category is none of the truth's; they match nothing.
    """

    all: Quality
    things: Quality
    stuff: Quality
    per_class: dict[int, Quality]
    unknown: int = 0
    protocol: str = PROTOCOL

    @property
    def score(self) -> float:
        """PQ over all categories, in [0, 1]; NaN if there was nothing to find and nothing found."""
        return self.all.pq

    def to_dict(self) -> dict[str, Any]:
        """all, things, stuff: {pq, sq, rq, n}; per_class: {category id: {pq, sq, rq}}."""
        groups = {"all": self.all, "things": self.things, "stuff": self.stuff}
        return {
            **{name: {"pq": q.pq, "sq": q.sq, "rq": q.rq, "n": q.n} for name, q in groups.items()},
            "per_class": {i: {"pq": q.pq, "sq": q.sq, "rq": q.rq} for i, q in self.per_class.items()},
        }


class PanopticCounts(Counts):
    """Per category: the sum of the matches' IoU, true positives, false positives, false negatives; they add.

    things: category id -> countable or not; its keys are all categories.
    """

    SUMS = ("counts", "unknown")

    def __init__(self, things: Mapping[int, bool] | Taxonomy) -> None:
        if isinstance(things, Taxonomy):
            things = {category.id: category.thing for category in things}
        self.things = dict(things)
        self._row = {category: row for row, category in enumerate(self.things)}
        self.counts = np.zeros((len(self.things), 4))
        self.unknown = 0

    def update(self, prediction: Segmentation, truth: Segmentation, *, crowds: Collection[int] = ()) -> PanopticCounts:
        """Add one image. Id 0 is void; every other segment needs a category. crowds: ids of the truth's. Returns self."""
        if prediction.shape != truth.shape:
            raise InputError(f"sizes differ: prediction {prediction.shape} and truth {truth.shape} (H, W)")
        found = {s.id: _category("prediction", s.id, s.category) for s in prediction.segments}
        true = {s.id: TrueSegment(_category("truth", s.id, s.category), s.area, s.id in crowds) for s in truth.segments}
        foreign = sorted({s.category for s in true.values()} - self.things.keys())
        if foreign:
            raise InputError(f"truth categories: expected those of the taxonomy, got {foreign}")
        return self.add(_pairs(truth.ids.view(np.uint32), prediction.ids.view(np.uint32)), true, found)

    def add(
        self, pairs: Mapping[tuple[int, int], int], truth: Mapping[int, TrueSegment], prediction: Mapping[int, int]
    ) -> PanopticCounts:
        """Add one image, in place, whose segments are counted already. Returns self.

        pairs: (true id, predicted id) -> pixels, void = 0.   prediction: id -> category, every id having pixels.
        """
        counts = np.zeros((len(self.things), 4))
        areas = dict.fromkeys(prediction, 0)
        for (_, found), pixels in pairs.items():
            if found in areas:
                areas[found] += pixels
        matched_true, matched_found = set(), set()
        for (true, found), common in pairs.items():
            if true not in truth or found not in prediction:
                continue
            category, area, crowd = truth[true]
            if crowd or prediction[found] != category:
                continue
            iou = common / (areas[found] + area - common - pairs.get((0, found), 0))
            if iou > 0.5:
                counts[self._row[category], TRUE_POSITIVES] += 1
                counts[self._row[category], IOU_SUM] += iou
                matched_true.add(true)
                matched_found.add(found)
        crowds: dict[int, int] = {}  # category -> the last crowd segment, as the official code has it
        for true, (category, _, crowd) in truth.items():
            if crowd:
                crowds[category] = true
            elif true not in matched_true:
                counts[self._row[category], FALSE_NEGATIVES] += 1
        for found, category in prediction.items():
            if found in matched_found:
                continue
            if category not in self._row:
                self.unknown += 1
                continue
            excused = pairs.get((0, found), 0)
            if category in crowds:
                excused += pairs.get((crowds[category], found), 0)
            if excused / areas[found] <= 0.5:
                counts[self._row[category], FALSE_POSITIVES] += 1
        self.counts = self.counts + counts
        return self

    def unlike(self, other: PanopticCounts) -> KonturError | None:
        return None if self.things == other.things else InputError("expected panoptic counts of the same categories")

    def scores(self) -> PanopticResult:
        """The scores of all that was added so far."""
        return PanopticResult(*_means(self.counts, self.things), unknown=self.unknown)


def panoptic_scores(
    prediction: Segmentation | Iterable[Segmentation],
    truth: Segmentation | Iterable[Segmentation],
    taxonomy: Taxonomy | None = None,
) -> PanopticResult:
    """Score a predicted Segmentation against the true one, or many against many (same order).

    taxonomy: its `thing` flags tell things from stuff; by default the first truth's. Without any, all that occur are
    things. Raises InputError for sizes or numbers that differ, and segments without a category.
    """
    found = [prediction] if isinstance(prediction, Segmentation) else list(prediction)
    true = [truth] if isinstance(truth, Segmentation) else list(truth)
    if len(found) != len(true):
        raise InputError(f"expected as many predictions as truths, got {len(found)} and {len(true)}")
    categories: Taxonomy | dict[int, bool] | None = taxonomy or next((t.taxonomy for t in true if t.taxonomy), None)
    if categories is None:
        categories = {s.category: True for t in (*true, *found) for s in t.segments if s.category is not None}
    counts = PanopticCounts(categories)
    for one, other in zip(found, true):
        counts.update(one, other)
    return counts.scores()


def _category(what: str, segment: int, category: int | None) -> int:
    if category is None:
        raise InputError(f"{what}: expected a category for every segment, segment {segment} has none")
    return category


def _pairs(truth: NDArray[np.uint32], prediction: NDArray[np.uint32]) -> dict[tuple[int, int], int]:
    """(true id, predicted id) -> pixels, of two maps of ids."""
    from ..kernels.pair_counts import count_id_pairs

    return _counted(count_id_pairs, truth, prediction, truth.size // 2 * 2)


def _colour_pairs(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> dict[tuple[int, int], int]:
    """(true id, predicted id) -> pixels, of two pictures (H, W, 3), ids R + 256 G + 65536 B."""
    from ..kernels.pair_counts import count_colour_pairs

    return _counted(count_colour_pairs, truth, prediction, truth.size // 8 * 8)


def _counted(kernel: Callable[..., int], truth: NDArray, prediction: NDArray, whole: int) -> dict[tuple[int, int], int]:
    """whole: the number of elements that fill words of 64 bits."""
    a, b = np.ascontiguousarray(truth).reshape(-1), np.ascontiguousarray(prediction).reshape(-1)
    if not a.size:
        return {}
    size = 4096
    while True:
        table = np.zeros((size, 2), np.uint64)
        if kernel(a, b, a[:whole].view(np.uint64), b[:whole].view(np.uint64), table) >= 0:
            break
        size *= 16
    keys, pixels = table[table[:, 1] > 0].T
    first, second = (keys >> np.uint64(32)).tolist(), (keys & np.uint64(0xFFFFFFFF)).tolist()
    return dict(zip(zip(first, second), pixels.tolist()))


def _means(
    counts: NDArray[np.float64], things: Mapping[int, bool]
) -> tuple[Quality, Quality, Quality, dict[int, Quality]]:
    """all, things, stuff, per class of counts (C, 4)."""
    iou_sum, tp, fp, fn = counts.T
    whole = tp + fp / 2 + fn / 2
    occurs = tp + fp + fn > 0
    nan = np.full(len(counts), np.nan)
    pq = np.divide(iou_sum, whole, out=nan.copy(), where=occurs)
    rq = np.divide(tp, whole, out=nan.copy(), where=occurs)
    # A category of which nothing matched has SQ 0 in the official mean.
    sq = np.where(occurs, np.divide(iou_sum, tp, out=np.zeros(len(counts)), where=tp > 0), np.nan)
    countable = np.array(list(things.values()), bool)

    def mean(chosen: NDArray[np.bool_]) -> Quality:
        n = int(chosen.sum())
        of_pq, of_sq, of_rq = (float(v[chosen].mean()) if n else float("nan") for v in (pq, sq, rq))
        return Quality(of_pq, of_sq, of_rq, n)

    per_class = {
        category: Quality(float(pq[i]), float(sq[i]), float(rq[i]), int(occurs[i])) for i, category in enumerate(things)
    }
    return mean(occurs), mean(occurs & countable), mean(occurs & ~countable), per_class
