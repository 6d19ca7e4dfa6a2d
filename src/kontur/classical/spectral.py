"""Spectral clustering of superpixels: chains of likeness join what lies far apart in colour, gaps part what lies near.

Paper: Ng, Jordan & Weiss, "On Spectral Clustering: Analysis and an algorithm", NIPS 2001:

    points s_i -> A_ij = exp(-|s_i - s_j|^2 / (2 sigma^2)), A_ii = 0 -> L = D^-1/2 A D^-1/2
    -> its K largest eigenvectors as columns (n, K) -> rows to length 1 -> k-means on the rows

Differs from the paper: the points are SLIC superpixels (mean colour and place), as the matrix of all pixels would not
fit.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation
from kontur.superpixels.slic import slic

from .kmeans import lloyd
from .pixel_features import Clusters, Position, Seed, Space, colour_features, segments_of_clusters


@method
def spectral(
    image: Image,
    *,
    clusters: Clusters = 6,
    sigma: Annotated[float, Option("distance over which likeness fades; 1 is black to white", 0.001, 10)] = 0.08,
    superpixels: Annotated[int, Option("number of superpixels that are clustered", 2, 3000, "superpixels")] = 400,
    space: Space = "lab",
    position: Position = 0.3,
    seed: Seed = 0,
) -> Segmentation:
    """Group superpixels by how well chains of similar ones connect them.

    Gives one segment a cluster, dark to bright, connected or not. Time grows with the cube of `superpixels`.
    """
    features, note = colour_features(image, space, position)
    pieces = slic(image, segments=superpixels).ids - 1
    area = np.bincount(pieces.ravel())
    means = np.stack(
        [np.bincount(pieces.ravel(), weights=features[..., f].ravel()) / area for f in range(features.shape[2])], axis=1
    )
    return segments_of_clusters(spectral_labels(means, clusters, sigma, seed)[pieces], image, note)


def spectral_labels(points: NDArray[np.floating], clusters: int, sigma: float, seed: int = 0) -> NDArray[np.int32]:
    """The cluster of each point (n, F): (n,) int32. At most n clusters."""
    from scipy.linalg import eigh
    from scipy.spatial.distance import cdist
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    count = len(points)
    if count <= clusters:
        return np.arange(count, dtype=np.int32)
    square = cdist(points, points, "sqeuclidean")
    np.fill_diagonal(square, np.inf)
    # Likeness never vanishes altogether, so that a lone point still has a row to divide by.
    affinity = np.exp(np.maximum(-square / (2 * sigma**2), -600))
    np.fill_diagonal(affinity, 0)
    root = 1 / np.sqrt(affinity.sum(axis=1))
    with threadpool_limits(
        1
    ):  # a matrix this small is slower on more threads, and one gives the same digits everywhere
        _, vectors = eigh(root[:, None] * affinity * root, subset_by_index=[count - clusters, count - 1])
    rows = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    _, labels = lloyd(rows.astype(np.float32), clusters, seed)
    return labels
