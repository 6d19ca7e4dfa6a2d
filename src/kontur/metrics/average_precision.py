"""Average precision of instances: COCO's twelve numbers, for masks and for boxes.

Source: Lin et al., "Microsoft COCO", ECCV 2014, arXiv:1405.0312, and the scorer of its challenge (pycocotools), which is
followed to the letter: 101 recall points, IoU .50:.05:.95, three area ranges, 1 / 10 / 100 detections an image, crowds,
stable order at equal scores. So are its two surprises: where the results carry a `bbox`, its area (not the mask's)
chooses the area range of a detection; and a truth annotation of id 0 can be taken but never counts as found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.instances import Instance, Instances
from .evaluation import NOTHING_KEPT, ImageScores, PerImage, Resampling
from .streaming import Bootstrap

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
RANGES = np.array([[0, 1e10], [0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])  # all, small, medium, large; pixels

TOTALS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")

Kind = Literal["segm", "bbox"]


@dataclass(frozen=True)
class InstanceScores:
    """COCO's numbers, fractions in [0, 1]; NaN where nothing is to be found (pycocotools prints -1).

    AR100 and all APs count the best `max_detections` of an image and category. unknown: detections whose category is none
    of the truth's; they match nothing.
    """

    AP: float
    AP50: float
    AP75: float
    APs: float
    APm: float
    APl: float
    AR1: float
    AR10: float
    AR100: float
    ARs: float
    ARm: float
    ARl: float
    per_category: dict[int, float]
    protocol: str
    unknown: int = 0
    images: int = 0
    names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The twelve totals by name, and per_category: {category id: AP}."""
        return {**{name: getattr(self, name) for name in TOTALS}, "per_category": dict(self.per_category)}


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of all images, in the order of the file. boxes: x, y, width, height in pixels; score is 0 in a truth."""

    image: NDArray[np.int64]  # position in the sorted list of images
    category: NDArray[np.int64]  # position in the sorted list of categories
    score: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    named: NDArray[np.bool_]
    runs: NDArray[np.int32]
    offsets: NDArray[np.int64]
    mask_area: NDArray[np.int64]
    area: NDArray[np.float64]
    boxes: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, float, NDArray[np.int32], int]]) -> Objects:
        """From (image, category, score, runs, height of the image) of each; areas and boxes are measured."""
        from ..kernels.instance_matching import measure_runs

        image, category, heights = (np.array([row[i] for row in rows], np.int64) for i in (0, 1, 4))
        score = np.array([row[2] for row in rows], float)
        pieces = [row[3] for row in rows]
        offsets = np.append(0, np.cumsum([len(piece) for piece in pieces])).astype(np.int64)
        runs = np.concatenate(pieces) if pieces else np.zeros((0, 2), np.int32)
        area, boxes = np.zeros(len(rows), np.int64), np.zeros((len(rows), 4))
        measure_runs(runs, offsets, heights, area, boxes)
        crowd, named = np.zeros(len(rows), bool), np.ones(len(rows), bool)
        return cls(image, category, score, crowd, named, runs, offsets, area, area.astype(float), boxes)

    def __len__(self) -> int:
        return len(self.image)

    def take(self, order: NDArray[np.int64]) -> Objects:
        """The chosen objects in the chosen order; of the runs only the offsets are moved."""
        lengths = (self.offsets[1:] - self.offsets[:-1])[order]
        offsets = np.append(0, np.cumsum(lengths))
        where = np.repeat(self.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
        plain = ("image", "category", "score", "crowd", "named", "mask_area", "area", "boxes")
        chosen = {name: getattr(self, name)[order] for name in plain}
        return Objects(**chosen, runs=self.runs[where], offsets=offsets)


def instance_scores(
    prediction: Instances | Sequence[Instances],
    truth: Instances | Sequence[Instances],
    *,
    crowds: Instances | Sequence[Instances] | None = None,
    kind: Kind = "segm",
    max_detections: int = 100,
) -> InstanceScores:
    """Score predicted Instances, which need scores, against the true ones; one image or a list of each in one order.

    Objects without a category form one category of their own, 0. crowds: of each image the regions that hold many objects in one
    mask. They need not be found, and a detection that lies on one (by its share inside) and finds no object is neither right nor
    wrong. Raises InputError for numbers or sizes that differ.
    """
    found = [prediction] if isinstance(prediction, Instances) else list(prediction)
    true = [truth] if isinstance(truth, Instances) else list(truth)
    many = [crowds] if isinstance(crowds, Instances) else list(crowds or [Instances(t.shape, ()) for t in true])
    if not len(found) == len(true) == len(many):
        raise InputError(
            f"expected as many predictions as truths and crowds, got {len(found)}, {len(true)} and {len(many)}"
        )
    for number, (one, other, crowd) in enumerate(zip(found, true, many)):
        if not tuple(one.shape) == tuple(other.shape) == tuple(crowd.shape):
            raise InputError(
                f"image {number}: sizes differ (H, W): prediction {one.shape}, truth {other.shape} and crowds {crowd.shape}"
            )
    taxonomy = next((t.taxonomy for t in true if t.taxonomy), None)
    names = {c.id: c.name for c in taxonomy} if taxonomy else {}
    ids = sorted(names) or sorted({i.category or 0 for t in (*true, *many) for i in t.instances})
    position = {category: row for row, category in enumerate(ids)}
    foreign = sorted(
        {str(i.category) for t in (*true, *many) for i in t.instances if (i.category or 0) not in position}
    )
    if foreign:
        raise InputError(f"truth categories: expected those of the taxonomy, got {', '.join(foreign)}")

    def row_of(number: int, instance: Instance) -> tuple[int, int, float, NDArray[np.int32], int]:
        place, height = position[instance.category or 0], instance.mask.size[0]
        return number, place, float(instance.score or 0), rle.runs_of(instance.mask), height

    kept, unknown = [], 0
    for number, one in enumerate(found):
        for place, instance in enumerate(one.instances):
            if instance.score is None or not np.isfinite(instance.score):
                raise InputError(f"image {number}: expected a score for every prediction, instance {place} has none")
            if (instance.category or 0) in position:
                kept.append(row_of(number, instance))
            else:
                unknown += 1
    every, apart = ([row_of(n, i) for n, t in enumerate(part) for i in t.instances] for part in (true, many))
    images = [str(number) for number in range(len(true))]
    is_crowd = np.arange(len(every) + len(apart)) >= len(every)
    objects = replace(Objects.of([*every, *apart]), crowd=is_crowd)
    return score_objects(objects, Objects.of(kept), images, ids, names, kind, max_detections, unknown=unknown)[0]


# --- the scores -------------------------------------------------------------------------------------------------------


def score_objects(
    truth: Objects,
    found: Objects,
    images: Sequence[str],
    categories: Sequence[int],
    names: Mapping[int, str],
    kind: Kind,
    max_detections: int,
    *,
    unknown: int = 0,
    notes: tuple[str, ...] = (),
    keep: Resampling = NOTHING_KEPT,
) -> tuple[InstanceScores, PerImage, dict[str, tuple[float, float]]]:
    """The scores, the rows of single images, and the intervals of AP, AP50, AP75."""
    from ..kernels.instance_matching import match

    if kind not in ("segm", "bbox"):
        raise OptionError(f"kind: expected 'segm' or 'bbox', got {kind!r}")
    if isinstance(max_detections, bool) or not isinstance(max_detections, (int, np.integer)) or max_detections < 1:
        raise OptionError(f"max_detections: expected a whole number from 1, got {max_detections!r}")
    groups = len(images) * len(categories)

    def grouped(objects: Objects, most: int) -> tuple[Objects, NDArray[np.int64], NDArray[np.int64]]:
        """By category, then image, then falling score (stable); the groups' borders; the place within the group."""
        group = objects.category * len(images) + objects.image
        order = np.lexsort((-objects.score, group))
        start = np.searchsorted(group[order], np.arange(groups + 1))
        rank = np.arange(len(order)) - start[group[order]]
        kept = rank < most
        borders = np.append(0, np.cumsum(np.minimum(np.diff(start), most))).astype(np.int64)
        return objects.take(order[kept]), borders, rank[kept]

    true, true_groups, _ = grouped(truth, len(truth) + 1)
    best, best_groups, rank = grouped(found, max_detections)
    matched = np.zeros((len(RANGES), len(THRESHOLDS), len(best)), np.bool_)
    ignored = np.zeros_like(matched)
    match(
        best_groups,
        true_groups,
        kind == "segm",
        best.runs,
        best.offsets,
        best.mask_area,
        best.boxes,
        best.area,
        true.runs,
        true.offsets,
        true.mask_area,
        true.boxes,
        true.area,
        true.crowd,
        true.named,
        THRESHOLDS,
        RANGES,
        matched,
        ignored,
    )
    table = _Table(true, best, rank, matched, ignored, len(categories), max_detections)
    totals, per_category = table.totals()
    intervals = {}
    if keep.bootstrap:
        drawn = table.resampled(Bootstrap(len(images), keep.bootstrap, keep.seed), len(images), keep.bootstrap)
        intervals = {name: Bootstrap.interval(drawn[:, i]) for i, name in enumerate(("AP", "AP50", "AP75"))}
    per_image = PerImage(keep=keep.csv, worst=keep.worst, by="f1_50")
    for row in table.images(images):
        per_image.add(row)
    limits = "" if max_detections == 100 else f", at most {max_detections} detections"
    scores = InstanceScores(
        **dict(zip(TOTALS, totals)),
        per_category=dict(zip(categories, per_category.tolist())),
        protocol=(
            f"instances, COCO (pycocotools) {'masks' if kind == 'segm' else 'boxes'}: 101 recall points, IoU .50:.05:.95, "
            f"areas by 32² and 96² pixels, 1 / 10 / {max_detections} detections an image and category, crowds ignored{limits}"
        ),
        unknown=unknown,
        images=len(images),
        names=names,
        notes=notes,
    )
    return scores, per_image, intervals


