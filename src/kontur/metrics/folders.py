"""Contours, superpixels, foreground masks and mask boundaries over folders: files paired by name, sums kept, no image.

    truth and prediction folders --pair by name--> measure each pair, by threads --> sums that add --> FolderScores

Each image is measured to a row (its own scores) and to a vector of sums; the set's scores are read from the sum of the
vectors, so the memory for 10,000 images is that for 10, and a bootstrap replicate is a weighted sum of the vectors.
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
from ..core.segmentation import Segmentation
from ..io.bsds import read_bsds_truth
from ..io.labels import read_labels
from ..io.photos import read_image
from .boundaries import PROTOCOL as BOUNDARY_PROTOCOL
from .boundaries import mask_boundary_scores
from .contours import TOLERANCE, ContourCounts, label_boundaries
from .foreground import LEVELS, ForegroundCounts, SoftMaskCounts
from .regions import RegionCounts
from .streaming import LABEL_SUFFIXES, Bootstrap, ImageScores, Pair, PerImage, Progress, pair_files, stream
from .superpixels import SuperpixelScores, mean_superpixel_scores, superpixel_scores

KONTUR_LABELS = (".labels.png", ".labels.tif")
"""What `kontur segment` writes: segment ids, the background 1 where a method knows one."""

KONTUR_STRENGTHS = (".boundaries.png", ".ultrametric.png")
"""Boundary strengths that `kontur segment` writes, grey; the first kind that a folder holds is scored."""

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")


@dataclass(frozen=True)
class FolderScores:
    """The scores of two folders. missing: names without counterpart, in words; intervals: 95 %, by bootstrap."""

    protocol: str
    values: Mapping[str, Any]
    images: int
    missing: str
    per_image: PerImage
    intervals: Mapping[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """protocol, the scores by name, images."""
        return {"protocol": self.protocol, **self.values, "images": self.images}

    def __getattr__(self, name: str) -> Any:
        """Each score by its name."""
        if name != "values" and name in self.values:
            return self.values[name]
        raise AttributeError(f"no score named {name!r}; there are {', '.join(self.values)}")


@dataclass(frozen=True)
class Resampling:
    """What is kept of single images: all rows (csv), the worst N, and bootstrap intervals from N resamplings."""

    csv: bool = False
    worst: int = 0
    bootstrap: int = 0
    seed: int = 0


Measured = tuple[Mapping[str, float | int], NDArray[np.float64]]


def evaluate_contours(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    thresholds: int = 99,
    tolerance: float = TOLERANCE,
    thinned: bool = True,
    labels: bool = False,
    allow_missing: bool = False,
    keep: Resampling = Resampling(),
    threads: int | None = None,
    progress: Progress | None = None,
) -> FolderScores:
    """BSDS500's boundary scores of a folder of boundary maps; of label maps, the region scores as well.

    truth_dir:      BSDS .mat files (several annotators), or label images (one annotator).
    prediction_dir: boundary strength as grey images (8 or 16 bit, divided by their maximum; TIFF or .npy also float in
                    [0, 1]); of a folder of `kontur segment` that holds them the .boundaries.png, else the
                    .ultrametric.png, whatever lies beside them; or label maps: `kontur segment` output, saved Segmentations (.npz), any label image with
                    labels=True, or .npy (levels, H, W) of a hierarchy whose levels take the place of the thresholds.

    Scores: those of `ContourScores`, for label maps also those of `RegionSetScores`.
    """
    strengths = () if labels else _strength_suffix(Path(prediction_dir))
    suffixes = strengths or _prediction_suffixes(prediction_dir, (*LABEL_SUFFIXES, ".npy"))
    regions = labels or suffixes == KONTUR_LABELS or suffixes == (".npz",)
    levels = _levels(Path(prediction_dir)) if regions else 0
    marks: int | Sequence[float] = [0.5] if levels == 1 else list(range(levels)) if regions else thresholds
    empty = ContourCounts(marks, tolerance=tolerance, thinned=thinned)
    steps = len(empty.thresholds)
    by_region_sums = ("area", "images", "covered", "rand", "information", "best")

    def measure(pair: Pair) -> Measured:
        drawn = _annotators(pair.truth)
        shape = drawn[0].regions.shape
        if regions:
            partitions = np.zeros((levels, *shape), np.int32) if pair.prediction is None else _stack(pair.prediction)
            strength: NDArray = np.stack([label_boundaries(p) for p in partitions])
        else:
            strength = np.zeros(shape) if pair.prediction is None else _grey(pair.prediction)
        counts = ContourCounts(marks, tolerance=tolerance, thinned=thinned)
        own = counts.update(strength, [d.boundaries for d in drawn])
        row = {"f": own.ods, "precision": own.precision, "recall": own.recall, "threshold": own.threshold}
        sums: list[NDArray] = [counts.counts.ravel(), counts.best, np.ones(1)]
        if regions:
            by_region = RegionCounts(levels)
            values = by_region.update(list(partitions), [d.regions for d in drawn])
            row |= {k: v for k, v in values.to_dict().items() if isinstance(v, float)}
            sums += [np.ravel(getattr(by_region, name)) for name in by_region_sums]
        return row, np.concatenate(sums).astype(np.float64)

    def finish(sums: NDArray[np.float64]) -> dict[str, Any]:
        counts = ContourCounts(marks, tolerance=tolerance, thinned=thinned)
        counts.counts[:] = np.rint(sums[: 4 * steps]).reshape(steps, 4)
        counts.best[:] = np.rint(sums[4 * steps : 4 * steps + 4])
        counts.images = int(sums[4 * steps + 4])
        values = {k: v for k, v in counts.scores().to_dict().items() if k not in ("protocol", "images")}
        if regions:
            by_region = RegionCounts(levels)
            place = 4 * steps + 5
            for name in by_region_sums:
                size = np.size(getattr(by_region, name))
                part = sums[place : place + size]
                setattr(by_region, name, int(part[0]) if name in ("area", "images") else part)
                place += size
            values |= {k: v for k, v in by_region.scores().to_dict().items() if k not in ("protocol", "images")}
        return values

    protocol = empty.protocol
    if strengths:
        protocol += f"; taken are the files *{strengths[0]}"
    if regions:
        protocol += f"; lines between labels as prediction; {RegionCounts(levels).scores().protocol}"
    names: tuple[str, ...] = ("ods", "ois", "average_precision")
    if regions:
        names += ("covering_ods", "covering_ois", "rand_index_ods", "rand_index_ois")
        names += ("variation_of_information_ods", "variation_of_information_ois")
    pairing = (truth_dir, prediction_dir, suffixes, allow_missing)
    return _evaluate(pairing, measure, finish, protocol, names, "f", keep, threads, progress)


def evaluate_superpixels(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    images: Path | str | None = None,
    allow_missing: bool = False,
    keep: Resampling = Resampling(),
    threads: int | None = None,
    progress: Progress | None = None,
) -> FolderScores:
    """The nine superpixel numbers, averaged over images; with several annotators first over these.

    truth_dir: BSDS .mat files or label images.   prediction_dir: label images or `kontur segment` output.
    images:    the folder of photos; without it explained_variation is NaN.
    A missing prediction counts as one superpixel.
    """
    suffixes = _prediction_suffixes(prediction_dir, (*LABEL_SUFFIXES, ".npy"))
    photos = _photos(Path(images)) if images is not None else None
    names = [f.name for f in fields(SuperpixelScores)]

    def measure(pair: Pair) -> Measured:
        drawn = _annotators(pair.truth)
        shape = drawn[0].regions.shape
        labels = np.zeros(shape, np.int32) if pair.prediction is None else _labels(pair.prediction)
        if photos is None:
            pixels = np.zeros(labels.shape, np.uint8)
        elif pair.name in photos:
            pixels = read_image(photos[pair.name]).pixels
        else:
            raise InputError(f"{images}: no photo named {pair.name}. Give the folder of the photos that were segmented")
        one = mean_superpixel_scores(superpixel_scores(labels, d.regions, pixels) for d in drawn)
        values = np.array([getattr(one, name) for name in names])
        defined = ~np.isnan(values)
        return dict(zip(names, values.tolist())), np.concatenate([np.where(defined, values, 0), defined])

    def finish(sums: NDArray[np.float64]) -> dict[str, Any]:
        return _means(names, sums)

    protocol = f"{SuperpixelScores.protocol}; several annotators are averaged, then images; undefined values left out"
    if images is None:
        protocol += "; no photos were given, so explained variation is undefined"
    pairing = (truth_dir, prediction_dir, suffixes, allow_missing)
    return _evaluate(pairing, measure, finish, protocol, names, "achievable_accuracy", keep, threads, progress)


def evaluate_foreground(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    soft: bool = False,
    allow_missing: bool = False,
    keep: Resampling = Resampling(),
    threads: int | None = None,
    progress: Progress | None = None,
) -> FolderScores:
    """Error rate and IoU of masks, or (soft) MAE and max-F of soft masks, where the truth is 0, 128 (unknown), 255.

    prediction_dir: masks whose non-zero pixels are the object; `kontur segment` output, whose segment 1 is background;
    saved Segmentations (.npz). Soft masks are grey images or .npy. A missing prediction counts as all background.
    """
    suffixes = _prediction_suffixes(prediction_dir, (*LABEL_SUFFIXES, ".npy") if soft else LABEL_SUFFIXES)
    names = ("mae", "max_f") if soft else ("error_rate", "iou", "pooled_error_rate", "pooled_iou")

    def measure(pair: Pair) -> Measured:
        truth = _mask(pair.truth)
        if soft:
            gathered = SoftMaskCounts()
            strength = np.zeros(truth.shape) if pair.prediction is None else _grey(pair.prediction)
            own = gathered.update(strength, truth)
            vector = np.concatenate([[gathered.images, gathered.with_object, gathered.error_sum], gathered.f_sums])
            return {"mae": own.mae, "max_f": own.max_f}, vector
        counts = ForegroundCounts()
        mask = np.zeros(truth.shape, bool) if pair.prediction is None else _object(pair.prediction)
        scores = counts.update(mask, truth)
        row = {"error_rate": scores.error_rate, "iou": scores.iou, "pixels": scores.pixels}
        return row, np.array([float(v) for v in vars(counts).values()])

    def finish(sums: NDArray[np.float64]) -> dict[str, Any]:
        if soft:
            gathered = SoftMaskCounts()
            gathered.images, gathered.with_object, gathered.error_sum = int(sums[0]), int(sums[1]), float(sums[2])
            gathered.f_sums = sums[3 : 3 + LEVELS]
            values = gathered.scores().to_dict()
        else:
            counts = ForegroundCounts()
            for (name, start), value in zip(vars(counts).items(), sums.tolist()):
                setattr(counts, name, type(start)(value))
            values = counts.scores().to_dict()
        return {k: v for k, v in values.items() if k not in ("protocol", "images")}

    protocol = SoftMaskCounts().scores().protocol if soft else ForegroundCounts().scores().protocol
    pairing = (truth_dir, prediction_dir, suffixes, allow_missing)
    by, lower = ("max_f", True) if soft else ("error_rate", False)
    return _evaluate(pairing, measure, finish, protocol, names, by, keep, threads, progress, lower)


def evaluate_boundaries(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    *,
    ratio: float = 0.02,
    widths: Sequence[int] = (1, 2, 4, 8),
    each_label: bool = False,
    allow_missing: bool = False,
    keep: Resampling = Resampling(),
    threads: int | None = None,
    progress: Progress | None = None,
) -> FolderScores:
    """Boundary IoU, DAVIS J and F, trimap IoU, Hausdorff 95 and average surface distance, averaged over images.

    each_label: every non-zero value of a truth file is an object of its own, to be met by the same value in the
    prediction, and the means are over objects; otherwise all non-zero pixels of a file are one object.
    Undefined (NaN) and infinite values are left out of the means; `without_distance` counts the pairs that have none.
    """
    suffixes = _prediction_suffixes(prediction_dir, LABEL_SUFFIXES)
    names = ["boundary_iou", "davis_j", "davis_f"]
    names += [f"trimap_iou_{w}" for w in widths]
    names += ["hausdorff95", "average_surface_distance"]

    def measure(pair: Pair) -> Measured:
        if each_label:
            truth = read_labels(pair.truth)
            labels = np.zeros(truth.shape, np.int32) if pair.prediction is None else _labels(pair.prediction)
            if labels.shape != truth.shape:
                mask_boundary_scores(labels, truth)  # raises the error that names both sizes
            objects = [(labels == v, truth == v) for v in np.unique(truth) if v != 0]
        else:
            known = _mask(pair.truth) != 0
            mask = np.zeros(known.shape, bool) if pair.prediction is None else _object(pair.prediction)
            objects = [(mask, known)]
        values = np.full((len(objects), len(names)), math.nan)
        for row, (ours, theirs) in zip(values, objects):
            s = mask_boundary_scores(ours, theirs, ratio=ratio, widths=widths)
            trimaps = [s.trimap_iou[w] for w in widths]
            row[:] = [s.boundary_iou, s.davis_j, s.davis_f, *trimaps, s.hausdorff95, s.average_surface_distance]
        defined = np.isfinite(values)
        sums = np.concatenate(
            [np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0), [(~defined[:, -1]).sum(), len(objects)]]
        )
        return {"objects": len(objects), **_means(names, sums)}, sums

    def finish(sums: NDArray[np.float64]) -> dict[str, Any]:
        means = _means(names, sums)
        return {
            "boundary_iou": means["boundary_iou"],
            "davis_j": means["davis_j"],
            "davis_f": means["davis_f"],
            "davis_jf": (means["davis_j"] + means["davis_f"]) / 2,
            "trimap_iou": {str(w): means[f"trimap_iou_{w}"] for w in widths},
            "hausdorff95": means["hausdorff95"],
            "average_surface_distance": means["average_surface_distance"],
            "without_distance": int(sums[-2]),
            "objects": int(sums[-1]),
        }

    protocol = (
        BOUNDARY_PROTOCOL.format(ratio=ratio)
        + "; means over "
        + ("objects, each non-zero label value one" if each_label else "images, all non-zero pixels one object")
    )
    protocol += ", undefined and infinite values left out; lengths in pixels"
    pairing = (truth_dir, prediction_dir, suffixes, allow_missing)
    shown = ("boundary_iou", "davis_j", "davis_f", "hausdorff95", "average_surface_distance")
    return _evaluate(pairing, measure, finish, protocol, shown, "boundary_iou", keep, threads, progress)


# --- the walk -------------------------------------------------------------------------------------------------------


def _evaluate(
    pairing: tuple[Path | str, Path | str, tuple[str, ...], bool],
    measure: Callable[[Pair], Measured],
    finish: Callable[[NDArray[np.float64]], dict[str, Any]],
    protocol: str,
    interval_names: Sequence[str],
    worst_by: str,
    keep: Resampling,
    threads: int | None,
    progress: Progress | None,
    lower_is_worse: bool = True,
) -> FolderScores:
    truth, prediction, suffixes, allow_missing = pairing
    truth_suffixes = (".mat",) if any(Path(truth).rglob("*.mat")) else LABEL_SUFFIXES
    pairs = pair_files(
        truth, prediction, truth_suffixes=truth_suffixes, prediction_suffixes=suffixes, allow_missing=allow_missing
    )

    def measured(pair: Pair) -> Measured:
        try:
            return measure(pair)
        except UnreadableFile:
            raise  # names its file
        except InputError as error:
            if any(str(path) in str(error) for path in (pair.truth, pair.prediction)):
                raise
            raise InputError(f"{pair.prediction or pair.truth}: {error}") from None

    per_image = PerImage(keep=keep.csv, worst=keep.worst, by=worst_by, lower_is_worse=lower_is_worse)
    resampling = Bootstrap(len(pairs), keep.bootstrap, keep.seed)
    total: NDArray[np.float64] | None = None
    replicates: NDArray[np.float64] | None = None
    for done, (pair, (row, sums)) in enumerate(zip(pairs.pairs, stream(pairs.pairs, measured, threads=threads)), 1):
        per_image.add(ImageScores(pair.name, row))
        total = sums.astype(np.float64) if total is None else total + sums
        if keep.bootstrap:
            weighted = resampling.weights()[:, None] * sums
            replicates = weighted if replicates is None else replicates + weighted
        if progress:
            progress(done, len(pairs))
    assert total is not None, "pair_files refuses empty folders"
    intervals = {}
    if replicates is not None:
        drawn = [finish(replicate) for replicate in replicates]
        intervals = {name: Bootstrap.interval(np.array([d[name] for d in drawn])) for name in interval_names}
    return FolderScores(protocol, finish(total), len(pairs), pairs.missing, per_image, intervals)


def _means(names: Sequence[str], sums: NDArray[np.float64]) -> dict[str, Any]:
    """Means from sums of the defined values, followed by how many are defined."""
    count = len(names)
    defined = sums[count : 2 * count]
    return {name: float(s / n) if n else math.nan for name, s, n in zip(names, sums[:count], defined)}


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Drawing:
    """One annotator: regions (H, W) integers, boundaries (H, W) bool."""

    regions: NDArray
    boundaries: NDArray[np.bool_]


def _annotators(path: Path) -> list[_Drawing]:
    if path.suffix.lower() == ".mat":
        return [_Drawing(d.regions, d.boundaries) for d in read_bsds_truth(path)]
    regions = read_labels(path)
    return [_Drawing(regions, label_boundaries(regions))]


def _prediction_suffixes(folder: Path | str, others: tuple[str, ...]) -> tuple[str, ...]:
    """A folder of `kontur segment` holds overlays and the like beside its labels; then only the labels are taken."""
    for suffixes in (KONTUR_LABELS, (".npz",)):
        if any(any(Path(folder).rglob(f"*{suffix}")) for suffix in suffixes):
            return suffixes
    return others


def _strength_suffix(folder: Path) -> tuple[str, ...]:
    """The ending of the soft maps in a folder of `kontur segment`, which go before its labels; () without any."""
    return next(((suffix,) for suffix in KONTUR_STRENGTHS if any(folder.rglob(f"*{suffix}"))), ())


def _labels(path: Path) -> NDArray:
    if path.suffix == ".npz":
        return Segmentation.load(path).ids
    return _array(path) if path.suffix == ".npy" else read_labels(path)


def _stack(path: Path) -> NDArray:
    """Label maps (levels, H, W); a file with one map has one level."""
    labels = _labels(path)
    if labels.ndim not in (2, 3) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{path}: expected label maps of integers (H, W) or (levels, H, W), got {labels.dtype} {labels.shape}"
        )
    return labels if labels.ndim == 3 else labels[None]


def _levels(folder: Path) -> int:
    """How many levels the first .npy file has; other label files have one."""
    arrays = sorted(folder.rglob("*.npy"))
    return len(_stack(arrays[0])) if arrays else 1


def _object(path: Path) -> NDArray[np.bool_]:
    """The object's pixels: of Kontur's labels all but the background (1) and void (0), of other files the non-zero."""
    if path.suffix == ".npz":
        foreground = Segmentation.load(path).foreground
        if foreground is None:
            raise InputError(f"{path}: expected a result with a background (foreground/background methods), got none")
        return foreground
    if path.name.endswith(KONTUR_LABELS):
        return read_labels(path) > 1
    return _mask(path) != 0


def _mask(path: Path) -> NDArray:
    """Indices, also of a grey mask that was stored as RGB with equal channels (one of the GrabCut truths is)."""
    try:
        return read_labels(path)
    except UnreadableFile:
        raise
    except InputError:
        grey = _equal_channels(read_image(path).pixels)
        if grey is None:
            raise
        return grey


def _grey(path: Path) -> NDArray:
    if path.suffix == ".npy":
        return _array(path)
    grey = _equal_channels(read_image(path).pixels)
    if grey is None:
        raise InputError(
            f"{path}: expected strengths in one channel (grey), got colours. Save them as grey PNG or .npy"
        )
    return grey


def _equal_channels(pixels: NDArray) -> NDArray | None:
    if pixels.ndim == 2:
        return pixels
    return pixels[..., 0] if (pixels == pixels[..., :1]).all() else None


def _array(path: Path) -> NDArray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UnreadableFile(f"{path}: expected an array written by numpy.save, got: {error}") from None


def _photos(folder: Path) -> dict[str, Path]:
    """Relative path without suffix -> photo."""
    if not folder.is_dir():
        raise UnreadableFile(f"{folder}: expected the folder of the photos, got no folder")
    return {
        p.relative_to(folder).with_suffix("").as_posix(): p
        for p in sorted(folder.rglob("*"))
        if p.suffix.lower() in PHOTO_SUFFIXES
    }
