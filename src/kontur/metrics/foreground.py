"""Object against background: error rate and IoU with an unknown band in the truth; MAE and max-F of soft masks.

    mask (H, W), truth (H, W) 0 / 128 / 255           --> ForegroundScores   (128 = unknown, left out)
    soft mask (H, W) in [0, 1], truth (H, W) 0 / 255  --> SoftMaskScores

Sources: Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH 2004, and Blake et al., "Interactive image segmentation using an
adaptive GMMRF model", ECCV 2004 (error rate); Achanta et al., "Frequency-tuned salient region detection", CVPR 2009
(F with beta squared 0.3); Perazzi et al., "Saliency filters", CVPR 2012 (MAE).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError, OptionError
from ..core.instances import Instances
from ..core.segmentation import Segmentation
from .arrays import MaskLike, Scores, flat, object_of, same_size, strength_of
from .counts import Counts

UNKNOWN = 128
"""The value of the truth's pixels that nobody could decide."""

BETA_SQUARED = 0.3
LEVELS = 256


@dataclass(frozen=True)
class ForegroundScores(Scores):
    """error_rate: wrong pixels / pixels that count. iou: of the object, over these pixels; NaN if both are empty.

    pixels: how many count.
    """

    protocol: str
    error_rate: float
    iou: float
    pixels: int


@dataclass(frozen=True)
class SoftMaskScores(Scores):
    """mae: mean |mask - truth| in [0, 1]. max_f: the greatest F over 256 thresholds; NaN where no truth has an object.

    threshold: where F is greatest, in [0, 1].
    """

    protocol: str
    mae: float
    max_f: float
    threshold: float


@dataclass(frozen=True)
class ForegroundSetScores(Scores):
    """error_rate, iou: means over images, as the GrabCut papers print them; pooled: of all images' pixels together."""

    protocol: str
    error_rate: float
    iou: float
    pooled_error_rate: float
    pooled_iou: float
    pixels: int
    images: int


_DEFINITION = (
    "object against background: pixels where the truth is 128 (unknown) are left out; error rate = wrong / counted "
    "pixels, IoU of the object over counted pixels"
)


class ForegroundCounts(Counts):
    """Wrong and counted pixels, intersections and unions of all images so far; they add."""

    SUMS = ("images", "pixels", "wrong", "both", "either", "error_sum", "iou_sum", "with_object")

    def __init__(self) -> None:
        self.images = 0
        self.pixels = self.wrong = self.both = self.either = 0
        self.error_sum = self.iou_sum = 0.0
        self.with_object = 0

    def update(self, prediction: MaskLike, truth: MaskLike, *, within: NDArray | None = None) -> ForegroundScores:
        """Add one image, in place; returns its own scores.

        prediction: (H, W) bool or integer, non-zero = object; a Segmentation, whose foreground counts; Instances.
        truth:      (H, W): 0 background, 128 unknown, 255 object; or bool, or 0 and 1.
        within:     (H, W) bool, counts only these pixels: those a user's box or scribbles left open.
        """
        ours = object_of(prediction, "prediction")
        theirs, known = _truth(truth)
        same_size("prediction", ours.shape, "truth", theirs.shape)
        if within is not None:
            within = np.asarray(within) != 0
            same_size("within", within.shape, "truth", theirs.shape)
            known = known & within
        pixels = int(known.sum())
        wrong = int((known & (ours != theirs)).sum())
        both, either = int((known & ours & theirs).sum()), int((known & (ours | theirs)).sum())
        self.pixels += pixels
        self.wrong += wrong
        self.both += both
        self.either += either
        self.images += int(pixels > 0)
        self.error_sum += wrong / pixels if pixels else 0
        self.with_object += int(either > 0)
        self.iou_sum += both / either if either else 0
        return ForegroundScores(
            _DEFINITION, wrong / pixels if pixels else math.nan, both / either if either else math.nan, pixels
        )

    def scores(self) -> ForegroundSetScores:
        """Means over the images with a counted pixel (IoU: with an object); NaN where there is none."""
        return ForegroundSetScores(
            f"{_DEFINITION}; error_rate and iou are means over images, pooled ones are of all pixels together",
            self.error_sum / self.images if self.images else math.nan,
            self.iou_sum / self.with_object if self.with_object else math.nan,
            self.wrong / self.pixels if self.pixels else math.nan,
            self.both / self.either if self.either else math.nan,
            self.pixels,
            self.images,
        )


