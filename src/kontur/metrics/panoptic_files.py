"""Panoptic quality of COCO's panoptic files: JSON that names segments, PNGs that hold them as R + 256 G + 65536 B.

truth and prediction JSON --pair by image id--> PNGs of each pair, by threads --> PanopticCounts that add --> Evaluation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile, short
from ..core.segmentation import Segmentation
from ..io.entries import flag, identity, whole
from ..io.text import read_json
from .evaluation import Evaluation, ImageScores, Resampling, Table, gather
from .panoptic_quality import PanopticCounts, PanopticResult, TrueSegment, _colour_pairs, panoptic_scores
from .streaming import MAX_PIXELS, Progress, missing_line

_GROUPS = ("all", "things", "stuff")


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
) -> Evaluation:
    """Score COCO panoptic JSON + PNG files; the PNGs hold R + 256 G + 65536 B, 0 is void.

    The folders default to the JSON's path without its ending. Raises InputError before any number for JSON that does
    not parse or names unknown images, missing counterparts (both lists), sizes that differ, segments of the JSON that
    are not in the PNG and the other way round. With allow_missing an image without a prediction counts all its segments as missed.

    Segmentations in memory, one or a list of each, may stand in the place of the files (see `panoptic_scores`).

    csv, worst, bootstrap, seed, threads, progress: as in `evaluate_semantic`; the worst are those of the lowest PQ.
    """
    if not isinstance(truth_json, (str, Path)) or not isinstance(prediction_json, (str, Path)):
        found, true = _in_memory(prediction_json), _in_memory(truth_json)
        images = 1 if isinstance(true, Segmentation) else len(true)
        return _evaluation(panoptic_scores(found, true), images, {})
    truth_json, prediction_json = Path(truth_json), Path(prediction_json)
    truth_data, prediction_data = read_json(truth_json), read_json(prediction_json)
    things, names = _categories(truth_json, truth_data)
    truth = _annotations(truth_json, truth_data, Path(truth_folder or truth_json.with_suffix("")), things)
    prediction = _annotations(
        prediction_json, prediction_data, Path(prediction_folder or prediction_json.with_suffix(""))
    )
    missing = _check_images(truth_json, truth_data, prediction_json, truth, prediction, allow_missing)

    def measure(true: _Annotation) -> tuple[ImageScores, PanopticCounts]:
        found = prediction.get(true.image)
        one = PanopticCounts(things)
        if found is None:
            one.add({}, true.segments, {})
        else:
            one.add(_file_pairs(true, found), true.segments, {i: s.category for i, s in found.segments.items()})
        quality = one.scores().all
        sums = dict(zip(("tp", "fp", "fn"), one.counts[:, 1:].sum(axis=0).astype(int).tolist()))
        row = {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq, **sums, "unknown": one.unknown}
        return ImageScores(true.file.stem, row), one

    counts, per_image, intervals = gather(
        list(truth.values()), measure, PanopticCounts(things), _means,
        keep=Resampling(csv, worst, bootstrap, seed), by="pq", threads=threads, progress=progress,
    )  # fmt: skip
    return _evaluation(counts.scores(), len(truth), names, missing, per_image=per_image, intervals=intervals)


def _means(counts: PanopticCounts) -> dict[str, float]:
    scores = counts.scores()
    return {f"{group} {key}": getattr(getattr(scores, group), key) for group in _GROUPS for key in ("pq", "sq", "rq")}


def _evaluation(
    scores: PanopticResult, images: int, names: Mapping[int, str], missing: str = "", **rows: Any
) -> Evaluation:
    classes = tuple((i, names.get(i, i), q.pq, q.sq, q.rq) for i, q in scores.per_class.items() if q.n)
    groups = tuple((name, q.pq, q.sq, q.rq, q.n) for name, q in ((g, getattr(scores, g)) for g in _GROUPS))
    tables = (
        Table(("id", "category", "PQ", "SQ", "RQ"), classes, "Categories that occur"),
        Table(("", "PQ", "SQ", "RQ", "categories"), groups, f"{images} images"),
    )
    strange = f"{scores.unknown} predicted segments are of categories the truth does not list; they match nothing"
    notes = (strange,) if scores.unknown else ()
    return Evaluation(scores.protocol, tables, scores.to_dict(), images, missing, notes, scores=scores, told=(), **rows)


def _in_memory(given: Path | str | Segmentation | Sequence[Segmentation]) -> Segmentation | Sequence[Segmentation]:
    if isinstance(given, (str, Path)):
        raise InputError("expected files on both sides or Segmentations on both sides, got one of each")
    return given


def _rows(where: Path | str, data: Any, key: str) -> list[dict[str, Any]]:
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(
            f"{where}: expected {key!r}, a list of objects, got {short(value if value is not None else data)}"
        )
    return value


def _number(where: str, entry: Mapping[str, Any], key: str) -> int:
    number = whole(entry.get(key))
    if number is None:
        raise InputError(f"{where}: expected a whole number as {key!r}, got {short(entry.get(key))}")
    return number


def _id(where: str, entry: Mapping[str, Any], key: str) -> int | str:
    found = identity(entry.get(key))
    return _number(where, entry, key) if found is None else found


def _categories(path: Path, data: Any) -> tuple[dict[int, bool], dict[int, str]]:
    things, names = {}, {}
    for position, category in enumerate(_rows(path, data, "categories")):
        where = f"{path}: categories[{position}]"
        number = _number(where, category, "id")
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
    for position, annotation in enumerate(_rows(path, data, "annotations")):
        where = f"{path}: annotations[{position}]"
        image = _id(where, annotation, "image_id")
        if image in found:
            raise InputError(f"{where}: expected one annotation an image, got image {image} twice")
        name = annotation.get("file_name")
        if not isinstance(name, str) or not name or ".." in Path(name).parts or Path(name).is_absolute():
            raise InputError(f"{where}: expected the name of a PNG inside the folder as file_name, got {name!r}")
        segments: dict[int, TrueSegment] = {}
        for place, segment in enumerate(_rows(where, annotation, "segments_info")):
            here = f"{where}: segments_info[{place}]"
            number, category = _number(here, segment, "id"), _number(here, segment, "category_id")
            if not 0 < number < 1 << 24 or number in segments:
                raise InputError(f"{here}: expected a new id 1..16777215 (R + 256 G + 65536 B), got {number}")
            area = _number(here, segment, "area") if categories is not None else 0
            if categories is not None and category not in categories:
                foreign[category] = foreign.get(category, 0) + 1
            crowd = flag(segment.get("iscrowd"))
            if crowd is None:
                raise InputError(f"{here}: expected 0 or 1 as 'iscrowd', got {short(segment.get('iscrowd'))}")
            segments[number] = TrueSegment(category, area, crowd)
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
        images = {_id(f"{truth_json}: images", image, "id") for image in _rows(truth_json, truth_data, "images")}
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
