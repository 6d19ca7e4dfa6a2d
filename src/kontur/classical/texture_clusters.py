"""From maps of texture features to regions: the last step that Gabor, local binary patterns and co-occurrence share.

features (h, w, F), every `step`-th pixel -> k-means on them and the position -> labels (H, W) -> Segmentation
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation

from .kmeans import lloyd, nearest
from .pixel_features import segments_of_clusters

Position = Annotated[
    float, Option("weight of position; 1: the longer side counts like two standard deviations of texture", 0, 100)
]

_ROWS_AT_A_TIME = 64
_GRID_PIXELS = 600_000


def grid_step(shape: tuple[int, int]) -> int:
    """Features are kept at every step-th row and column, so that their maps have at most about 600,000 places."""
    return max(1, int(np.ceil(np.sqrt(shape[0] * shape[1] / _GRID_PIXELS))))


def texture_segments(
    features: NDArray[np.float32], step: int, image: Image, clusters: int, position: float, seed: int
) -> Segmentation:
    """K-means on features (h, w, F), which lie at rows and columns 0, step, 2 step, ..; one segment a cluster.

    Features go in as they are, only scaled together to a total variance of 1. Between the places they are interpolated.
    """
    spread = float(np.sqrt(features.reshape(-1, features.shape[2]).var(axis=0, dtype=np.float64).sum()))
    features = features / np.float32(spread) if spread > 1e-6 else np.zeros_like(features)
    height, width = image.shape
    coordinate = 2 * position / max(height, width)
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    centres, labels = lloyd(_placed(features, rows, columns, coordinate), clusters, seed)
    if step == 1:
        labels = labels.reshape(height, width)
    else:
        labels = np.empty((height, width), np.int32)
        columns = np.arange(width)
        for top in range(0, height, _ROWS_AT_A_TIME):
            rows = np.arange(top, min(height, top + _ROWS_AT_A_TIME))
            between = _interpolated(_interpolated(features, rows / step, 0), columns / step, 1)
            labels[rows] = nearest(_placed(between, rows, columns, coordinate), centres).reshape(len(rows), width)
    note = f"grey = mean of all {image.channels} bands" if image.channels not in (1, 3) else ""
    return segments_of_clusters(labels, image, note)


def _placed(features: NDArray[np.float32], rows: NDArray, columns: NDArray, coordinate: float) -> NDArray[np.float32]:
    """Points (h w, F) or, with position, (h w, F + 2)."""
    if coordinate:
        y, x = np.meshgrid(rows * coordinate, columns * coordinate, indexing="ij")
        features = np.concatenate([features, np.stack([y, x], axis=2).astype(np.float32)], axis=2)
    return np.ascontiguousarray(features.reshape(-1, features.shape[2]))


def _interpolated(features: NDArray[np.float32], at: NDArray, axis: int) -> NDArray[np.float32]:
    """Linear between the places of one axis, constant past the last."""
    last = features.shape[axis] - 1
    low = np.minimum(np.floor(at).astype(np.int64), last)
    high = np.minimum(low + 1, last)
    share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.take(features, low, axis) * (1 - share) + np.take(features, high, axis) * share
