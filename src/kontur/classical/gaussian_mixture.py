"""Gaussian mixture: colours drawn from a few normal distributions, found by expectation-maximisation.

Paper: Dempster, Laird & Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", J. R. Stat. Soc. B
39(1), 1977. Full covariances: a cluster may be long in the direction of shading, where k-means would cut it.

    Image -> colour_features (H, W, F) -> EM -> weights (K,), means (K, F), covariances (K, F, F) -> most probable one

Differs from the paper: starts from clusters of k-means or of random centres, whichever promise most, learns on at most
50,000 pixels drawn at random, and adds the square of one grey level in 300 to the variances, so that a cluster of one
colour does not collapse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.segmentation import Segmentation

from .gaussian_mixture_kernel import expectation, most_probable
from .kmeans import lloyd, nearest
from .pixel_features import Clusters, Position, Seed, Space, colour_features, sample, segments_of_clusters

_MOST_POINTS = 50_000
_START_POINTS = 5_000
_ITERATIONS = 200
_TOLERANCE = 1e-4  # stop when the mean log-likelihood of a pixel rises by less
_LEAST_VARIANCE = 1e-5  # about (1 / 300) squared


@dataclass(frozen=True, eq=False)
class Mixture:
    """weights (K,) that sum to 1, means (K, F), covariances (K, F, F)."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def tables(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For evaluation: log weight_k - log|S_k|/2 - F log(2 pi)/2, (K,), and lower triangular L_k^-1, S = L L'."""
        factors = np.linalg.cholesky(self.covariances)
        log_root = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        constant = np.log(self.weights) - log_root - 0.5 * self.means.shape[1] * np.log(2 * np.pi)
        return constant, np.ascontiguousarray(np.tril(np.linalg.inv(factors)))


@method
def gaussian_mixture(
    image: Image, *, clusters: Clusters = 5, space: Space = "lab", position: Position = 0.0, seed: Seed = 0
) -> Segmentation:
    """Group the pixels by a mixture of normal distributions; each pixel goes to the most probable one.

    Gives one segment a component, dark to bright, connected or not; its score is the mean posterior of its pixels.
    """
    features, note = colour_features(image, space, position)
    points = np.ascontiguousarray(features.reshape(-1, features.shape[2]))
    few = sample(points, _MOST_POINTS, seed)
    mixture, _ = expectation_maximisation(few, _start(few, clusters, seed))
    labels, posterior = most_probable(points, mixture.means, *mixture.tables())
    result = segments_of_clusters(labels.reshape(image.shape), image, note)
    total = np.bincount(result.ids.ravel(), weights=posterior)
    scored = tuple(replace(s, score=float(min(1.0, total[s.id] / s.area))) for s in result.segments)
    return replace(result, segments=scored)


def _start(points: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.int32]:
    """Hard labels (N,) to start from: of three clusterings the one from which a short run of EM comes highest.

    K-means as it is cuts long clusters across; on whitened points it does not, but heeds noise more.
    """
    few = sample(points, _START_POINTS, seed)
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred / len(points))
    white = (centred @ (vectors / np.sqrt(values + _LEAST_VARIANCE))).astype(np.float32)
    middles = few[np.random.default_rng(seed).choice(len(few), min(clusters, len(few)), replace=False)]
    starts = [
        nearest(points, lloyd(few, clusters, seed)[0]),
        nearest(white, lloyd(sample(white, _START_POINTS, seed), clusters, seed)[0]),
        nearest(points, middles),
    ]
    heights = []
    for labels in starts:
        drawn = sample(labels[:, None], _START_POINTS, seed)  # of the same pixels as `few`
        _, history = expectation_maximisation(few, drawn[:, 0], iterations=15)
        heights.append(history[-1])
    return starts[int(np.argmax(heights))]


def expectation_maximisation(
    points: NDArray[np.float32],
    labels: NDArray[np.int32],
    *,
    tolerance: float = _TOLERANCE,
    iterations: int = _ITERATIONS,
) -> tuple[Mixture, list[float]]:
    """Fit a mixture to points (N, F), starting from hard labels (N,); also the mean log-likelihood after each step."""
    used = np.unique(labels)
    means = np.stack([points[labels == k].mean(axis=0, dtype=np.float64) for k in used])
    hard = np.searchsorted(used, labels)
    covariances = np.stack(
        [np.atleast_2d(np.cov(points[hard == k].T.astype(np.float64), bias=True)) for k in range(len(used))]
    )
    mixture = _mixture(np.bincount(hard).astype(np.float64), means, covariances)
    history: list[float] = []
    for _ in range(iterations):
        likelihood, mass, first, second = expectation(points, mixture.means, *mixture.tables())
        history.append(likelihood / len(points))
        alive = mass > 1e-3 * len(points[0])  # a component that explains nothing has left the mixture
        means = first[alive] / mass[alive, None]
        # `second` is about the old means: E (x - old)(x - old)' - (new - old)(new - old)'.
        shift = means - mixture.means[alive]
        covariances = second[alive] / mass[alive, None, None] - shift[:, :, None] * shift[:, None, :]
        mixture = _mixture(mass[alive], means, covariances)
        if len(history) > 1 and history[-1] - history[-2] < tolerance:
            break
    return mixture, history


def _mixture(mass: NDArray, means: NDArray, covariances: NDArray) -> Mixture:
    return Mixture(mass / mass.sum(), means, covariances + _LEAST_VARIANCE * np.eye(means.shape[1]))
