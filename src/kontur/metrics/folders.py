"""Contours, superpixels, foreground masks and mask boundaries over folders: files paired by name, sums kept, no image.

truth and prediction folders --pair by name--> measure each pair, by threads --> counts that add --> Evaluation
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..io.labels import read_labels
from ..io.photos import read_image
from . import label_forms as forms
from .boundaries import PROTOCOL as BOUNDARY_PROTOCOL
from .boundaries import mask_boundary_scores
from .contours import TOLERANCE, ContourCounts, label_boundaries
from .counts import Counts, Means, Several
from .evaluation import NOTHING_KEPT, Evaluation, ImageScores, Resampling, gather, score_table
from .foreground import ForegroundCounts, SoftMaskCounts
from .regions import RegionCounts
from .streaming import LABEL_SUFFIXES, Pair, Progress, pair_files
from .superpixels import SuperpixelScores, mean_superpixel_scores, superpixel_scores

FolderScores = Evaluation
"""The result's name before every evaluation gave one."""

Row = Mapping[str, float | int]


@dataclass(frozen=True)
class _Plan:
    """What an evaluation asks of each pair, and how the sums are read. by: the score that tells the worst images."""

    title: str
    protocol: str
    suffixes: tuple[str, ...]
    measure: Callable[[Pair], tuple[Row, Counts]]
    counts: Counts
    values: Callable[[Any], dict[str, Any]]
    intervals: tuple[str, ...]
    by: str
    lower_is_worse: bool = True

    def run(
        self,
        truth: Path | str,
        prediction: Path | str,
        allow_missing: bool,
        keep: Resampling,
        threads: int | None,
        progress: Progress | None,
    ) -> Evaluation:
        pairs = pair_files(
            truth,
            prediction,
            truth_suffixes=forms.truth_form(truth),
            prediction_suffixes=self.suffixes,
            allow_missing=allow_missing,
        )

        def measured(pair: Pair) -> tuple[ImageScores, Counts]:
            try:
                row, counts = self.measure(pair)
            except UnreadableFile:
                raise  # names its file
            except InputError as error:
                if any(str(path) in str(error) for path in (pair.truth, pair.prediction)):
                    raise
                raise InputError(f"{pair.prediction or pair.truth}: {error}") from None
            return ImageScores(pair.name, row), counts

        def read(counts: Counts) -> Row:
            values = self.values(counts)
            return {name: values[name] for name in self.intervals}

        total, per_image, intervals = gather(
            pairs.pairs, measured, self.counts, read,
            keep=keep, by=self.by, lower_is_worse=self.lower_is_worse, threads=threads, progress=progress,
        )  # fmt: skip
        values = self.values(total)
        table = score_table(values, f"{self.title}, {len(pairs)} images")
        return Evaluation(
            self.protocol, (table,), values, len(pairs), pairs.missing, per_image=per_image, intervals=intervals
        )


# --- contours ---------------------------------------------------------------------------------------------------------


