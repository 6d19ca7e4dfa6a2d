"""K-means: clusters of pixels that lie close together in colour, each around its mean.

Papers: Lloyd, "Least Squares Quantization in PCM", IEEE Trans. Information Theory 28(2), 1982; the first centres as in
Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.

    Image -> colour_features (H, W, F) -> lloyd -> centres (K, F), labels (H, W)

Differs from the paper: centres are learnt on at most 50,000 pixels drawn at random and then serve all pixels; of 5
starts on a smaller draw the best goes on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.segmentation import Segmentation
from kontur.kernels.nearest_centre import assign

from .pixel_features import Clusters, Position, Seed, Space, colour_features, sample, segments_of_clusters

_STARTS = 5
_START_POINTS = 10_000
_MOST_POINTS = 50_000
_ITERATIONS = 100
_TOLERANCE = 1e-4  # stop when the sum of squares falls by less than this share


@method
def kmeans(
    image: Image, *, clusters: Clusters = 6, space: Space = "lab", position: Position = 0.0, seed: Seed = 0
) -> Segmentation:
    """Group the pixels into clusters of similar colour.

    Gives one segment a cluster, dark to bright, connected or not (`.split()` gives the pieces); fewer than `clusters`
    where the image has fewer distinct colours. With `position` > 0 clusters keep together in the image too.
    """
    features, note = colour_features(image, space, position)
    points = features.reshape(-1, features.shape[2])
    _, labels = lloyd(points, clusters, seed)
    return segments_of_clusters(labels.reshape(image.shape), image, note)


def lloyd(points: NDArray[np.float32], clusters: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Centres (K, F) float32 and the nearest one of each point, (N,) int32; K <= clusters, at most the distinct points.

    points: (N, F) float32, comparable units. The same seed gives the same result.
    """
    points = np.ascontiguousarray(points, np.float32)
    few = sample(points, _START_POINTS, seed)
    starts = [first_centres(few, clusters, seed * _STARTS + i) for i in range(_STARTS)]
    improved = [iterate(few, start, iterations=10) for start in starts]
    centres, _ = min(improved, key=lambda result: result[1])
    centres, _ = iterate(sample(points, _MOST_POINTS, seed), centres)
    return centres, nearest(points, centres)


def iterate(
    points: NDArray[np.float32], centres: NDArray[np.float32], *, iterations: int = _ITERATIONS
) -> tuple[NDArray[np.float32], float]:
    """Lloyd's two steps until the sum of squares hardly falls; centres and that sum. An empty cluster stays."""
    centres = np.ascontiguousarray(centres, np.float32)
    labels, counts = np.empty(len(points), np.int32), np.empty(len(centres))
    sums = np.empty(centres.shape)
    before = np.inf
    for _ in range(iterations):
        total = assign(points, centres, labels, sums, counts)
        filled = counts > 0
        centres = centres.copy()
        centres[filled] = (sums[filled] / counts[filled, None]).astype(np.float32)
        if before - total <= _TOLERANCE * total:
            break
        before = total
    return centres, total


def nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int32]:
    """The index of the nearest centre (K, F) of each point (N, F): (N,) int32."""
    labels = np.empty(len(points), np.int32)
    assign(points, centres, labels, np.empty(centres.shape), np.empty(len(centres)))
    return labels


def first_centres(points: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.float32]:
    """K-means++: each next centre is a point drawn in proportion to its squared distance to the nearest.

    Of a few points drawn each time, the one that lowers the sum of squares most is taken (the paper's greedy variant).
    """
    random = np.random.default_rng(seed)
    tries = 2 + int(np.log(clusters))
    chosen = [int(random.integers(len(points)))]
    square = _squares(points, points[chosen[0]])
    while len(chosen) < clusters and square.max() > 0:
        cumulated = np.cumsum(square, dtype=np.float64)
        drawn = np.searchsorted(cumulated, random.random(tries) * cumulated[-1], side="right")
        lowered = [np.minimum(square, _squares(points, points[i])) for i in drawn]
        best = int(np.argmin([candidate.sum(dtype=np.float64) for candidate in lowered]))
        chosen.append(int(drawn[best]))
        square = lowered[best]
    return points[chosen]


def _squares(points: NDArray[np.float32], centre: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = points - centre
    return np.einsum("nf,nf->n", difference, difference)
