"""Average precision of instances: COCO's twelve numbers, for masks and for boxes.

Source: Lin et al., "Microsoft COCO", ECCV 2014, arXiv:1405.0312, and the scorer of its challenge (pycocotools), which is
followed to the letter: 101 recall points, IoU .50:.05:.95, three area ranges, 1 / 10 / 100 detections an image, crowds,
stable order at equal scores. So are its two surprises: where the results carry a `bbox`, its area (not the mask's)
chooses the area range of a detection; and a truth annotation of id 0 can be taken but never counts as found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.instances import Instances
from .coco_pairing import categories_by_name, images_by_name
from .streaming import Bootstrap, ImageScores, PerImage, Progress, id_of, integer_of, list_of, read_json, short

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
RANGES = np.array([[0, 1e10], [0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])  # all, small, medium, large; pixels

TOTALS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")

LONGEST_OUTLINE = 10_000_000  # pixels; beyond it the slower, bounded way is taken

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
    per_image: PerImage = field(default_factory=PerImage)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The twelve totals by name, and per_category: {category id: AP}."""
        return {**{name: getattr(self, name) for name in TOTALS}, "per_category": dict(self.per_category)}


@dataclass(eq=False)
class _Objects:
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

    def __len__(self) -> int:
        return len(self.image)

    def take(self, order: NDArray[np.int64]) -> _Objects:
        """The chosen objects in the chosen order; of the runs only the offsets are moved."""
        lengths = (self.offsets[1:] - self.offsets[:-1])[order]
        offsets = np.append(0, np.cumsum(lengths))
        where = np.repeat(self.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return _Objects(
            self.image[order],
            self.category[order],
            self.score[order],
            self.crowd[order],
            self.named[order],
            self.runs[where],
            offsets,
            self.mask_area[order],
            self.area[order],
            self.boxes[order],
        )


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
    kept, unknown = [], 0
    for number, one in enumerate(found):
        for place, instance in enumerate(one.instances):
            if instance.score is None or not np.isfinite(instance.score):
                raise InputError(f"image {number}: expected a score for every prediction, instance {place} has none")
            if (instance.category or 0) in position:
                kept.append((number, position[instance.category or 0], instance.score, instance.mask))
            else:
                unknown += 1
    every, apart = (
        [(n, position[i.category or 0], 0.0, i.mask) for n, t in enumerate(part) for i in t.instances]
        for part in (true, many)
    )
    images = [str(number) for number in range(len(true))]
    objects = _from_masks([*every, *apart])
    objects.crowd[len(every) :] = True
    return _score(objects, _from_masks(kept), images, ids, names, kind, max_detections, unknown=unknown)


def _from_masks(rows: list[tuple[int, int, float, rle.RLE]]) -> _Objects:
    image, category, score = (np.array([row[i] for row in rows], t) for i, t in enumerate((np.int64, np.int64, float)))
    runs, offsets = _runs([row[3] for row in rows])
    heights = np.array([row[3].size[0] for row in rows], np.int64)
    area, boxes = _measured(runs, offsets, heights)
    crowd, named = np.zeros(len(rows), bool), np.ones(len(rows), bool)
    return _Objects(image, category, score, crowd, named, runs, offsets, area, area.astype(float), boxes)


def _runs(masks: Iterable[rle.RLE]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    pieces = []
    for mask in masks:
        ends = np.cumsum(mask.counts, dtype=np.int64)
        pieces.append(ends[: len(ends) // 2 * 2].reshape(-1, 2))
    offsets = np.append(0, np.cumsum([len(piece) for piece in pieces])).astype(np.int64)
    return (np.concatenate(pieces) if pieces else np.zeros((0, 2))).astype(np.int32), offsets


def _measured(
    runs: NDArray[np.int32], offsets: NDArray[np.int64], heights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    from ..kernels.instance_matching import measure_runs

    area, boxes = np.zeros(len(heights), np.int64), np.zeros((len(heights), 4))
    measure_runs(runs, offsets, heights, area, boxes)
    return area, boxes


# --- the scores -------------------------------------------------------------------------------------------------------


def _score(
    truth: _Objects,
    found: _Objects,
    images: Sequence[str],
    categories: Sequence[int],
    names: Mapping[int, str],
    kind: Kind,
    max_detections: int,
    *,
    unknown: int = 0,
    notes: tuple[str, ...] = (),
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
) -> InstanceScores:
    from ..kernels.instance_matching import match

    if kind not in ("segm", "bbox"):
        raise OptionError(f"kind: expected 'segm' or 'bbox', got {kind!r}")
    if isinstance(max_detections, bool) or not isinstance(max_detections, (int, np.integer)) or max_detections < 1:
        raise OptionError(f"max_detections: expected a whole number from 1, got {max_detections!r}")
    groups = len(images) * len(categories)

    def grouped(objects: _Objects, most: int) -> tuple[_Objects, NDArray[np.int64], NDArray[np.int64]]:
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
    if bootstrap:
        drawn = table.resampled(Bootstrap(len(images), bootstrap, seed), len(images), bootstrap)
        intervals = {name: Bootstrap.interval(drawn[:, i]) for i, name in enumerate(("AP", "AP50", "AP75"))}
    per_image = PerImage(keep=csv, worst=worst, by="f1_50")
    if csv or worst:
        for row in table.images(images):
            per_image.add(row)
    limits = "" if max_detections == 100 else f", at most {max_detections} detections"
    return InstanceScores(
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
        per_image=per_image,
        intervals=intervals,
    )


class _Table:
    """All matches, read in several ways. Arrays are indexed [area range, threshold, detection]."""

    def __init__(
        self,
        true: _Objects,
        found: _Objects,
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


# --- COCO's files -----------------------------------------------------------------------------------------------------


def evaluate_instances(
    truth_json: Path | str | Mapping[str, Any] | Instances | Sequence[Instances],
    prediction_json: Path | str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | Instances | Sequence[Instances],
    kind: Kind = "segm",
    max_detections: int = 100,
    *,
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> InstanceScores:
    """Score a COCO results list, or a full COCO file with scores, against a COCO annotation file.

    A full file's images are the truth's of the same file_name, else of the same stem, its categories those of the same
    name, whatever their ids; those of a results list, and of files without names, are found by id.
    Files, or what json.load gives, or Instances (see `instance_scores`).
    kind: "segm" compares masks (RLE, compressed or not, or polygons), "bbox" boxes.
    csv, worst: per image true and false positives at IoU 0.5; the worst have the lowest F1.
    bootstrap: resamplings over images for 95 % intervals of AP, AP50 and AP75.

    Raises InputError before any number for JSON that does not parse, unknown images, truth categories outside the list,
    malformed RLE or polygons, sizes that differ, missing scores.
    """
    if _in_memory(truth_json) and _in_memory(prediction_json):
        return instance_scores(prediction_json, truth_json, kind=kind, max_detections=max_detections)  # type: ignore[arg-type]
    where, data = _load("truth", truth_json)
    there, results = _load("prediction", prediction_json)
    reader = _Reader(where, data, kind)
    truth = reader.truth()
    found, unknown = reader.predictions(there, results)
    if progress:
        progress(1, 2)
    scores = _score(
        truth,
        found,
        [str(i) for i in reader.images],
        list(reader.categories),
        reader.names,
        kind,
        max_detections,
        unknown=unknown,
        notes=tuple(reader.notes),
        csv=csv,
        worst=worst,
        bootstrap=bootstrap,
        seed=seed,
    )
    if progress:
        progress(2, 2)
    return scores


def _in_memory(given: object) -> bool:
    return isinstance(given, Instances) or (
        isinstance(given, (list, tuple)) and len(given) > 0 and all(isinstance(i, Instances) for i in given)
    )


def _load(what: str, given: Any) -> tuple[str, Any]:
    if isinstance(given, (str, Path)):
        return str(given), read_json(Path(given))
    return what, given


class _Reader:
    """The images and categories of a truth file, and objects read by them."""

    def __init__(self, where: str, data: Any, kind: Kind) -> None:
        self.where, self.data, self.kind = where, data, kind
        self.notes: list[str] = []
        sizes: dict[int | str, tuple[int, int] | None] = {}
        for place, image in enumerate(list_of(where, data, "images")):
            here = f"{where}: images[{place}]"
            known = image.get("height") is not None and image.get("width") is not None
            size = (integer_of(here, image, "height"), integer_of(here, image, "width")) if known else None
            sizes[id_of(here, image, "id")] = size
        self.images = {i: row for row, i in enumerate(sorted(sizes, key=lambda i: (isinstance(i, str), i)))}
        self.sizes = {self.images[i]: size for i, size in sizes.items()}
        self.names = {
            integer_of(f"{where}: categories[{place}]", c, "id"): str(c.get("name", c["id"]))
            for place, c in enumerate(list_of(where, data, "categories"))
        }
        self.categories = {i: row for row, i in enumerate(sorted(self.names))}

    def truth(self) -> _Objects:
        entries = list_of(self.where, self.data, "annotations")
        image, category, foreign = self._places(self.where, entries)
        if foreign:
            shown = ", ".join(f"{value} ({count} annotations)" for value, count in sorted(foreign.items())[:8])
            raise InputError(f"{self.where}: truth categories: expected those of the file's list, got {shown}")
        ids = [entry.get("id") for entry in entries]
        repeated = len(ids) - len(set(map(str, ids))) if None not in ids else 0
        if repeated:
            raise InputError(f"{self.where}: expected a different id for each annotation, got {repeated} repeated ones")
        if 0 in ids:
            self.notes.append(
                "the truth annotation of id 0 never counts as found, as in pycocotools; number annotations from 1"
            )
        where = [f"{self.where}: annotations[{place}]" for place in range(len(entries))]
        runs, offsets, mask_area, boxes = self._shapes(where, entries, image)
        if self.kind == "bbox":
            boxes = self._boxes(where, entries, boxes)
        area = mask_area.astype(float) if self.kind == "segm" else boxes[:, 2] * boxes[:, 3]
        for row, entry in enumerate(entries):
            if "area" in entry:
                area[row] = _number(where[row], entry["area"], "area")
        crowd = np.array([bool(entry.get("iscrowd", 0)) for entry in entries], bool)
        named = np.array([i != 0 for i in ids], bool)
        score = np.zeros(len(entries))
        return _Objects(image, category, score, crowd, named, runs, offsets, mask_area, area, boxes)

    def predictions(self, where: str, data: Any) -> tuple[_Objects, int]:
        """The detections of known categories, and the number of the others."""
        entries = list_of(where, data, "annotations") if isinstance(data, Mapping) else data
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise InputError(f"{where}: expected a COCO results list or a COCO file with scores, got {short(data)}")
        image, category, foreign = self._places(where, entries, *self._numbering(where, data))
        here = [
            f"{where}: {'annotations' if isinstance(data, Mapping) else 'entry '}[{i}]" for i in range(len(entries))
        ]
        score = np.array([_number(here[i], entry.get("score"), "score") for i, entry in enumerate(entries)], float)
        by_box = bool(entries) and bool(entries[0].get("bbox"))  # the rule of pycocotools' loadRes
        if by_box and self.kind == "segm":
            entries = [
                e if e.get("segmentation") is not None else {**e, "segmentation": _rectangle(e)} for e in entries
            ]
        runs, offsets, mask_area, boxes = self._shapes(here, entries, image)
        if by_box or self.kind == "bbox":
            given = self._boxes(here, entries, boxes)
            area = given[:, 2] * given[:, 3] if by_box else mask_area.astype(float)
            boxes = given if self.kind == "bbox" else boxes
        else:
            area = mask_area.astype(float)
        none = np.zeros(len(entries), bool)
        found = _Objects(image, category, score, none, ~none, runs, offsets, mask_area, area, boxes)
        return found.take(np.flatnonzero(category >= 0)), sum(foreign.values())

    def _numbering(self, where: str, data: Any) -> tuple[dict[Any, int] | None, dict[int, int] | None]:
        """The positions that a full file's own image and category ids stand for; None where the truth's ids hold."""
        images = categories = None
        if isinstance(data, Mapping) and "images" in data:
            ids = images_by_name(where, list_of(where, data, "images"), self.where, self.data["images"])
            if ids is not None:
                images = {own: self.images[i] for own, i in ids.items()}
                if len(ids) < len(self.images):
                    left = len(self.images) - len(ids)
                    self.notes.append(f"{left} images of the truth are not in {where}; their objects count as missed")
        if isinstance(data, Mapping) and "categories" in data:
            kinds = categories_by_name(where, list_of(where, data, "categories"), self.names)
            categories = None if kinds is None else {own: self.categories[i] for own, i in kinds.items()}
        return images, categories

    def _places(
        self,
        where: str,
        entries: Sequence[Mapping[str, Any]],
        images: Mapping[Any, int] | None = None,
        categories: Mapping[int, int] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[Any, int]]:
        """Positions of each entry's image and category (-1: unknown), and the unknown categories with their number."""
        for place, entry in enumerate(entries):
            id_of(f"{where}: entry {place}", entry, "image_id")
            integer_of(f"{where}: entry {place}", entry, "category_id")
        lister = self.where if images is None else where
        images = self.images if images is None else images
        categories = self.categories if categories is None else categories
        image = [images.get(entry["image_id"], -1) for entry in entries]
        category = [categories.get(entry["category_id"], -1) for entry in entries]
        unknown = [short(entry["image_id"]) for entry, place in zip(entries, image) if place < 0]
        if unknown:
            some = ", ".join(dict.fromkeys(unknown[:20]))
            raise InputError(f"{where}: {len(unknown)} entries refer to images that {lister} does not list: {some}")
        foreign: dict[Any, int] = {}
        for entry, place in zip(entries, category):
            if place < 0:
                foreign[entry["category_id"]] = foreign.get(entry["category_id"], 0) + 1
        return np.array(image, np.int64), np.array(category, np.int64), foreign

    def _boxes(
        self, where: Sequence[str], entries: Sequence[Mapping[str, Any]], measured: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        boxes = measured.copy()
        for row, entry in enumerate(entries):
            box = entry.get("bbox")
            if not box:
                if entry.get("segmentation") is None:
                    raise InputError(f"{where[row]}: expected a bbox [x, y, width, height], got neither it nor a mask")
                continue
            if not isinstance(box, (list, tuple)) or len(box) != 4:
                raise InputError(f"{where[row]}: expected a bbox [x, y, width, height], got {short(box)}")
            boxes[row] = [_number(where[row], value, "bbox") for value in box]
        return boxes

    def _shapes(
        self, where: Sequence[str], entries: Sequence[Mapping[str, Any]], image: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Runs, offsets, areas and boxes of the masks. For kind "bbox" a mask is read only where the bbox is missing."""
        from ..kernels.instance_matching import decode_runs

        texts: list[bytes] = []
        rows: list[int] = []
        others: dict[int, NDArray[np.int32]] = {}
        pixels = np.zeros(len(entries), np.int64)
        heights = np.ones(len(entries), np.int64)
        for row, entry in enumerate(entries):
            shape = entry.get("segmentation")
            if self.kind == "bbox" and (entry.get("bbox") or shape is None):
                continue
            size = self.sizes[int(image[row])]
            if isinstance(shape, Mapping) and isinstance(shape.get("counts"), (str, bytes)):
                given = self._checked_size(where[row], shape.get("size"), int(image[row]))
                texts.append(shape["counts"].encode() if isinstance(shape["counts"], str) else shape["counts"])
                rows.append(row)
                pixels[row], heights[row] = given[0] * given[1], given[0]
                continue
            try:
                if isinstance(shape, Mapping):
                    self._checked_size(where[row], shape.get("size"), int(image[row]))
                    others[row] = _runs([rle.from_coco(shape)])[0]
                    heights[row] = shape["size"][0]
                elif isinstance(shape, list) and shape:
                    if size is None:
                        raise InputError("a polygon needs the image's height and width in the truth file, got none")
                    others[row] = _filled(shape, *size)
                    heights[row] = size[0]
                else:
                    raise InputError(f"expected a segmentation, RLE or polygons, got {short(shape)}")
            except InputError as error:
                raise InputError(f"{where[row]}: {error}") from None
        lengths = np.array([len(text) for text in texts], np.int64)
        text = np.frombuffer(b"".join(texts), np.uint8)
        runs, offsets = np.empty((len(text) // 2 + 1, 2), np.int32), np.zeros(len(texts) + 1, np.int64)
        bad = int(decode_runs(text, np.cumsum(lengths), pixels[rows], runs, offsets))
        if bad >= 0:
            try:
                rle.from_coco(entries[rows[bad]]["segmentation"])
            except InputError as error:
                raise InputError(f"{where[rows[bad]]}: {error}") from None
            raise InputError(f"{where[rows[bad]]}: the RLE's counts are malformed")
        if len(rows) == len(entries):
            runs = runs[: offsets[-1]]
        else:
            runs, offsets = _woven(len(entries), rows, runs, offsets, others)
        return runs, offsets, *_measured(runs, offsets, heights)

    def _checked_size(self, where: str, size: Any, image: int) -> tuple[int, int]:
        whole = isinstance(size, (list, tuple)) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)
        if not whole:
            raise InputError(f"{where}: expected an RLE size [H, W], got {short(size)}")
        expected = self.sizes[image]
        if expected is None:
            self.sizes[image] = expected = (size[0], size[1])  # the first mask of an image says it for the others
        if tuple(size) != expected:
            raise InputError(f"{where}: sizes differ (H, W): mask {tuple(size)} and image {expected}")
        if size[0] * size[1] > rle.MAX_PIXELS:
            raise InputError(f"{where}: expected a mask of at most {rle.MAX_PIXELS} pixels, got {size[0]} x {size[1]}")
        return expected


def _woven(
    count: int,
    rows: Sequence[int],
    runs: NDArray[np.int32],
    offsets: NDArray[np.int64],
    others: Mapping[int, NDArray[np.int32]],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Runs decoded from text (of `rows`) and other masks in one list; entries with neither have none."""
    pieces: list[NDArray[np.int32]] = [np.empty((0, 2), np.int32)] * count
    for place, row in enumerate(rows):
        pieces[row] = runs[offsets[place] : offsets[place + 1]]
    for row, piece in others.items():
        pieces[row] = piece
    together = np.concatenate(pieces) if pieces else np.zeros((0, 2), np.int32)
    return together, np.append(0, np.cumsum([len(piece) for piece in pieces])).astype(np.int64)


def _filled(polygons: Sequence[Any], height: int, width: int) -> NDArray[np.int32]:
    """The runs of the polygons' union. Raises InputError as `rle.from_polygons` does."""
    from ..kernels.polygon_fill import fill_polygons

    rle.check_polygons(polygons, height, width)
    rings = [np.asarray(polygon, float).reshape(-1, 2) for polygon in polygons]
    points = np.concatenate(rings)
    most = 2.0 * len(points) * float(np.abs(points).max())
    if most > LONGEST_OUTLINE and np.abs(points - np.roll(points, 1, axis=0)).sum() > LONGEST_OUTLINE:
        return _runs([rle.from_polygons(polygons, height, width)])[0]  # which knows when it is too much
    return fill_polygons(points, np.cumsum([len(ring) for ring in rings]), height, width)


def _rectangle(entry: Mapping[str, Any]) -> list[list[float]]:
    """A box as a polygon, as pycocotools makes the mask of a detection that has none."""
    box = entry.get("bbox")
    if not isinstance(box, (list, tuple)) or len(box) != 4:
        return []
    x, y, wide, high = box
    return [[x, y, x, y + high, x + wide, y + high, x + wide, y]]


def _number(where: str, value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not -1e300 < value < 1e300:
        raise InputError(f"{where}: expected a finite number as {key!r}, got {short(value)}")
    return float(value)
