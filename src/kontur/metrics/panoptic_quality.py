"""Panoptic quality: are the right segments there, and how well do they fit?

Paper: Kirillov et al., "Panoptic Segmentation", CVPR 2019, arXiv:1801.00868, section 4. A predicted and a true segment
of one category match when their IoU is over 0.5, so each has one partner at most, and

    PQ = sum of the matches' IoU / (TP + FP / 2 + FN / 2) = SQ x RQ

Void pixels and crowds are treated as COCO's official scorer (panopticapi) does, to the letter: of several crowd
segments of a category in one image only the last in the file's order excuses predictions that lie on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from .streaming import (
    MAX_PIXELS,
    Bootstrap,
    ImageScores,
    PerImage,
    Progress,
    id_of,
    integer_of,
    list_of,
    missing_line,
    read_json,
    stream,
)

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
    images: int = 0
    missing: str = ""
    per_image: PerImage | None = None
    intervals: Mapping[str, tuple[float, float]] | None = None
    names: Mapping[int, str] | None = None
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


class PanopticCounts:
    """Per category: the sum of the matches' IoU, true positives, false positives, false negatives; they add.

    things: category id -> countable or not; its keys are all categories.
    """

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
        self._add(*self._count(_pairs(truth.ids.view(np.uint32), prediction.ids.view(np.uint32)), true, found))
        return self

    def _add(self, counts: NDArray[np.float64], unknown: int) -> None:
        self.counts += counts
        self.unknown += unknown

    def _count(
        self, pairs: Mapping[tuple[int, int], int], truth: Mapping[int, TrueSegment], prediction: Mapping[int, int]
    ) -> tuple[NDArray[np.float64], int]:
        """Counts (C, 4) of one image and its predictions of unknown category.

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
        unknown = 0
        for found, category in prediction.items():
            if found in matched_found:
                continue
            if category not in self._row:
                unknown += 1
                continue
            excused = pairs.get((0, found), 0)
            if category in crowds:
                excused += pairs.get((crowds[category], found), 0)
            if excused / areas[found] <= 0.5:
                counts[self._row[category], FALSE_POSITIVES] += 1
        return counts, unknown

    def __iadd__(self, other: PanopticCounts) -> PanopticCounts:
        if not isinstance(other, PanopticCounts):
            return NotImplemented
        if self.things != other.things:
            raise InputError("expected panoptic counts of the same categories")
        self._add(other.counts, other.unknown)
        return self

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        if not isinstance(other, PanopticCounts):
            return NotImplemented
        both = PanopticCounts(self.things)
        both += self
        both += other
        return both

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


# --- COCO's panoptic files --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Annotation:
    """One image's entry of a panoptic JSON file."""

    image: int | str
    file: Path
    segments: dict[int, TrueSegment]


