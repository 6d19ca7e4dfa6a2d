"""Semantic segmentation: the confusion matrix and the scores read from it.

    update(prediction, truth) ...  ->  counts (K, K), truth by row  ->  scores()

One matrix is added up over the whole data set; an average of per-image IoUs is another number and never called mIoU.
The definitions are those of Long et al., "Fully Convolutional Networks", CVPR 2015, section 5; a class that is absent
from truth and prediction is left out of the mean, one that is only predicted counts 0, as in the Cityscapes scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError, OptionError
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from .streaming import (
    LABEL_SUFFIXES,
    Bootstrap,
    ImageScores,
    Pair,
    PerImage,
    Progress,
    pair_files,
    read_indices,
    stream,
)

MAX_CLASSES = 4096


class Confusion:
    """Counts of (true class, predicted class) in pixels, int64; they add.

    classes: K, ids are 0..K-1.
    ignore:  truth pixels of this value are dropped. Inside 0..K-1 it drops those truth pixels and leaves K classes: to
             predict it elsewhere is an error of the class predicted. None ignores nothing.

    A prediction outside 0..K-1 (such as the ignore value 255) is a miss of the true class, counted in `unpredicted`.
    """

    def __init__(self, classes: int, ignore: int | None = 255) -> None:
        if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or not 1 <= classes <= MAX_CLASSES:
            raise OptionError(f"classes: expected a whole number 1..{MAX_CLASSES}, got {classes!r}")
        if ignore is not None and (isinstance(ignore, bool) or not isinstance(ignore, (int, np.integer)) or ignore < 0):
            raise OptionError(f"ignore: expected a whole number from 0, or None, got {ignore!r}")
        self.classes = int(classes)
        self.ignore = None if ignore is None else int(ignore)
        self._counts = np.zeros((self.classes, self.classes + 1), np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(K, K): pixels of true class (row) given as predicted class (column)."""
        return self._counts[:, :-1].copy()

    @property
    def unpredicted(self) -> NDArray[np.int64]:
        """(K,): pixels of each true class whose prediction is no class at all."""
        return self._counts[:, -1].copy()

    def update(self, prediction: ArrayLike | Segmentation, truth: ArrayLike | Segmentation) -> Confusion:
        """Add one image (or volume) of class ids, any integer types, equal shapes; a Segmentation gives its categories.

        Raises InputError for sizes that differ, no integers, or truth ids that are neither a class nor ignore; then
        nothing is added. Returns self.
        """
        predicted, true = _class_ids("prediction", prediction, -1), _class_ids("truth", truth, self.ignore)
        if predicted.shape != true.shape:
            colours = (
                " The prediction looks like colours; class ids are expected." if _looks_rgb(predicted, true) else ""
            )
            raise InputError(
                f"sizes differ: expected a prediction as large as the truth, got prediction {predicted.shape} "
                f"and truth {true.shape}.{colours}"
            )
        if true.size:
            self._counts += self._count(predicted.reshape(-1), true.reshape(-1))
        return self

    def _count(self, prediction: NDArray, truth: NDArray) -> NDArray[np.int64]:
        from ..kernels.pair_counts import count_bytes, count_classes

        counts = np.zeros_like(self._counts)
        ignore = -1 if self.ignore is None else self.ignore
        if truth.dtype == np.uint8 and prediction.dtype == np.uint8:
            truth, prediction = np.ascontiguousarray(truth), np.ascontiguousarray(prediction)
            table = np.zeros(65536, np.int64)
            whole = truth.size // 8 * 8
            count_bytes(truth, prediction, truth[:whole].view(np.uint64), prediction[:whole].view(np.uint64), table)
            pairs = table.reshape(256, 256)
            dropped = 0
            if 0 <= ignore < 256:
                dropped = int(pairs[ignore].sum())
                pairs[ignore] = 0
            inside = min(self.classes, 256)
            counts[:inside, :inside] = pairs[:inside, :inside]
            counts[:inside, -1] = pairs[:inside, inside:].sum(axis=1)
            # Not a sum over the foreign rows: that would touch half a megabyte of zeros.
            foreign = truth.size - dropped - int(counts.sum())
        else:
            foreign = int(count_classes(truth, prediction, np.int64(ignore), counts))
        if foreign:
            self._refuse(truth)
        return counts

    def _refuse(self, truth: NDArray) -> None:
        values, numbers = np.unique(truth, return_counts=True)
        wrong = [(int(v), int(n)) for v, n in zip(values, numbers) if not 0 <= v < self.classes and v != self.ignore]
        shown = ", ".join(f"{v} ({n} pixels)" for v, n in wrong[:8]) + (" .." if len(wrong) > 8 else "")
        allowed = f"0..{self.classes - 1}" + ("" if self.ignore is None else f" or ignore {self.ignore}")
        raise InputError(f"truth ids: expected {allowed}, got {shown}. Check the number of classes and the label files")

    def __iadd__(self, other: Confusion) -> Confusion:
        if not isinstance(other, Confusion):
            return NotImplemented
        if (self.classes, self.ignore) != (other.classes, other.ignore):
            raise InputError(
                f"expected confusion matrices of one kind, got {self.classes} classes, ignore {self.ignore} "
                f"and {other.classes} classes, ignore {other.ignore}"
            )
        self._counts += other._counts
        return self

    def __add__(self, other: Confusion) -> Confusion:
        if not isinstance(other, Confusion):
            return NotImplemented
        both = Confusion(self.classes, self.ignore)
        both += self
        both += other
        return both

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Confusion):
            return NotImplemented
        return self.ignore == other.ignore and np.array_equal(self._counts, other._counts)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def scores(self) -> SemanticScores:
        """The scores of all that was added so far; see SemanticScores."""
        return SemanticScores(
            self.counts,
            self.unpredicted,
            **_scores(*_margins(self._counts)),
            protocol=_protocol(self.classes, self.ignore),
        )

    def table(self, names: Sequence[str] | None = None) -> str:
        """The counts as text, truth by row, the last column being predictions outside the classes."""
        return self.scores().table(names)

    def figure(self, names: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """The matrix as a picture, (height, width, 3) RGB; see SemanticScores.figure."""
        return self.scores().figure(names)

    def __repr__(self) -> str:
        return f"<Confusion {self.classes} classes, ignore {self.ignore}, {int(self._counts.sum())} pixels>"


@dataclass(frozen=True, eq=False)
class SemanticScores:
    """Fractions in [0, 1], NaN where undefined; the per-class arrays are (K,) float64, the counts int64.

    n_ij = pixels of class i given as j (with those given as no class), t_i = sum_j n_ij, p_i = sum_j n_ji:
    accuracy = recall = n_ii / t_i, precision = n_ii / p_i, iou = n_ii / (t_i + p_i - n_ii),
    dice = 2 n_ii / (t_i + p_i); pixel_accuracy = sum n_ii / sum t_i; mean_accuracy and mean_iou over the classes where
    they are defined; frequency_weighted_iou = sum t_i iou_i / sum t_i.
    """

    counts: NDArray[np.int64]  # (K, K), truth by row
    unpredicted: NDArray[np.int64]  # (K,), misses: predictions outside the classes
    pixel_accuracy: float
    mean_accuracy: float
    mean_iou: float
    frequency_weighted_iou: float
    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    dice: NDArray[np.float64]
    protocol: str

    @property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix as counts, (K, K), truth by row; the same as `counts`."""
        return self.counts

    def to_dict(self, names: Sequence[str] | None = None, ids: Sequence[int] | None = None) -> dict[str, Any]:
        """The scores as plain dicts; NaN stays NaN (the command line writes null)."""
        classes = len(self.counts)
        names, ids = _names(names, classes), list(ids) if ids is not None else list(range(classes))
        keys = ("iou", "accuracy", "precision", "recall", "dice")
        return {
            "protocol": self.protocol,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "mean_iou": self.mean_iou,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "per_class": [
                {"id": ids[i], "name": names[i], **{key: float(getattr(self, key)[i]) for key in keys}}
                for i in range(classes)
            ],
        }

    def table(self, names: Sequence[str] | None = None) -> str:
        """The counts as text, truth by row; "none" counts the predictions outside the classes."""
        names = _names(names, len(self.counts))
        cells = [["truth \\ predicted", *names, "none"]]
        for name, row, missed in zip(names, self.counts, self.unpredicted):
            cells.append([name, *(str(int(v)) for v in row), str(int(missed))])
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = (
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
            for row in cells
        )
        return "\n".join(line.rstrip() for line in lines)

    def figure(self, names: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """The matrix as a picture, (height, width, 3) RGB: each row sums to 100 %, darker is more, truth by row."""
        from .figure import draw_matrix

        return draw_matrix(np.column_stack([self.counts, self.unpredicted]), _names(names, len(self.counts)))


def _margins(counts: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray]:
    """Of (..., K, K + 1): hits n_ii, truth t_i, predicted p_i, each (..., K)."""
    return np.diagonal(counts[..., :-1], axis1=-2, axis2=-1), counts.sum(axis=-1), counts[..., :-1].sum(axis=-2)


def _scores(hits: NDArray, truth: NDArray, predicted: NDArray) -> dict[str, Any]:
    iou = _ratio(hits, truth + predicted - hits)
    accuracy = _ratio(hits, truth)
    pixels = truth.sum()
    return {
        "pixel_accuracy": float(hits.sum() / pixels) if pixels else float("nan"),
        "mean_accuracy": _mean(accuracy),
        "mean_iou": _mean(iou),
        "frequency_weighted_iou": float((truth * np.nan_to_num(iou)).sum() / pixels) if pixels else float("nan"),
        "iou": iou,
        "accuracy": accuracy,
        "precision": _ratio(hits, predicted),
        "recall": accuracy.copy(),
        "dice": _ratio(2 * hits, truth + predicted),
    }


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _names(names: Sequence[str] | None, classes: int) -> list[str]:
    names = [str(i) for i in range(classes)] if names is None else list(names)
    if len(names) != classes:
        raise InputError(f"class names: expected {classes}, got {len(names)}")
    return names


def _protocol(classes: int | str, ignore: int | None) -> str:
    dropped = "no truth pixel dropped" if ignore is None else f"truth pixels of {ignore} dropped"
    inside = classes if isinstance(classes, str) else f"0..{classes - 1}"
    return (
        "semantic, one confusion matrix over all images; mean IoU over the classes in truth or prediction, a class "
        f"only predicted counts 0 (Cityscapes rule); {dropped}; predictions outside {inside} are misses"
    )


def _class_ids(what: str, labels: ArrayLike | Segmentation, none: int | None) -> NDArray:
    if isinstance(labels, Segmentation):
        if not any(segment.category is not None for segment in labels.segments):
            raise InputError(f"{what}: expected a Segmentation with categories, got one without")
        return labels.category_map(-1 if none is None else none)
    array = np.asarray(labels)
    if array.dtype == bool:
        return array.view(np.uint8)
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{what}: expected class ids of an integer type, got {array.dtype} {array.shape}")
    return array


def _looks_rgb(prediction: NDArray, truth: NDArray) -> bool:
    return prediction.shape[:-1] == truth.shape and prediction.shape[-1:] in ((3,), (4,))


# --- files ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SemanticResult:
    """The scores of two folders. missing: names without counterpart, in words; intervals: 95 %, by bootstrap."""

    scores: SemanticScores
    images: int
    ids: tuple[int, ...]
    names: tuple[str, ...]
    missing: str
    per_image: PerImage
    intervals: dict[str, tuple[float, float]]

    @property
    def protocol(self) -> str:
        return self.scores.protocol

    def to_dict(self) -> dict[str, Any]:
        """protocol, pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou, per_class[{id, name, iou, ..}]."""
        return self.scores.to_dict(self.names, self.ids)


INTERVALS = ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")


def evaluate_semantic(
    truth_dir: Path | str,
    prediction_dir: Path | str,
    classes: int | None = None,
    ignore: int | None = 255,
    *,
    taxonomy: Taxonomy | None = None,
    allow_missing: bool = False,
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SemanticResult:
    """Score the label files (one class id a pixel) of prediction_dir by those of truth_dir, paired by relative name.

    classes:   K, ids 0..K-1. May be left out with a taxonomy, whose ids may be any and whose ignore id is then used.
    csv:       keep the scores of each image.   worst: keep the N images of the lowest mean IoU.
    bootstrap: number of resamplings over images for 95 % intervals of the four totals, drawn with `seed`.

    Raises InputError for missing counterparts (both lists), sizes that differ, colours, truth ids outside the classes
    (file, value, pixels). With allow_missing a truth without prediction counts as missed everywhere.
    """
    ids, names, ignore = _categories(classes, ignore, taxonomy)
    plain = ids == tuple(range(len(ids)))
    coded_ignore = ignore if plain or ignore is None else len(ids)
    confusion = Confusion(len(ids), coded_ignore)
    suffixes = (".categories.png",) if any(Path(prediction_dir).rglob("*.categories.png")) else LABEL_SUFFIXES
    pairing = pair_files(truth_dir, prediction_dir, prediction_suffixes=suffixes, allow_missing=allow_missing)

    def measure(pair: Pair) -> NDArray[np.int64]:
        truth = _read_truth(pair.truth, ids, ignore)
        if pair.prediction is None:
            prediction = np.full(truth.shape, -1, np.int16)
        else:
            prediction = _read_prediction(pair.prediction, ids)
        one = Confusion(len(ids), coded_ignore)
        try:
            one.update(prediction, truth)
        except InputError as error:
            raise InputError(f"{pair.truth}: {error}") from None
        return one._counts

    per_image = PerImage(keep=csv, worst=worst, by="mean_iou")
    resampling = Bootstrap(len(pairing), bootstrap, seed)
    replicates = np.zeros((bootstrap, 3, len(ids)), np.int64)
    for done, (pair, counts) in enumerate(zip(pairing.pairs, stream(pairing.pairs, measure, threads=threads)), 1):
        confusion._counts += counts
        hits, truth, predicted = _margins(counts)
        if csv or worst:
            values = _scores(hits, truth, predicted)
            shown = {key: values[key] for key in INTERVALS}
            row = {"pixels": int(truth.sum()), "unpredicted": int(counts[:, -1].sum()), **shown}
            per_image.add(ImageScores(pair.name, row))
        if bootstrap:
            replicates += resampling.weights()[:, None, None] * np.stack([hits, truth, predicted])
        if progress:
            progress(done, len(pairing))
    drawn = [_scores(*replicate) for replicate in replicates]
    intervals = {key: Bootstrap.interval(np.array([d[key] for d in drawn])) for key in INTERVALS if bootstrap}
    protocol = _protocol(len(ids), ignore) if plain else _protocol(f"the {len(ids)} ids of the taxonomy", ignore)
    scores = replace(confusion.scores(), protocol=protocol)
    return SemanticResult(scores, len(pairing), ids, names, pairing.missing, per_image, intervals)


def _categories(
    classes: int | None, ignore: int | None, taxonomy: Taxonomy | None
) -> tuple[tuple[int, ...], tuple[str, ...], int | None]:
    """Ids and names in the order of the matrix, and the ignore id."""
    if taxonomy is None:
        if classes is None:
            raise OptionError("classes: expected the number of classes, or a taxonomy, got neither")
        count = Confusion(classes, ignore).classes
        return tuple(range(count)), tuple(map(str, range(count))), ignore
    if classes is not None and classes != len(taxonomy):
        raise OptionError(f"classes: expected {len(taxonomy)}, the number of the taxonomy's categories, got {classes}")
    ordered = sorted(taxonomy, key=lambda c: c.id)
    return tuple(c.id for c in ordered), tuple(c.name for c in ordered), taxonomy.ignore


def _read_truth(path: Path, ids: tuple[int, ...], ignore: int | None) -> NDArray:
    """A truth file in positions 0..K-1 of `ids`, ignored pixels as K."""
    pixels = read_indices(path)
    if ids == tuple(range(len(ids))):  # positions are ids, and Confusion checks them
        return pixels
    coded = _positions(pixels, ids)
    ignored = np.zeros(pixels.shape, bool) if ignore is None else pixels == ignore
    foreign = (coded < 0) & ~ignored
    if foreign.any():
        values, numbers = np.unique(pixels[foreign], return_counts=True)
        shown = ", ".join(f"{v} ({n} pixels)" for v, n in zip(values[:8], numbers[:8]))
        raise InputError(f"{path}: truth ids: expected those of the taxonomy or ignore {ignore}, got {shown}")
    coded[ignored] = len(ids)
    return coded


def _read_prediction(path: Path, ids: tuple[int, ...]) -> NDArray:
    """A prediction file in positions 0..K-1 of `ids`, others as some value outside."""
    pixels = read_indices(path)
    return pixels if ids == tuple(range(len(ids))) else _positions(pixels, ids)


def _positions(pixels: NDArray, ids: tuple[int, ...]) -> NDArray[np.int32]:
    """The position of each value in `ids`, -1 where it is not there."""
    table = np.full(max(ids) + 2, -1, np.int32)
    table[list(ids)] = np.arange(len(ids))
    known = (pixels >= 0) & (pixels <= max(ids))
    return table[np.where(known, pixels, max(ids) + 1)]
