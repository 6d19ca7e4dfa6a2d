"""Semantic segmentation: the confusion matrix and the scores read from it.

    update(prediction, truth) ...  ->  counts (K, K), truth by row  ->  scores()

One matrix is added up over the whole data set; an average of per-image IoUs is another number and never called mIoU.
The definitions are those of Long et al., "Fully Convolutional Networks", CVPR 2015, section 5; a class that is absent
from truth and prediction is left out of the mean, one that is only predicted counts 0, as in the Cityscapes scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.errors import InputError, KonturError, OptionError
from ..core.segmentation import Segmentation
from .counts import Counts
from .evaluation import Table

MAX_CLASSES = 4096


class Confusion(Counts):
    """Counts of (true class, predicted class) in pixels, int64; they add.

    classes: K, ids are 0..K-1.
    ignore:  truth pixels of this value are dropped. Inside 0..K-1 it drops those truth pixels and leaves K classes: to
             predict it elsewhere is an error of the class predicted. None ignores nothing.

    A prediction outside 0..K-1 (such as the ignore value 255) is a miss of the true class, counted in `unpredicted`.
    """

    SUMS = ("_counts",)

    def __init__(self, classes: int, ignore: int | None = 255) -> None:
        if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or not 1 <= classes <= MAX_CLASSES:
            raise OptionError(f"classes: expected a whole number 1..{MAX_CLASSES}, got {classes!r}")
        if ignore is not None and (
            isinstance(ignore, bool) or not isinstance(ignore, (int, np.integer)) or not 0 <= ignore < 2**63
        ):
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

    def unlike(self, other: Confusion) -> KonturError | None:
        if (self.classes, self.ignore) == (other.classes, other.ignore):
            return None
        return InputError(
            f"expected confusion matrices of one kind, got {self.classes} classes, ignore {self.ignore} "
            f"and {other.classes} classes, ignore {other.ignore}"
        )

    def light(self) -> Margins:
        return Margins(*_margins(self._counts))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Confusion):
            return NotImplemented
        return self.ignore == other.ignore and np.array_equal(self._counts, other._counts)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def scores(self) -> SemanticScores:
        """The scores of all that was added so far; see SemanticScores."""
        return SemanticScores(
            self.counts, self.unpredicted, **self.light().scores(), protocol=protocol_of(self.classes, self.ignore)
        )

    def table(self, names: Sequence[str] | None = None) -> str:
        """The counts as text, truth by row, the last column being predictions outside the classes."""
        return self.scores().table(names)

    def figure(self, names: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """The matrix as a picture, (height, width, 3) RGB; see SemanticScores.figure."""
        return self.scores().figure(names)

    def __repr__(self) -> str:
        return f"<Confusion {self.classes} classes, ignore {self.ignore}, {int(self._counts.sum())} pixels>"


class Margins(Counts):
    """What the scores are read from: hits n_ii, truth t_i, predicted p_i, each (K,) pixels."""

    SUMS = ("hits", "truth", "predicted")

    def __init__(self, hits: NDArray[np.int64], truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
        self.hits, self.truth, self.predicted = hits, truth, predicted

    def scores(self) -> dict[str, Any]:
        """By the names of `SemanticScores`."""
        hits, truth, predicted = self.hits, self.truth, self.predicted
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
    ids: tuple[int, ...] = ()  # of the classes; none: 0..K-1
    names: tuple[str, ...] = ()  # none: the ids

    @property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix as counts, (K, K), truth by row; the same as `counts`."""
        return self.counts

    def to_dict(self, names: Sequence[str] | None = None, ids: Sequence[int] | None = None) -> dict[str, Any]:
        """The scores as plain dicts; NaN stays NaN (the command line writes null)."""
        classes = len(self.counts)
        names, ids = self._names(names), list(ids or self.ids or range(classes))
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

    def matrix(self, names: Sequence[str] | None = None) -> Table:
        """The counts as a table, truth by row; "none" counts the predictions outside the classes."""
        names = self._names(names)
        rows = zip(names, self.counts.tolist(), self.unpredicted.tolist())
        return Table(("truth \\ predicted", *names, "none"), tuple((name, *row, missed) for name, row, missed in rows))

    def table(self, names: Sequence[str] | None = None) -> str:
        """`matrix` as text."""
        matrix = self.matrix(names)
        cells = [matrix.header, *(tuple(map(str, row)) for row in matrix.rows)]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = (
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
            for row in cells
        )
        return "\n".join(line.rstrip() for line in lines)

    def figure(self, names: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """The matrix as a picture, (height, width, 3) RGB: each row sums to 100 %, darker is more, truth by row."""
        from .figure import draw_matrix

        return draw_matrix(np.column_stack([self.counts, self.unpredicted]), self._names(names))

    def _names(self, names: Sequence[str] | None) -> list[str]:
        shown = list(names if names is not None else self.names or map(str, range(len(self.counts))))
        if len(shown) != len(self.counts):
            raise InputError(f"class names: expected {len(self.counts)}, got {len(shown)}")
        return shown


def _margins(counts: NDArray[np.int64]) -> tuple[NDArray, NDArray, NDArray]:
    """Of (K, K + 1): hits n_ii, truth t_i, predicted p_i, each (K,)."""
    return np.diagonal(counts[:, :-1]), counts.sum(axis=1), counts[:, :-1].sum(axis=0)


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def protocol_of(classes: int | str, ignore: int | None) -> str:
    """The definitions in words. classes: K, or what stands for it."""
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
