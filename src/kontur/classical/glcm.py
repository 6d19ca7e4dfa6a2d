"""Grey-level co-occurrence: how often two grey levels lie side by side in a window, told in five numbers, clustered.

Paper: Haralick, Shanmugam & Dinstein, "Textural Features for Image Classification", IEEE Trans. SMC 3(6), 1973:
symmetric matrices at 0, 45, 90 and 135 degrees; angular second moment, contrast, correlation, inverse difference
moment, entropy.

    grey (H, W) -> levels 0..L-1 -> matrices p(i, j) of the window around each pixel -> (H, W, 4 x 5) -> k-means ->
    regions

The window slides: a column of pairs comes in, one goes out, and the five features follow from running sums.

Differs from the paper: the features of the four directions are kept apart, not averaged, so that upright and lying
stripes differ; the square root of the angular second moment is used. Levels divide the range between the 1st and 99th
percentile.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation

from .glcm_kernel import slide
from .pixel_features import Clusters, Seed, standardised
from .texture_clusters import Position, grid_step, texture_segments

FEATURES = ("energy", "contrast", "correlation", "homogeneity", "entropy")
DIRECTIONS = ((0, 1), (-1, 1), (-1, 0), (-1, -1))  # rows, columns: 0, 45, 90, 135 degrees


@method
def glcm(
    image: Image,
    *,
    clusters: Clusters = 4,
    window: Annotated[
        int, Option("side of the square in which pairs are counted; even is made odd", 3, 101, "pixels")
    ] = 21,
    levels: Annotated[int, Option("grey levels; few make stripes of a slow shade", 2, 64, "levels")] = 32,
    distance: Annotated[int, Option("between the two pixels of a pair, along rows and columns", 1, 50, "pixels")] = 1,
    position: Position = 0.5,
    seed: Seed = 0,
) -> Segmentation:
    """Group the pixels by contrast, order and direction of the pattern around them.

    Sees the grey image only. Gives one segment a cluster, connected or not. Time grows with `window`.
    """
    step = grid_step(image.shape)
    features = cooccurrence_features(grey_levels(image.grey(), levels), levels, window // 2, distance, step)
    return texture_segments(
        standardised(features.reshape(*features.shape[:2], -1)), step, image, clusters, position, seed
    )


def grey_levels(grey: NDArray[np.float32], levels: int) -> NDArray[np.uint8]:
    """Levels 0..L-1 of equal width between the 1st and the 99th percentile; all 0 where these are equal."""
    every = max(1, int((grey.size / 250_000) ** 0.5))
    low, high = np.percentile(grey[::every, ::every], [1, 99])
    if high <= low:
        low, high = float(grey.min()), float(grey.max())
    if high <= low:
        return np.zeros(grey.shape, np.uint8)
    return np.clip((grey - low) * (levels / (high - low)), 0, levels - 1).astype(np.uint8)


def cooccurrence_features(
    level: NDArray[np.uint8], levels: int, radius: int, distance: int = 1, step: int = 1
) -> NDArray[np.float32]:
    """The features of `FEATURES` in `DIRECTIONS`, (h, w, 4, 5) float32, at every step-th row and column.

    level: (H, W), 0..levels-1. Both pixels of a pair lie in the window of 2 radius + 1 pixels (cut off at the image's
    border). Without a pair all are 0. Correlation is 1 where the window is flat, as scikit-image has it.
    """
    height, width = level.shape
    result = np.zeros((-(-height // step), -(-width // step), 4, 5), np.float32)
    most = 2 * (2 * radius + 1) ** 2
    count = np.arange(most + 2, dtype=np.float64)
    logs = count * np.log(np.maximum(count, 1))  # n log n, for the entropy
    for i, (dy, dx) in enumerate(DIRECTIONS):
        slide(level, levels, radius, dy * distance, dx * distance, step, logs, result[:, :, i])
    return result
