"""Boundary precision, recall and F of a contour detector against several annotators, as BSDS500 defines them.

Definitions: Martin, Fowlkes, Malik, "Learning to detect natural image boundaries using local brightness, color, and
texture cues", TPAMI 26(5), 2004; Arbelaez, Maire, Fowlkes, Malik, "Contour detection and hierarchical image
segmentation", TPAMI 33(5), 2011.

    soft map (H, W) --threshold, thin--> pixels --one to one, within 0.0075 diagonal--> counts --add--> ODS, OIS, AP

Differs from the official code: its matcher adds random outlier edges and minimises their cost, so two runs differ by
0.02 % in the recall counts and 0.2 % in the precision counts. Here the number of matched pairs is the exact maximum,
found from the nearest pairs outwards, and always the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError, OptionError
from .arrays import Scores, same_size, strength_of
from .contours_kernel import match, thin_flat
from .counts import Counts

TOLERANCE = 0.0075
"""How far apart a predicted and a true boundary pixel may lie, as a share of the image's diagonal."""


@dataclass(frozen=True)
class ContourScores(Scores):
    """What the counts say. Curves have one value a threshold, in rising order of the thresholds.

    ods: the best F over thresholds, one threshold for all images (optimal data set scale), in [0, 1].
    ois: F when each image takes its own best threshold (optimal image scale).
    average_precision: area under the precision-recall curve, read at recall 0, 0.01 .. 1; NaN for one threshold.
    threshold, precision, recall: those of `ods`.
    """

    protocol: str
    ods: float
    ois: float
    average_precision: float
    threshold: float
    precision: float
    recall: float
    images: int
    thresholds: tuple[float, ...]
    precision_curve: tuple[float, ...]
    recall_curve: tuple[float, ...]


class ContourCounts(Counts):
    """Counts of matched and of all boundary pixels at each threshold; they add over images, so memory stays the same.

    thresholds: a number n of them, i / (n + 1) for i = 1..n (the official 99), or the values themselves, rising.
    tolerance:  as a share of the diagonal.
    thinned:    predictions are thinned to lines one pixel wide first, as the official code does.

    `counts` (thresholds, 4) int64 has the columns: matched truth pixels, truth pixels, matched predicted pixels,
    predicted pixels. Recall counts every annotator's pixels; precision counts a predicted pixel as right if any
    annotator's matching has it. `best` holds the same sums at each image's own best threshold.
    """

    SUMS = ("images", "counts", "best")

    def __init__(
        self, thresholds: int | Sequence[float] = 99, *, tolerance: float = TOLERANCE, thinned: bool = True
    ) -> None:
        if isinstance(thresholds, int):
            if thresholds < 1:
                raise OptionError(f"thresholds: expected at least 1, got {thresholds}")
            thresholds = [i / (thresholds + 1) for i in range(1, thresholds + 1)]
        self.thresholds = np.asarray(thresholds, np.float64)
        if self.thresholds.ndim != 1 or not self.thresholds.size or not (np.diff(self.thresholds) > 0).all():
            raise OptionError(f"thresholds: expected rising numbers, got {thresholds}")
        if not (math.isfinite(tolerance) and 0 <= tolerance < 1):
            raise OptionError(f"tolerance: expected a share of the diagonal in [0, 1), got {tolerance}")
        self.tolerance = tolerance
        self.thinned = thinned
        self.images = 0
        self.counts = np.zeros((len(self.thresholds), 4), np.int64)
        self.best = np.zeros(4, np.int64)

    def update(self, prediction: NDArray, truths: Sequence[NDArray]) -> ContourScores:
        """Add one image, in place; returns this image's own scores.

        prediction: (H, W), strength of a boundary: float in [0, 1], bool, or uint8 / uint16 divided by their maximum; or
                    (thresholds, H, W) bool, one boundary map a threshold: the levels of a hierarchy.
        truths:     boundary maps (H, W), one an annotator; any non-zero pixel is boundary.

        Raises InputError for sizes that differ, values outside [0, 1], no annotator.
        """
        alone = ContourCounts(self.thresholds.tolist(), tolerance=self.tolerance, thinned=self.thinned)
        alone.counts[:] = self.image_counts(prediction, truths)
        f = _f_measure(*_rates(alone.counts))
        alone.best[:] = alone.counts[np.flatnonzero(f == f.max())[-1]]  # the official code takes the last of equals
        alone.images = 1
        self += alone
        return alone.scores()

    def image_counts(self, prediction: NDArray, truths: Sequence[NDArray]) -> NDArray[np.int64]:
        """The counts of one image alone, (thresholds, 4): matched truth, truth, matched predicted, predicted pixels."""
        prediction = np.asarray(prediction)
        maps = _thresholded(prediction, self.thresholds)
        outlines = [np.asarray(truth) != 0 for truth in truths]
        for number, outline in enumerate(outlines, 1):
            same_size("boundary map", prediction.shape[-2:], f"truth of annotator {number}", outline.shape)
        if not outlines:
            raise InputError("truth: expected the boundaries of at least one annotator, got none")
        matcher = _Matcher(outlines, self.tolerance)
        counts = np.zeros_like(self.counts)
        previous, last = np.zeros(4, np.int64), None
        for row, chosen in zip(counts, maps):
            if last is None or not np.array_equal(chosen, last):  # else the same pixels as at the threshold before
                last = chosen
                lines = thin(chosen) if self.thinned else chosen
                matched_truth, matched_prediction = matcher.count(lines)
                previous = np.array([matched_truth, matcher.truth_pixels, matched_prediction, int(lines.sum())])
            row[:] = previous
        return counts

    def unlike(self, other: ContourCounts) -> KonturError | None:
        same = np.array_equal(self.thresholds, other.thresholds) and self.tolerance == other.tolerance
        if same and self.thinned == other.thinned:
            return None
        return OptionError("contour counts: expected equal thresholds, tolerance and thinning on both sides of +")

    @property
    def protocol(self) -> str:
        """The definition in words."""
        steps = (
            f"{len(self.thresholds)} thresholds" if len(self.thresholds) > 1 else f"threshold {self.thresholds[0]:g}"
        )
        return (
            f"BSDS500 boundaries: predictions {'thinned' if self.thinned else 'as they are'} at {steps}, one-to-one "
            f"matching of the greatest size within {self.tolerance:g} x diagonal; precision over the union of the "
            "annotators' matches, recall summed over annotators; ODS and image best F interpolated between thresholds; "
            "OIS from summed counts"
        )

    def scores(self) -> ContourScores:
        """ODS, OIS, AP of all images added so far; NaN before the first."""
        precision, recall = _rates(self.counts)
        if not self.images:
            ods = threshold = best_precision = best_recall = ois = average = math.nan
        else:
            ods, threshold, best_precision, best_recall = _best_f(self.thresholds, precision, recall)
            at_best = _rates(self.best[None])
            ois = float(_f_measure(*at_best)[0])
            average = _average_precision(precision, recall) if len(precision) > 1 else math.nan
        return ContourScores(
            self.protocol,
            ods,
            ois,
            average,
            threshold,
            best_precision,
            best_recall,
            self.images,
            tuple(self.thresholds.tolist()),
            tuple(precision.tolist()),
            tuple(recall.tolist()),
        )