def evaluate_contours(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    thresholds: int = 99,
    tolerance: float = TOLERANCE,
    thinned: bool = True,
    labels: bool = False,
    allow_missing: bool = False,
    keep: Resampling = NOTHING_KEPT,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """BSDS500's boundary scores of a folder of boundary maps; of label maps, the region scores as well.

    truth_dir:      BSDS .mat files (several annotators), or label images (one annotator).
    prediction_dir: boundary strength as grey images (8 or 16 bit, divided by their maximum; TIFF or .npy also float in
                    [0, 1]); of a folder of `kontur segment` that holds them the .boundaries.png, else the
                    .ultrametric.png, whatever lies beside them; or label maps: `kontur segment` output, saved Segmentations (.npz), any label image with
                    labels=True, or .npy (levels, H, W) of a hierarchy whose levels take the place of the thresholds.

    Scores: those of `ContourScores`, for label maps also those of `RegionSetScores`.
    """
    soft = () if labels else forms.form_of(prediction_dir, [(s,) for s in forms.KONTUR_STRENGTHS], ())
    suffixes = soft or forms.prediction_form(prediction_dir, (*LABEL_SUFFIXES, ".npy"))
    by_region = labels or suffixes in (forms.KONTUR_LABELS, forms.SAVED)
    count = forms.levels(Path(prediction_dir)) if by_region else 0
    marks: int | Sequence[float] = thresholds if not by_region else [0.5] if count == 1 else list(range(count))

    def measure(pair: Pair) -> tuple[Row, Counts]:
        drawn = forms.annotators(pair.truth)
        shape = drawn[0].regions.shape
        contours = ContourCounts(marks, tolerance=tolerance, thinned=thinned)
        if by_region:
            maps = np.zeros((count, *shape), np.int32) if pair.prediction is None else forms.stack(pair.prediction)
            strength: NDArray = np.stack([label_boundaries(p) for p in maps])
        else:
            strength = np.zeros(shape) if pair.prediction is None else forms.strengths(pair.prediction)
        own = contours.update(strength, [d.boundaries for d in drawn])
        row = {"f": own.ods, "precision": own.precision, "recall": own.recall, "threshold": own.threshold}
        if not by_region:
            return row, Several(contours)
        regions = RegionCounts(count)
        own_regions = regions.update(list(maps), [d.regions for d in drawn]).to_dict()
        return row | {k: v for k, v in own_regions.items() if isinstance(v, float)}, Several(contours, regions)

    def values(counts: Several) -> dict[str, Any]:
        told = {k: v for part in counts.parts for k, v in part.scores().to_dict().items()}  # type: ignore[attr-defined]
        return {k: v for k, v in told.items() if k not in ("protocol", "images")}

    contours = ContourCounts(marks, tolerance=tolerance, thinned=thinned)
    empty = Several(contours, RegionCounts(count)) if by_region else Several(contours)
    protocol = contours.protocol
    if soft:
        protocol += f"; taken are the files *{soft[0]}"
    names: tuple[str, ...] = ("ods", "ois", "average_precision")
    if by_region:
        protocol += f"; lines between labels as prediction; {RegionCounts(count).scores().protocol}"
        names += ("covering_ods", "covering_ois", "rand_index_ods", "rand_index_ois")
        names += ("variation_of_information_ods", "variation_of_information_ois")
    plan = _Plan("Contours", protocol, suffixes, measure, empty, values, names, "f")
    return plan.run(truth_dir, prediction_dir, allow_missing, keep, threads, progress)


# --- superpixels ------------------------------------------------------------------------------------------------------


def evaluate_superpixels(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    images: Path | str | None = None,
    allow_missing: bool = False,
    keep: Resampling = NOTHING_KEPT,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The nine superpixel numbers, averaged over images; with several annotators first over these.

    truth_dir: BSDS .mat files or label images.   prediction_dir: label images or `kontur segment` output.
    images:    the folder of photos; without it explained_variation is NaN.
    A missing prediction counts as one superpixel.
    """
    suffixes = forms.prediction_form(prediction_dir, (*LABEL_SUFFIXES, ".npy"))
    photos = forms.photos(Path(images)) if images is not None else None
    names = tuple(f.name for f in fields(SuperpixelScores))

    def measure(pair: Pair) -> tuple[Row, Counts]:
        drawn = forms.annotators(pair.truth)
        shape = drawn[0].regions.shape
        labels = np.zeros(shape, np.int32) if pair.prediction is None else forms.regions(pair.prediction)
        if photos is None:
            pixels = np.zeros(labels.shape, np.uint8)
        elif pair.name in photos:
            pixels = read_image(photos[pair.name]).pixels
        else:
            raise InputError(f"{images}: no photo named {pair.name}. Give the folder of the photos that were segmented")
        one = mean_superpixel_scores(superpixel_scores(labels, d.regions, pixels) for d in drawn)
        row = {name: float(getattr(one, name)) for name in names}
        counts = Means(names)
        counts.update(np.array([list(row.values())]))
        return row, counts

    protocol = f"{SuperpixelScores.protocol}; several annotators are averaged, then images; undefined values left out"
    if images is None:
        protocol += "; no photos were given, so explained variation is undefined"
    plan = _Plan(
        "Superpixels", protocol, suffixes, measure, Means(names), Means.means, names, "achievable_accuracy"
    )  # fmt: skip
    return plan.run(truth_dir, prediction_dir, allow_missing, keep, threads, progress)


# --- foreground -------------------------------------------------------------------------------------------------------


def evaluate_foreground(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    soft: bool = False,
    allow_missing: bool = False,
    keep: Resampling = NOTHING_KEPT,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Error rate and IoU of masks, or (soft) MAE and max-F of soft masks, where the truth is 0, 128 (unknown), 255.

    prediction_dir: masks whose non-zero pixels are the object; `kontur segment` output, whose JSON tells which ids are
    objects (of instances all, of a foreground result all but the background); saved Segmentations (.npz). Soft masks
    are grey images or .npy. A missing prediction counts as all background.

    Raises InputError for a result that has no background, such as that of superpixels.
    """
    suffixes = forms.prediction_form(prediction_dir, (*LABEL_SUFFIXES, ".npy") if soft else LABEL_SUFFIXES)

    def measure_soft(pair: Pair) -> tuple[Row, Counts]:
        truth, counts = forms.unknown_of(pair.truth), SoftMaskCounts()
        own = counts.update(
            np.zeros(truth.shape) if pair.prediction is None else forms.strengths(pair.prediction), truth
        )
        return {"mae": own.mae, "max_f": own.max_f}, counts

    def measure(pair: Pair) -> tuple[Row, Counts]:
        truth, counts = forms.unknown_of(pair.truth), ForegroundCounts()
        own = counts.update(
            np.zeros(truth.shape, bool) if pair.prediction is None else forms.objects(pair.prediction), truth
        )
        return {"error_rate": own.error_rate, "iou": own.iou, "pixels": own.pixels}, counts

    def values(counts: ForegroundCounts | SoftMaskCounts) -> dict[str, Any]:
        return {k: v for k, v in counts.scores().to_dict().items() if k not in ("protocol", "images")}

    empty = SoftMaskCounts() if soft else ForegroundCounts()
    plan = _Plan(
        "Foreground",
        empty.scores().protocol,
        suffixes,
        measure_soft if soft else measure,
        empty,
        values,
        ("mae", "max_f") if soft else ("error_rate", "iou", "pooled_error_rate", "pooled_iou"),
        "max_f" if soft else "error_rate",
        lower_is_worse=soft,
    )
    return plan.run(truth_dir, prediction_dir, allow_missing, keep, threads, progress)


# --- mask boundaries --------------------------------------------------------------------------------------------------


class _Outlined(Means):
    """Means over objects, and how many objects have no distance to any outline."""

    SUMS = (*Means.SUMS, "objects", "without_distance")
    objects = without_distance = 0


def evaluate_boundaries(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    ratio: float = 0.02,
    widths: Sequence[int] = (1, 2, 4, 8),
    each_label: bool = False,
    allow_missing: bool = False,
    keep: Resampling = NOTHING_KEPT,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Boundary IoU, DAVIS J and F, trimap IoU, Hausdorff 95 and average surface distance, averaged over images.

    each_label: every non-zero value of a truth file is an object of its own, to be met by the same value in the
    prediction, and the means are over objects; otherwise all non-zero pixels of a file are one object. Of results of
    Kontur the objects are read as in `evaluate_foreground`, the background is none.
    Undefined (NaN) and infinite values are left out of the means; `without_distance` counts the pairs that have none.
    """
    shares = ("boundary_iou", "davis_j", "davis_f")
    lengths = ("hausdorff95", "average_surface_distance")
    names = (*shares, *(f"trimap_iou_{w}" for w in widths), *lengths)

    def masks(pair: Pair) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """(prediction, truth) of each object."""
        if not each_label:
            known = forms.objects(pair.truth)
            return [(np.zeros(known.shape, bool) if pair.prediction is None else forms.objects(pair.prediction), known)]
        truth = read_labels(pair.truth)
        labels = np.zeros(truth.shape, np.int32) if pair.prediction is None else forms.regions(pair.prediction)
        if labels.shape != truth.shape:
            mask_boundary_scores(labels, truth)  # raises the error that names both sizes
        no_object = {0, forms.background_of(pair.truth)}
        return [(labels == v, truth == v) for v in np.unique(truth).tolist() if v not in no_object]

    def measure(pair: Pair) -> tuple[Row, Counts]:
        counts = _Outlined(names)
        for ours, theirs in masks(pair):
            s = mask_boundary_scores(ours, theirs, ratio=ratio, widths=widths)
            values = [*(getattr(s, n) for n in shares), *(s.trimap_iou[w] for w in widths)]
            values += [getattr(s, n) for n in lengths]
            counts.update(np.array([values]))
            counts.objects += 1
            counts.without_distance += int(not math.isfinite(values[-1]))
        return {"objects": counts.objects, **counts.means()}, counts

    def values(counts: _Outlined) -> dict[str, Any]:
        means = counts.means()
        return {
            **{n: means[n] for n in shares},
            "davis_jf": (means["davis_j"] + means["davis_f"]) / 2,
            "trimap_iou": {str(w): means[f"trimap_iou_{w}"] for w in widths},
            **{n: means[n] for n in lengths},
            "without_distance": counts.without_distance,
            "objects": counts.objects,
        }

    over = "objects, each non-zero label value one" if each_label else "images, all non-zero pixels one object"
    protocol = (
        f"{BOUNDARY_PROTOCOL.format(ratio=ratio)}; means over {over}, undefined and infinite values left out; "
        "lengths in pixels"
    )
    suffixes = forms.prediction_form(prediction_dir, LABEL_SUFFIXES)
    plan = _Plan(
        "Boundaries", protocol, suffixes, measure, _Outlined(names), values, (*shares, *lengths), "boundary_iou"
    )
    return plan.run(truth_dir, prediction_dir, allow_missing, keep, threads, progress)
