"""What a boundary network's numbers mean: its logits as strengths that can be used from 0.1 to 0.9, and the best level of regions.

    strength = sigmoid(a * logit + b)

a, b: the logits at which F has fallen to three quarters of its best, on either side, become 0.1 and 0.9, so that the whole range
between trades precision for recall; all that is needed is the ruler's F at each threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..graph.boundary_thinning import thinned
from ..graph.oriented_watershed import contour_hierarchy
from ..inference.tiles import sigmoid
from ..io.bsds import HumanSegmentation
from ..metrics.contours import ContourCounts
from ..metrics.regions import RegionCounts

_STEPS = 49  # thresholds F is measured at
_LEVELS = tuple(i / 40 for i in range(1, 40))
_FALLEN = 0.75
_ENDS = math.log(9)  # the logit of 0.9; that of 0.1 is its negative


def calibrated(
    pairs: Iterable[tuple[NDArray[np.float32], Sequence[HumanSegmentation]]],
) -> tuple[tuple[float, float], float]:
    """((a, b), level) from logits (H, W) and the annotators' drawings of some images that the network did not learn from.

    level: the height of the hierarchy of regions whose covering is best over all images.
    """
    kept = [(logits, drawings) for logits, drawings in pairs]
    scale = 1 / max(1.0, float(np.quantile([np.abs(logits).max() for logits, _ in kept], 0.5)) / 6)
    counts = ContourCounts(_STEPS)
    for logits, drawings in kept:
        counts.update(thinned(sigmoid(logits, (scale, 0.0))), [d.boundaries for d in drawings])
    scores = counts.scores()
    a, b = _mapped(scores.thresholds, scores.precision_curve, scores.recall_curve)
    calibration = (a * scale, b)
    regions = RegionCounts(len(_LEVELS))
    for logits, drawings in kept:
        tree = contour_hierarchy(sigmoid(logits, calibration))
        regions.update([tree.level(x) for x in _LEVELS], [d.regions for d in drawings])
    return calibration, _LEVELS[regions.scores().covering_level]


def _mapped(thresholds: Sequence[float], precision: Sequence[float], recall: Sequence[float]) -> tuple[float, float]:
    """(a, b) that bring the ends of the useful range of thresholds to 0.1 and 0.9."""
    p, r = np.asarray(precision), np.asarray(recall)
    with np.errstate(invalid="ignore"):
        f = np.nan_to_num(2 * p * r / (p + r))
    logits = np.log(np.asarray(thresholds) / (1 - np.asarray(thresholds)))
    useful = logits[f >= _FALLEN * f.max()]
    if not f.max() > 0 or useful[0] == useful[-1]:
        return 1.0, 0.0
    a = 2 * _ENDS / (useful[-1] - useful[0])
    return float(a), float(-a * (useful[-1] + useful[0]) / 2)
