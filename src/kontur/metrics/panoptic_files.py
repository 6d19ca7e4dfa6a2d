"""Panoptic quality of COCO's panoptic files: JSON that names segments, PNGs that hold them as R + 256 G + 65536 B.

truth and prediction JSON --pair by image id--> PNGs of each pair, by threads --> PanopticCounts that add --> Evaluation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.segmentation import Segmentation
from ..io.panoptic import PanopticFile, panoptic_file, read_panoptic_colours
from ..io.panoptic_entries import PanopticRow, walk_panoptic
from ..io.taxonomy import LabelFault
from ..io.text import read_json
from .evaluation import Evaluation, ImageScores, Resampling, Table, gather
from .panoptic_quality import PanopticCounts, PanopticResult, TrueSegment, _colour_pairs, panoptic_scores
from .streaming import LISTED, Progress, missing_line

_GROUPS = ("all", "things", "stuff")


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
    truth = _file(Path(truth_json), truth_folder, scored=True)
    prediction = _file(Path(prediction_json), prediction_folder, predicted=True)
    true_rows, found_rows = ({row.image_id: row for row in file.rows} for file in (truth, prediction))
    missing = _check_images(truth, prediction, true_rows, found_rows, allow_missing)
    things = {category.id: category.thing for category in truth.taxonomy}

    def measure(true: PanopticRow) -> tuple[ImageScores, PanopticCounts]:
        found = found_rows.get(true.image_id)
        one = PanopticCounts(things)
        segments = {s.id: TrueSegment(s.category_id, s.area or 0, s.crowd) for s in true.segments}
        if found is None:
            one.add({}, segments, {})
        else:
            pairs = _pairs_of_files(truth.folder / true.file_name, true, prediction.folder / found.file_name, found)
            one.add(pairs, segments, {s.id: s.category_id for s in found.segments})
        quality = one.scores().all
        sums = dict(zip(("tp", "fp", "fn"), one.counts[:, 1:].sum(axis=0).astype(int).tolist()))
        row = {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq, **sums, "unknown": one.unknown}
        return ImageScores(Path(true.file_name).stem, row), one

    counts, per_image, intervals = gather(
        truth.rows, measure, PanopticCounts(things), _means,
        keep=Resampling(csv, worst, bootstrap, seed), by="pq", threads=threads, progress=progress,
    )  # fmt: skip
    names = {category.id: category.name for category in truth.taxonomy}
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


def _file(path: Path, folder: Path | str | None, **how: bool) -> PanopticFile:
    """The JSON of a file. Raises InputError for the first fault; of unknown categories it says how many."""
    entries = list(walk_panoptic(read_json(path), **how))
    faults = [entry for entry in entries if isinstance(entry, LabelFault)]
    if faults:
        alike = sum(fault.kind == "unknown_category_id" for fault in faults)
        unknown = faults[0].kind == "unknown_category_id"
        raise InputError(f"{path}: {f'truth categories: {faults[0]} ({alike} segments)' if unknown else faults[0]}")
    return panoptic_file(path, entries, folder)


def _check_images(
    truth: PanopticFile,
    prediction: PanopticFile,
    true_rows: Mapping[int | str, PanopticRow],
    found_rows: dict[int | str, PanopticRow],
    allow_missing: bool,
) -> str:
    """Drops predictions of allowed missing files; returns what is missing, in words."""
    unknown = [str(i) for i in found_rows if i not in true_rows and i not in truth.photos]
    if unknown:
        raise InputError(
            f"{prediction.path}: predictions for images that {truth.path} does not know: {', '.join(unknown[:LISTED])}"
        )
    absent = [str(p) for row in truth.rows if not (p := truth.folder / row.file_name).is_file()]
    if absent:
        raise InputError(f"truth files are missing: {', '.join(absent[:LISTED])}. {len(absent)} of {len(truth)} in all")
    without_prediction = [str(i) for i in true_rows if i not in found_rows]
    for image, row in list(found_rows.items()):
        path = prediction.folder / row.file_name
        if image in true_rows and not path.is_file():
            without_prediction.append(str(path))
            del found_rows[image]
    missing = missing_line(without_prediction, [str(i) for i in found_rows if i not in true_rows])
    if missing and not allow_missing:
        raise InputError(
            f"{truth.path} and {prediction.path}: images without counterpart: {missing}. "
            "Add them, or count missing predictions as misses with --allow-missing"
        )
    return missing


def _pairs_of_files(
    true_path: Path, true: PanopticRow, found_path: Path, found: PanopticRow
) -> dict[tuple[int, int], int]:
    truth, prediction = _colours(true_path), _colours(found_path)
    if truth.shape != prediction.shape:
        raise InputError(
            f"sizes differ (H, W): truth {true_path} {truth.shape[:2]} and prediction {found_path} {prediction.shape[:2]}"
        )
    pairs = _colour_pairs(truth, prediction)
    for side, (path, row) in enumerate(((true_path, true), (found_path, found))):
        foreign = sorted({ids[side] for ids in pairs} - {s.id for s in row.segments} - {0})
        if foreign:
            shown = ", ".join(f"{i} ({sum(n for k, n in pairs.items() if k[side] == i)} pixels)" for i in foreign[:8])
            raise InputError(f"{path}: expected the ids of the JSON's segments_info or 0, got {shown}")
    absent = sorted({s.id for s in found.segments} - {b for _, b in pairs})
    if absent:
        raise InputError(f"{found_path}: segments of the JSON that have no pixel: {absent[:8]}")
    return pairs


def _colours(path: Path) -> NDArray[np.uint8]:
    try:
        return read_panoptic_colours(path)
    except UnreadableFile as error:
        raise UnreadableFile(f"{path}: cannot be read: {str(error).removeprefix(f'{path}: ')}") from None