class _Table:
    """All matches, read in several ways. Arrays are indexed [area range, threshold, detection]."""

    def __init__(
        self,
        true: Objects,
        found: Objects,
        rank: NDArray[np.int64],
        matched: NDArray[np.bool_],
        ignored: NDArray[np.bool_],
        categories: int,
        most: int,
    ) -> None:
        self.true, self.found, self.rank, self.matched, self.ignored = true, found, rank, matched, ignored
        self.most = most
        # Detections lie by category, image and score; each category is sorted by score once, equal scores stay in order.
        start = np.searchsorted(found.category, np.arange(categories + 1))
        self.orders = [
            a + np.argsort(-found.score[a:b], kind="stable") for a, b in zip(start[:-1].tolist(), start[1:].tolist())
        ]
        low, high = RANGES[:, :1], RANGES[:, 1:]
        self.counted = ~true.crowd & (true.area >= low) & (true.area <= high)  # (A, objects)

    def positives(self, weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(A, K): weight of the objects to be found."""
        return np.stack(
            [
                np.bincount(self.true.category[c], None if weight is None else weight[c], len(self.orders))
                for c in self.counted
            ]
        )

    def totals(self) -> tuple[list[float], NDArray[np.float64]]:
        """The twelve numbers, and AP of each category."""
        from ..kernels.instance_matching import precision_recall

        positives = self.positives()
        limits = [min(1, self.most), min(10, self.most), self.most]
        shape = (len(RANGES), len(THRESHOLDS), len(self.orders))
        precision, recall = np.full((*shape, len(RECALLS)), np.nan), np.full((*shape, 3), np.nan)
        weight = np.ones(len(self.found))
        for a, t, k in np.ndindex(shape):
            if not positives[a, k]:
                continue
            for m, most in enumerate(limits):
                if m < 2 and a:  # recall at 1 and 10 is asked for over all areas only
                    continue
                recall[a, t, k, m] = precision_recall(
                    self.matched[a, t], self.ignored[a, t], self.orders[k], self.rank, weight, most,
                    positives[a, k], RECALLS, precision[a, t, k],
                )  # fmt: skip
        numbers = [precision[0], precision[0, 0], precision[0, 5], *precision[1:]]
        numbers += [recall[0, ..., 0], recall[0, ..., 1], recall[0, ..., 2], *recall[1:, ..., 2]]
        return [_mean(n) for n in numbers], np.array([_mean(precision[0, :, k]) for k in range(shape[2])])

    def resampled(self, bootstrap: Bootstrap, images: int, replicates: int) -> NDArray[np.float64]:
        """AP, AP50, AP75 of each replicate, (B, 3)."""
        from ..kernels.instance_matching import precision_recall

        weights = np.stack([bootstrap.weights() for _ in range(images)]).astype(np.uint16)  # (images, B)
        scores = np.full((replicates, 3), np.nan)
        precision = np.empty((len(THRESHOLDS), len(self.orders), len(RECALLS)))
        for b in range(replicates):
            weight = weights[:, b].astype(float)
            found, positives = weight[self.found.image], self.positives(weight[self.true.image])[0]
            precision[:] = np.nan
            for t, k in np.ndindex(precision.shape[:2]):
                if positives[k]:
                    precision_recall(
                        self.matched[0, t], self.ignored[0, t], self.orders[k], self.rank, found, self.most,
                        positives[k], RECALLS, precision[t, k],
                    )  # fmt: skip
            scores[b] = _mean(precision), _mean(precision[0]), _mean(precision[5])
        return scores

    def images(self, names: Sequence[str]) -> Iterable[ImageScores]:
        """What was found in each image at IoU 0.5."""
        hit = self.matched[0, 0] & ~self.ignored[0, 0]
        wrong = ~self.matched[0, 0] & ~self.ignored[0, 0]
        count = len(names)
        objects = np.bincount(self.true.image[self.counted[0]], minlength=count)
        hits, false = (np.bincount(self.found.image[x], minlength=count) for x in (hit, wrong))
        for i, name in enumerate(names):
            whole = int(objects[i] + hits[i] + false[i])
            f1 = 2 * int(hits[i]) / whole if whole else float("nan")
            numbers = {"objects": int(objects[i]), "tp_50": int(hits[i]), "fp_50": int(false[i])}
            yield ImageScores(name, {**numbers, "fn_50": int(objects[i] - hits[i]), "f1_50": f1})


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
