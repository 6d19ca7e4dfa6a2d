"""Pixel classification: a random forest learns from scribbles what each label looks like, and labels every pixel.

Papers: Berg et al., "ilastik: interactive machine learning for (bio)image analysis", Nature Methods 16, 2019 (features
and workflow); Breiman, "Random Forests", Machine Learning 45, 2001.

    bands (H, W, C) -> filter_bank (H, W, F) -> forest learnt on the marked pixels -> probabilities -> labels (H, W)

Differs from the paper: derivatives are differences of the smoothed image, and the structure tensor is taken at one
scale.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.errors import PromptError
from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.prompts import Prompts
from kontur.core.segmentation import BACKGROUND, Segmentation

from .pixel_features import Seed, with_note

SIGMAS = (0.7, 1.6, 3.5, 6.0, 10.0)
_MARKED = 1_500  # pixels a label learns from, at most
_FEATURE_BYTES = 256 * 2**20


@method
def pixel_forest(
    image: Image,
    prompts: Prompts,
    *,
    trees: Annotated[int, Option("trees of the forest", 1, 2000, "trees")] = 100,
    scales: Annotated[int, Option("scales of the filters: 0.7, 1.6, 3.5, 6 and 10 pixels", 1, 5, "scales")] = 4,
    seed: Seed = 0,
) -> Segmentation:
    """Label every pixel like the marked pixels it resembles in colour, edges and texture.

    Gives one segment a label, connected or not: 1 background, 2.. objects; marked pixels keep their label. A segment's
    score is the mean probability of its pixels. Points count as squares of 5 pixels. Needs marks of two labels or more.
    """
    from sklearn.ensemble import RandomForestClassifier

    seeds = prompts.seeds(image.shape, radius=2)
    check_labels("pixel_forest", seeds)
    bands = image.unit()
    reach = int(np.ceil(8 * SIGMAS[scales - 1])) + 3  # smoothing twice, each cut off at 4 sigma, and differences
    row_bytes = 4 * image.width * image.channels * (7 * scales + 1)
    rows = max(1, _FEATURE_BYTES // row_bytes)
    random = np.random.default_rng(seed)
    chosen = np.zeros(seeds.shape, bool)
    for label in np.unique(seeds[seeds > 0]):
        marked = np.flatnonzero(seeds == label)
        chosen.flat[random.choice(marked, min(_MARKED, len(marked)), replace=False)] = True

    features = [
        filter_bank(bands, scales, top, min(top + rows, image.height), reach)[chosen[top : top + rows]]
        for top in range(0, image.height, rows)
        if chosen[top : top + rows].any()
    ]
    forest = RandomForestClassifier(trees, class_weight="balanced", random_state=seed, n_jobs=1)
    forest.fit(np.concatenate(features), seeds[chosen])
    ids, sure = seeds.copy(), np.ones(seeds.shape, np.float32)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        block = filter_bank(bands, scales, top, bottom, reach)
        probability = forest.predict_proba(block.reshape(-1, block.shape[2]))
        found = forest.classes_[probability.argmax(axis=1)].reshape(block.shape[:2])
        sure[top:bottom] = probability.max(axis=1).reshape(block.shape[:2])
        ids[top:bottom] = np.where(seeds[top:bottom] > 0, seeds[top:bottom], found)
    sure[seeds > 0] = 1
    result = Segmentation.from_ids(ids, background=BACKGROUND if (seeds == BACKGROUND).any() else None)
    total = np.bincount(ids.ravel(), weights=sure.ravel())
    scored = tuple(replace(s, score=float(min(1.0, total[s.id] / s.area))) for s in result.segments)
    note = f"all {image.channels} bands used as they are" if image.channels not in (1, 3) else ""
    return with_note(replace(result, segments=scored), note)


def filter_bank(bands: NDArray[np.float32], scales: int, top: int, bottom: int, reach: int) -> NDArray[np.float32]:
    """Features of rows top..bottom-1, (rows, W, C (7 scales + 1)) float32: each band, and of it at each scale

    the smoothed value, gradient magnitude, Laplacian, both eigenvalues of the Hessian and of the structure tensor.

    bands: (H, W, C). `reach` rows above and below are read, as far as any filter sees.
    """
    from scipy.ndimage import gaussian_filter

    above, below = max(0, top - reach), min(len(bands), bottom + reach)
    rows = slice(top - above, bottom - above)
    window = bands[above:below]
    height, width, count = bottom - top, bands.shape[1], bands.shape[2]
    features = np.empty((height, width, count * (7 * scales + 1)), np.float32)
    column = 0
    for c in range(count):
        band = np.ascontiguousarray(window[..., c])
        kept: list[NDArray] = [band]
        for sigma in SIGMAS[:scales]:
            smooth = gaussian_filter(band, sigma)
            dy, dx = _slope(smooth, 0), _slope(smooth, 1)
            yy, xy, xx = _slope(dy, 0), _slope(dy, 1), _slope(dx, 1)
            # Times powers of sigma, so that a blob gives the same answer at the scale of its size.
            kept += [smooth, sigma * np.hypot(dy, dx), sigma**2 * (yy + xx)]
            kept += _eigenvalues(sigma**2 * yy, sigma**2 * xy, sigma**2 * xx)
            kept += _eigenvalues(*(sigma**2 * gaussian_filter(p, sigma) for p in (dy * dy, dy * dx, dx * dx)))
        for feature in kept:
            features[..., column] = feature[rows]
            column += 1
    return features


def check_labels(name: str, seeds: NDArray[np.int32]) -> None:
    """Raise PromptError unless two labels are marked."""
    labels = np.unique(seeds[seeds > 0])
    if len(labels) < 2:
        only = "the background, label 1" if labels.tolist() == [BACKGROUND] else f"label {labels.tolist()}"
        raise PromptError(f"{name}: expected marks of two labels or more (1 background, 2.. objects), got only {only}")


def _slope(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Central differences, one-sided at the border; 0 along a side of one pixel."""
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)


def _eigenvalues(yy: NDArray, xy: NDArray, xx: NDArray) -> list[NDArray]:
    """The larger and the smaller eigenvalue of [[yy, xy], [xy, xx]] at each pixel."""
    middle, radius = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    return [middle + radius, middle - radius]