def match_boundaries(
    prediction: NDArray, truth: NDArray, *, tolerance: float = TOLERANCE
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The pixels of two boundary maps (H, W) that are paired one to one, as two bool maps with equally many pixels.

    A pair lies at most tolerance times the diagonal apart; no pairing has more pairs. Non-zero pixels are boundary.
    """
    lines = np.asarray(prediction) != 0
    if lines.ndim != 2:
        raise InputError(f"prediction: expected a boundary map (H, W), got shape {lines.shape}")
    outline = np.asarray(truth) != 0
    same_size("boundary map", lines.shape, "truth", outline.shape)
    matcher = _Matcher([outline], tolerance)
    found = np.zeros(lines.shape, bool)
    partner = matcher.pair(lines, 0)
    found[lines] = partner >= 0
    hit = np.zeros(lines.shape, bool)
    hit.flat[np.flatnonzero(matcher.outlines[0])[partner[partner >= 0]]] = True
    return found, hit


def thin(mask: NDArray) -> NDArray[np.bool_]:
    """Thin a mask (H, W) to lines one pixel wide, until nothing changes; outside the image is background.

    Source: Guo and Hall, "Parallel thinning with two-subiteration algorithms", CACM 32(3), 1989: the same as MATLAB's
    bwmorph(mask, 'thin', Inf), which the official benchmark uses, and as skimage.morphology.thin.
    """
    mask = np.asarray(mask) != 0
    if mask.ndim != 2:
        raise InputError(f"mask: expected (H, W), got shape {mask.shape}")
    padded = np.pad(mask, 1).astype(np.uint8)
    thin_flat(padded.ravel(), padded.shape[1], _REMOVABLE)
    return padded[1:-1, 1:-1].astype(bool)


def label_boundaries(labels: NDArray) -> NDArray[np.bool_]:
    """Lines one pixel wide between the labels of a map (H, W): pixels that differ from the east, south or south-east.

    The last row and column compare along themselves, the corner never: DAVIS's boundary map, for any number of labels.
    """
    # Repeating the last row and column makes them compare along themselves, and the corner with itself.
    wide = np.pad(labels, ((0, 1), (0, 1)), mode="edge")
    return (labels != wide[:-1, 1:]) | (labels != wide[1:, :-1]) | (labels != wide[1:, 1:])


class _Matcher:
    """The annotators' maps of one image, laid out for matching many predictions against them."""

    def __init__(self, outlines: Sequence[NDArray[np.bool_]], tolerance: float) -> None:
        height, width = outlines[0].shape
        reach = tolerance * math.hypot(height, width)
        self.margin = int(reach)
        stride = width + 2 * self.margin
        steps = np.arange(-self.margin, self.margin + 1)
        distance = steps[:, None] ** 2 + steps**2
        dy, dx = np.nonzero(distance <= reach * reach)
        order = np.argsort(distance[dy, dx], kind="stable")
        self.offsets = ((dy - self.margin) * stride + (dx - self.margin))[order]
        self.outlines = outlines
        self.sizes = [int(outline.sum()) for outline in outlines]
        self.truth_pixels = sum(self.sizes)
        self.numbered = []  # each annotator's pixels numbered 0.. in reading order, -1 elsewhere, with a margin
        for outline, size in zip(outlines, self.sizes):
            numbers = np.full((height + 2 * self.margin, stride), -1, np.int32)
            numbers[self.margin : self.margin + height, self.margin : self.margin + width][outline] = np.arange(size)
            self.numbered.append(numbers.ravel())

    def positions(self, lines: NDArray[np.bool_]) -> NDArray[np.int64]:
        y, x = np.nonzero(lines)
        return (y + self.margin) * (lines.shape[1] + 2 * self.margin) + x + self.margin

    def pair(self, lines: NDArray[np.bool_], annotator: int) -> NDArray[np.int32]:
        """For each predicted pixel in reading order the number of its partner, or -1."""
        return match(self.positions(lines), self.numbered[annotator], self.sizes[annotator], self.offsets)

    def count(self, lines: NDArray[np.bool_]) -> tuple[int, int]:
        """Matched truth pixels, summed over annotators; predicted pixels that any annotator's matching has."""
        positions = self.positions(lines)
        matched = np.zeros(len(positions), bool)
        hits = 0
        for numbers, size in zip(self.numbered, self.sizes):
            found = match(positions, numbers, size, self.offsets) >= 0
            hits += int(found.sum())
            matched |= found
        return hits, int(matched.sum())


def _thresholded(prediction: NDArray, thresholds: NDArray[np.float64]) -> Iterator[NDArray[np.bool_]]:
    """The boundary map at each threshold."""
    prediction = np.asarray(prediction)
    if prediction.ndim == 3 and prediction.dtype == bool:
        if len(prediction) != len(thresholds) or not prediction.size:
            raise InputError(f"boundary maps: expected ({len(thresholds)}, H, W), got {prediction.shape}")
        return iter(prediction)
    strength = strength_of(prediction, "boundary map")
    return (strength >= threshold for threshold in thresholds)


def _rates(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of each row; 0 where there is nothing to count, as the official code has it."""
    recall = counts[:, 0] / np.maximum(counts[:, 1], 1)
    precision = counts[:, 2] / np.maximum(counts[:, 3], 1)
    return precision, recall


def _f_measure(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    total = precision + recall
    return 2 * precision * recall / np.where(total > 0, total, 1)


def _best_f(
    thresholds: NDArray[np.float64], precision: NDArray[np.float64], recall: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """The greatest F, its threshold, precision and recall, on lines drawn between neighbouring thresholds."""
    share = np.linspace(0, 1, 100)
    between = [
        np.concatenate([v[:1], (v[1:, None] * share + v[:-1, None] * (1 - share)).ravel()])
        for v in (thresholds, precision, recall)
    ]
    f = _f_measure(between[1], between[2])
    best = int(f.argmax())
    return float(f[best]), float(between[0][best]), float(between[1][best]), float(between[2][best])


def _average_precision(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Precision on straight lines between the curve's points, summed at recall 0, 0.01 .. 1; 0 outside the curve."""
    order = np.lexsort((-precision, recall))  # the higher precision first where two recalls are equal
    known, first = np.unique(recall[order], return_index=True)
    if len(known) < 2:
        return 0.0
    return float(np.interp(np.arange(101) / 100, known, precision[order][first], left=0, right=0).sum() * 0.01)


def _removable() -> NDArray[np.bool_]:
    """Which of the 256 neighbourhoods lose their middle, (2 sub-iterations, 256).

    Bit k is the k-th neighbour, from the east counter-clockwise.
    """
    table = np.zeros((2, 256), bool)
    for code in range(256):
        x = [bool(code >> k & 1) for k in range(8)]
        crossings = sum(not x[2 * i] and (x[2 * i + 1] or x[(2 * i + 2) % 8]) for i in range(4))
        pairs = sum(x[2 * i] or x[2 * i + 1] for i in range(4))
        other_pairs = sum(x[2 * i + 1] or x[(2 * i + 2) % 8] for i in range(4))
        if crossings == 1 and 2 <= min(pairs, other_pairs) <= 3:
            table[0, code] = not ((x[1] or x[2] or not x[7]) and x[0])
            table[1, code] = not ((x[5] or x[6] or not x[3]) and x[4])
    return table


_REMOVABLE = _removable()


def contour_scores(pairs: Iterable[tuple[NDArray, Sequence[NDArray]]], *, thresholds: int = 99) -> ContourScores:
    """ODS, OIS, AP over pairs of a soft boundary map (H, W) and its annotators' boundary maps, one image at a time."""
    counts = ContourCounts(thresholds)
    for prediction, truths in pairs:
        counts.update(prediction, truths)
    return counts.scores()