def evaluate_panoptic(
    truth_json: Path | str | Segmentation | Sequence[Segmentation],
    prediction_json: Path | str | Segmentation | Sequence[Segmentation],
    truth_folder: Path | str | None = None,
    prediction_folder: Path | str | None = None,
    *,
    allow_missing: bool = False,
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> PanopticResult:
    """Score COCO panoptic JSON + PNG files; the PNGs hold R + 256 G + 65536 B, 0 is void.

    The folders default to the JSON's path without its ending. Raises InputError before any number for JSON that does
    not parse or names unknown images, missing counterparts (both lists), sizes that differ, segments of the JSON that
    are not in the PNG and the other way round. With allow_missing an image without a prediction counts all its segments as missed.

    Segmentations in memory, one or a list of each, may stand in the place of the files (see `panoptic_scores`).

    csv, worst, bootstrap, seed, threads, progress: as in `evaluate_semantic`; the worst are those of the lowest PQ.
    """
    if not isinstance(truth_json, (str, Path)) or not isinstance(prediction_json, (str, Path)):
        return panoptic_scores(_in_memory(prediction_json), _in_memory(truth_json))
    truth_json, prediction_json = Path(truth_json), Path(prediction_json)
    truth_data, prediction_data = read_json(truth_json), read_json(prediction_json)
    things, names = _categories(truth_json, truth_data)
    truth = _annotations(truth_json, truth_data, Path(truth_folder or truth_json.with_suffix("")), things)
    prediction = _annotations(
        prediction_json, prediction_data, Path(prediction_folder or prediction_json.with_suffix(""))
    )
    missing = _check_images(truth_json, truth_data, prediction_json, truth, prediction, allow_missing)
    counts = PanopticCounts(things)

    def measure(true: _Annotation) -> tuple[NDArray[np.float64], int]:
        found = prediction.get(true.image)
        if found is None:
            return counts._count({}, true.segments, {})
        return counts._count(
            _file_pairs(true, found), true.segments, {i: s.category for i, s in found.segments.items()}
        )

    per_image = PerImage(keep=csv, worst=worst, by="pq")
    resampling = Bootstrap(len(truth), bootstrap, seed)
    replicates = np.zeros((bootstrap, *counts.counts.shape))
    measured = stream(truth.values(), measure, threads=threads)
    for done, (true, (one, unknown)) in enumerate(zip(truth.values(), measured), 1):
        counts._add(one, unknown)
        if csv or worst:
            quality = _means(one, things)[0]
            numbers = {"tp": int(one[:, 1].sum()), "fp": int(one[:, 2].sum()), "fn": int(one[:, 3].sum())}
            scores = {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq}
            per_image.add(ImageScores(true.file.stem, {**scores, **numbers, "unknown": unknown}))
        if bootstrap:
            replicates += resampling.weights()[:, None, None] * one
        if progress:
            progress(done, len(truth))
    intervals = {}
    if bootstrap:
        drawn = [_means(replicate, things)[:3] for replicate in replicates]
        for i, group in enumerate(("all", "things", "stuff")):
            for key in ("pq", "sq", "rq"):
                intervals[f"{group} {key}"] = Bootstrap.interval(np.array([getattr(d[i], key) for d in drawn]))
    return PanopticResult(
        *_means(counts.counts, things), counts.unknown, len(truth), missing, per_image, intervals, names
    )


def _in_memory(given: Path | str | Segmentation | Sequence[Segmentation]) -> Segmentation | Sequence[Segmentation]:
    if isinstance(given, (str, Path)):
        raise InputError("expected files on both sides or Segmentations on both sides, got one of each")
    return given


def _categories(path: Path, data: Any) -> tuple[dict[int, bool], dict[int, str]]:
    things, names = {}, {}
    for position, category in enumerate(list_of(path, data, "categories")):
        where = f"{path}: categories[{position}]"
        number = integer_of(where, category, "id")
        if "isthing" not in category:
            raise InputError(f"{where}: expected isthing 0 or 1, got none. Take the categories of a panoptic file")
        things[number] = category["isthing"] == 1
        names[number] = str(category.get("name", number))
    return things, names


def _annotations(
    path: Path, data: Any, folder: Path, categories: Mapping[int, bool] | None = None
) -> dict[int | str, _Annotation]:
    """By image id. categories: the known ones, for a truth file; None for predictions."""
    found: dict[int | str, _Annotation] = {}
    foreign: dict[int, int] = {}
    for position, annotation in enumerate(list_of(path, data, "annotations")):
        where = f"{path}: annotations[{position}]"
        image = id_of(where, annotation, "image_id")
        if image in found:
            raise InputError(f"{where}: expected one annotation an image, got image {image} twice")
        name = annotation.get("file_name")
        if not isinstance(name, str) or not name or ".." in Path(name).parts or Path(name).is_absolute():
            raise InputError(f"{where}: expected the name of a PNG inside the folder as file_name, got {name!r}")
        segments: dict[int, TrueSegment] = {}
        for place, segment in enumerate(list_of(where, annotation, "segments_info")):
            here = f"{where}: segments_info[{place}]"
            number, category = integer_of(here, segment, "id"), integer_of(here, segment, "category_id")
            if not 0 < number < 1 << 24 or number in segments:
                raise InputError(f"{here}: expected a new id 1..16777215 (R + 256 G + 65536 B), got {number}")
            area = integer_of(here, segment, "area") if categories is not None else 0
            if categories is not None and category not in categories:
                foreign[category] = foreign.get(category, 0) + 1
            segments[number] = TrueSegment(category, area, segment.get("iscrowd", 0) == 1)
        found[image] = _Annotation(image, folder / name, segments)
    if foreign:
        shown = ", ".join(f"{category} ({count} segments)" for category, count in sorted(foreign.items())[:8])
        raise InputError(f"{path}: truth categories: expected those of the file's list, got {shown}")
    return found


def _check_images(
    truth_json: Path,
    truth_data: Any,
    prediction_json: Path,
    truth: Mapping[int | str, _Annotation],
    prediction: dict[int | str, _Annotation],
    allow_missing: bool,
) -> str:
    """Drops predictions of allowed missing files; returns what is missing, in words."""
    known = set(truth)
    if isinstance(truth_data, dict) and "images" in truth_data:
        images = {id_of(f"{truth_json}: images", image, "id") for image in list_of(truth_json, truth_data, "images")}
        unknown = [str(i) for i in truth if i not in images]
        if unknown:
            raise InputError(f"{truth_json}: annotations of images that are not in its list: {', '.join(unknown[:20])}")
        known |= images
    unknown = [str(i) for i in prediction if i not in known]
    if unknown:
        raise InputError(
            f"{prediction_json}: predictions for images that {truth_json} does not know: {', '.join(unknown[:20])}"
        )
    absent = [str(a.file) for a in truth.values() if not a.file.is_file()]
    if absent:
        raise InputError(f"truth files are missing: {', '.join(absent[:20])}. {len(absent)} of {len(truth)} in all")
    without_prediction = [str(i) for i in truth if i not in prediction]
    for image, annotation in list(prediction.items()):
        if image in truth and not annotation.file.is_file():
            without_prediction.append(str(annotation.file))
            del prediction[image]
    without_truth = [str(i) for i in prediction if i not in truth]
    missing = missing_line(without_prediction, without_truth)
    if missing and not allow_missing:
        raise InputError(
            f"{truth_json} and {prediction_json}: images without counterpart: {missing}. "
            "Add them, or count missing predictions as misses with --allow-missing"
        )
    return missing


def _file_pairs(true: _Annotation, found: _Annotation) -> dict[tuple[int, int], int]:
    truth, prediction = _read_colours(true.file), _read_colours(found.file)
    if truth.shape != prediction.shape:
        raise InputError(
            f"sizes differ (H, W): truth {true.file} {truth.shape[:2]} and prediction {found.file} {prediction.shape[:2]}"
        )
    pairs = _colour_pairs(truth, prediction)
    for annotation, present in ((true, {a for a, _ in pairs}), (found, {b for _, b in pairs})):
        foreign = sorted(present - annotation.segments.keys() - {0})
        if foreign:
            side = 0 if annotation is true else 1
            shown = ", ".join(f"{i} ({sum(n for k, n in pairs.items() if k[side] == i)} pixels)" for i in foreign[:8])
            raise InputError(f"{annotation.file}: expected the ids of the JSON's segments_info or 0, got {shown}")
    absent = sorted(found.segments.keys() - {b for _, b in pairs})
    if absent:
        raise InputError(f"{found.file}: segments of the JSON that have no pixel: {absent[:8]}")
    return pairs


def _read_colours(path: Path) -> NDArray[np.uint8]:
    """The file's pixels, (H, W, 3); alpha is left out."""
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(f"{path}: expected at most {MAX_PIXELS} pixels, got {width}x{height}")
            if image.format == "JPEG" or image.mode not in ("RGB", "RGBA"):
                raise InputError(
                    f"{path}: expected an RGB PNG with ids R + 256 G + 65536 B, got {image.format} {image.mode}"
                )
            return np.asarray(image)[..., :3]
    except InputError:
        raise
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        raise UnreadableFile(f"{path}: cannot be read as an image: {' '.join(str(error).split())}") from None
