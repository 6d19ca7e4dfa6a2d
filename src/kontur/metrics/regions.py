"""Regions against several annotators, as BSDS500 measures them: covering, Rand index, variation of information.

Definitions: Arbelaez, Maire, Fowlkes, Malik, "Contour detection and hierarchical image segmentation", TPAMI 33(5),
2011, section 2.2; Unnikrishnan, Pantofaru, Hebert, "Toward objective evaluation of image segmentation algorithms",
TPAMI 29(6), 2007 (the probabilistic Rand index); Meila, "Comparing clusterings: an axiomatic view", ICML 2005. The
published figures (humans 1.17) are in bits, so the logarithm is to base 2.

    labels (H, W), or one map a level of a hierarchy --> three numbers a level --add--> ODS, OIS

Written S for a region of the segmentation, G for one of the truth, N for the number of pixels, |.| for areas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError, OptionError
from ..core.segmentation import Segmentation
from ..kernels.overlaps import dense, overlaps
from .arrays import Scores, labels_of, same_size
from .counts import Counts

_DEFINITION = (
    "covering of the annotators' regions (their areas summed over annotators), Rand index and variation of information "
    "(bits) averaged over annotators"
)


@dataclass(frozen=True)
class RegionScores(Scores):
    """One segmentation against all annotators of one image.

    covering: sum over annotators and their G of |G| * (largest |S and G| / |S or G|) / sum of |G|; [0, 1], 1 is best.
    rand_index: share of pixel pairs on which segmentation and annotator agree (together or apart); [0, 1], 1 is best.
    variation_of_information: H(S | G) + H(G | S) in bits; 0 is best.
    """

    protocol: str
    covering: float
    rand_index: float
    variation_of_information: float


@dataclass(frozen=True)
class RegionSetScores(Scores):
    """A set of images. ODS: at the one level that is best for all images; OIS: at each image's own best level.

    covering_best: each true region takes the level that covers it best. Levels are counted from 0.
    """

    protocol: str
    covering_ods: float
    covering_ois: float
    covering_best: float
    rand_index_ods: float
    rand_index_ois: float
    variation_of_information_ods: float
    variation_of_information_ois: float
    covering_level: int
    rand_index_level: int
    variation_of_information_level: int
    images: int


def region_scores(labels: NDArray | Segmentation, truths: Sequence[NDArray]) -> RegionScores:
    """Score one label map (H, W) against the annotators' label maps (H, W); the numbers themselves mean nothing.

    Raises InputError for sizes that differ (both named), maps that are not integers (H, W), no annotator.
    """
    scores = RegionCounts(1).update([labels], truths)
    return replace(scores, protocol=f"BSDS500 regions, one segmentation: {_DEFINITION}")


class RegionCounts(Counts):
    """Sums over images at each level of a hierarchy (or of a list of segmentations); memory stays the same.

    levels: how many segmentations each image has; level i of all images belongs together (the same threshold).
    """

    SUMS = (
        "images", "area", "covered", "rand", "information",
        "best_covered", "best_regions", "best_rand", "best_information",
    )  # fmt: skip

    def __init__(self, levels: int = 1) -> None:
        if levels < 1:
            raise OptionError(f"levels: expected at least 1, got {levels}")
        self.levels = levels
        self.images = self.area = 0
        self.covered, self.rand, self.information = np.zeros(levels), np.zeros(levels), np.zeros(levels)
        self.best_covered = self.best_rand = self.best_information = 0.0  # each image at its own best level
        self.best_regions = 0.0  # covered area of regions, each at the level that covers it best

    def update(self, levels: Sequence[NDArray | Segmentation], truths: Sequence[NDArray]) -> RegionScores:
        """Add one image, in place; returns this image's scores, each at its own best level.

        levels: label maps (H, W), one a level. truths: the annotators' label maps (H, W).
        """
        if len(levels) != self.levels:
            raise InputError(f"segmentations: expected {self.levels} (one a level), got {len(levels)}")
        if not len(truths):
            raise InputError("truth: expected at least one annotator, got none")
        maps = [dense(labels_of(level, f"level {i}")) for i, level in enumerate(levels)]
        drawn = [dense(labels_of(truth, f"truth of annotator {i}")) for i, truth in enumerate(truths, 1)]
        named = [(f"level {i}", m) for i, m in enumerate(maps)]
        for name, one in named + [(f"truth of annotator {i}", t) for i, t in enumerate(drawn, 1)]:
            same_size("segmentation", maps[0].shape, name, one.shape)
        alone = RegionCounts(self.levels)
        alone.images, alone.area = 1, maps[0].size * len(drawn)
        for truth in drawn:
            best = np.zeros(int(truth.max()) + 1)
            for level, labels in enumerate(maps):
                by_region, agreement, lost = _compare(labels, truth)
                alone.covered[level] += by_region.sum()
                alone.rand[level] += agreement
                alone.information[level] += lost
                np.maximum(best, by_region, out=best)
            alone.best_regions += float(best.sum())
        alone.rand /= len(drawn)
        alone.information /= len(drawn)
        alone.best_covered = float(alone.covered.max())
        alone.best_rand, alone.best_information = float(alone.rand.max()), float(alone.information.min())
        self += alone
        protocol = f"BSDS500 regions, best of {self.levels} levels: {_DEFINITION}"
        return RegionScores(protocol, alone.best_covered / alone.area, alone.best_rand, alone.best_information)

    def unlike(self, other: RegionCounts) -> KonturError | None:
        if self.levels == other.levels:
            return None
        return OptionError(
            f"region counts: expected equal levels on both sides of +, got {self.levels}, {other.levels}"
        )

    def scores(self) -> RegionSetScores:
        """ODS and OIS of all images so far; NaN before the first."""
        n, area = self.images or math.nan, self.area or math.nan
        return RegionSetScores(
            f"BSDS500 regions, levels: {self.levels}: {_DEFINITION}, covering summed and the others averaged over images",
            float(self.covered.max() / area),
            float(self.best_covered / area),
            float(self.best_regions / area),
            float(self.rand.max() / n),
            float(self.best_rand / n),
            float(self.information.min() / n),
            float(self.best_information / n),
            int(self.covered.argmax()),
            int(self.rand.argmax()),
            int(self.information.argmin()),
            self.images,
        )


def _compare(labels: NDArray[np.int32], truth: NDArray[np.int32]) -> tuple[NDArray[np.float64], float, float]:
    """Covered area of each true region, Rand index, variation of information."""
    of, region, shared = overlaps(labels, truth, int(labels.max()) + 1, int(truth.max()) + 1)
    areas, region_areas = np.bincount(of, weights=shared), np.bincount(region, weights=shared)
    covered = np.zeros(len(region_areas))
    np.maximum.at(covered, region, shared / (areas[of] + region_areas[region] - shared))

    # In Python's integers: the squares of a 500-megapixel image do not fit 53 bits.
    count = labels.size
    pairs = count * (count - 1) // 2
    together = _sum_of_squares(shared)
    apart_in_one = _sum_of_squares(areas) + _sum_of_squares(region_areas) - 2 * together
    rand = 1 - apart_in_one / 2 / pairs if pairs else 1.0

    share, of_share, region_share = shared / count, areas[of] / count, region_areas[region] / count
    information = -float((share * (np.log2(share / of_share) + np.log2(share / region_share))).sum())
    return covered * region_areas, rand, max(information, 0.0)


def _sum_of_squares(values: NDArray) -> int:
    return sum(int(v) ** 2 for v in values)
