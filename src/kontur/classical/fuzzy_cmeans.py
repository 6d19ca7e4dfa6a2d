"""Fuzzy c-means: every pixel belongs to every cluster to a degree, and pulls at each centre accordingly.

Papers: Bezdek, Ehrlich & Full, "FCM: The fuzzy c-means clustering algorithm", Computers & Geosciences 10(2-3), 1984;
Dunn, J. Cybernetics 3(3), 1973.

With d_ik the distance of pixel k to centre i, the two steps that are repeated until the centres rest:

    membership u_ik = 1 / sum_j (d_ik / d_jk)^(2 / (m - 1)),    centre v_i = sum_k u_ik^m x_k / sum_k u_ik^m

Differs from the paper: it starts from the centres of k-means instead of random memberships, and learns on at most
50,000 pixels drawn at random.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation

from .fuzzy_cmeans_kernel import all_memberships, next_centres, strongest
from .kmeans import lloyd
from .pixel_features import Clusters, Position, Seed, Space, colour_features, sample, segments_of_clusters

_MOST_POINTS = 50_000
_ITERATIONS = 200
_REST = 1e-4  # the centres rest when none moves farther than this; 1 is black to white


@method
def fuzzy_cmeans(
    image: Image,
    *,
    clusters: Clusters = 4,
    fuzziness: Annotated[float, Option("the exponent m: near 1 crisp like k-means, larger softer", 1.05, 10)] = 2.0,
    space: Space = "lab",
    position: Position = 0.0,
    seed: Seed = 0,
) -> Segmentation:
    """Group the pixels by colour with soft memberships; each pixel goes to the cluster it belongs to most.

    Gives one segment a cluster, dark to bright, connected or not; its score is the mean membership of its pixels, [1/K,
    1].
    """
    features, note = colour_features(image, space, position)
    points = np.ascontiguousarray(features.reshape(-1, features.shape[2]))
    start, _ = lloyd(points, clusters, seed)
    centres = fuzzy_centres(sample(points, _MOST_POINTS, seed), start, fuzziness)
    labels, membership = strongest(points, centres, 1 / (fuzziness - 1))
    result = segments_of_clusters(labels.reshape(image.shape), image, note)
    total = np.bincount(result.ids.ravel(), weights=membership)
    scored = tuple(replace(s, score=float(min(1.0, total[s.id] / s.area))) for s in result.segments)
    return replace(result, segments=scored)


def fuzzy_centres(points: NDArray[np.float32], start: NDArray[np.float32], fuzziness: float) -> NDArray[np.float64]:
    """The centres (K, F) at which the two steps stand still, from `start` (K, F), for points (N, F)."""
    centres = start.astype(np.float64)
    for _ in range(_ITERATIONS):
        moved = next_centres(points, centres, fuzziness)
        rest = np.abs(moved - centres).max(initial=0) < _REST
        centres = moved
        if rest:
            break
    return centres


def memberships(points: NDArray[np.float32], centres: NDArray[np.float64], fuzziness: float) -> NDArray[np.float64]:
    """Memberships of points (N, F) in clusters: (N, K), rows sum to 1. A point on a centre belongs to it alone."""
    result = np.empty((len(points), len(centres)))
    all_memberships(points, centres, 1 / (fuzziness - 1), result)
    return result