class SoftMaskCounts(Counts):
    """Sums over images for MAE and max-F.

    A set's MAE is the mean over images; its F at a threshold is the mean over the images with an object, and max_f the
    greatest of these means.
    """

    SUMS = ("images", "with_object", "error_sum", "f_sums")

    def __init__(self, *, beta_squared: float = BETA_SQUARED) -> None:
        if not (math.isfinite(beta_squared) and beta_squared > 0):
            raise OptionError(f"beta_squared: expected a positive number, got {beta_squared}")
        self.beta_squared = beta_squared
        self.images = self.with_object = 0
        self.error_sum = 0.0
        self.f_sums = np.zeros(LEVELS)

    def update(self, prediction: NDArray, truth: MaskLike) -> SoftMaskScores:
        """Add one image, in place; returns its own scores.

        prediction: (H, W), float in [0, 1], bool, or uint8 / uint16 divided by their maximum.
        truth:      as for `ForegroundCounts`; unknown pixels are left out.
        """
        ours = strength_of(prediction, "prediction")
        theirs, known = _truth(truth)
        same_size("prediction", ours.shape, "truth", theirs.shape)
        alone = SoftMaskCounts(beta_squared=self.beta_squared)
        alone.images = int(known.any())
        if alone.images:
            ours, theirs = ours[known], theirs[known]
            alone.error_sum = float(np.abs(ours - theirs).mean())
            if theirs.any():
                alone.with_object = 1
                alone.f_sums = self._f_curve(ours, theirs)
        self += alone
        return alone.scores()

    def _f_curve(self, ours: NDArray[np.float64], theirs: NDArray[np.bool_]) -> NDArray[np.float64]:
        """F of the pixels with a strength of at least k / 255, for k = 0..255."""
        # The small step keeps k / 255 itself at level k when 255 * (k / 255) falls short of k.
        level = np.floor(ours * (LEVELS - 1) + 1e-9).astype(np.int64)
        hits = np.bincount(level[theirs], minlength=LEVELS)[::-1].cumsum()[::-1]
        chosen = np.bincount(level, minlength=LEVELS)[::-1].cumsum()[::-1]
        precision, recall = hits / np.maximum(chosen, 1), hits / theirs.sum()
        total = self.beta_squared * precision + recall
        return (1 + self.beta_squared) * precision * recall / np.where(total > 0, total, 1)

    def unlike(self, other: SoftMaskCounts) -> KonturError | None:
        if self.beta_squared == other.beta_squared:
            return None
        return OptionError("soft mask counts: expected an equal beta_squared on both sides of +")

    def scores(self) -> SoftMaskScores:
        """MAE and max-F so far; NaN where there is nothing."""
        f = self.f_sums / self.with_object if self.with_object else np.full(LEVELS, math.nan)
        best = int(f.argmax())
        return SoftMaskScores(
            f"soft masks: MAE averaged over images; F with beta squared {self.beta_squared:g} at thresholds k/255, "
            "averaged over the images that have an object, then its maximum; masks are not stretched",
            self.error_sum / self.images if self.images else math.nan,
            float(f[best]),
            best / (LEVELS - 1) if self.with_object else math.nan,
        )


def foreground_scores(prediction: MaskLike, truth: MaskLike, *, within: NDArray | None = None) -> ForegroundScores:
    """Error rate and IoU of one image; see `ForegroundCounts.update`."""
    return ForegroundCounts().update(prediction, truth, within=within)


def soft_mask_scores(prediction: NDArray, truth: MaskLike, *, beta_squared: float = BETA_SQUARED) -> SoftMaskScores:
    """MAE and max-F of one image; see `SoftMaskCounts.update`."""
    return SoftMaskCounts(beta_squared=beta_squared).update(prediction, truth)


def _truth(truth: MaskLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(object, known)."""
    if isinstance(truth, Instances):
        return object_of(truth, "truth"), np.ones(truth.shape, bool)
    if isinstance(truth, Segmentation):
        return object_of(truth, "truth"), truth.ids != 0
    truth = flat(truth, "truth")
    if truth.dtype == bool:
        return truth, np.ones(truth.shape, bool)
    if not np.issubdtype(truth.dtype, np.integer):
        raise InputError(f"truth: expected 0, 128 and 255, or bool, got {truth.dtype}")
    values = np.unique(truth)
    if not (set(values.tolist()) <= {0, UNKNOWN, 255} or set(values.tolist()) <= {0, 1}):
        shown = ", ".join(map(str, values[:8].tolist())) + (" .." if len(values) > 8 else "")
        raise InputError(
            f"truth: expected 0 background, 128 unknown, 255 object (or 0 and 1), got {len(values)} values: {shown}"
        )
    return (truth != 0) & (truth != UNKNOWN), truth != UNKNOWN
