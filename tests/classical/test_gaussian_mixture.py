"""Gaussian mixture: scikit-learn's EM from the same start gives the same mixture; the likelihood never falls."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.gaussian_mixture import expectation_maximisation
from kontur.classical.gaussian_mixture import gaussian_mixture as method
from kontur.classical.kmeans import kmeans


def two_crossing_clouds(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A long cloud along x and one along y that cross: no k-means can part them."""
    rng = np.random.default_rng(seed)
    wide, high = rng.normal(0, [0.3, 0.02], (800, 2)), rng.normal(0, [0.02, 0.3], (400, 2))
    return np.concatenate([wide, high]).astype(np.float32), np.repeat([0, 1], [800, 400])


def test_agrees_with_scikit_learn_from_the_same_start():
    from sklearn.mixture import GaussianMixture

    points, truth = two_crossing_clouds()
    ours, history = expectation_maximisation(points, truth.astype(np.int32), tolerance=1e-9)
    peer = GaussianMixture(2, reg_covar=1e-5, tol=1e-9, max_iter=200, weights_init=[2 / 3, 1 / 3], means_init=np.zeros((2, 2)) + 1e-3,
                           precisions_init=[np.diag([11, 2500]), np.diag([2500, 11])]).fit(points)  # fmt: skip
    assert ours.weights == pytest.approx(peer.weights_, abs=2e-3)
    assert np.abs(ours.means - peer.means_).max() < 2e-3
    assert np.abs(ours.covariances - peer.covariances_).max() < 1e-3
    assert history[-1] == pytest.approx(peer.score(points), abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_likelihood_never_falls(seed):
    rng = np.random.default_rng(seed)
    points = rng.random((600, 3)).astype(np.float32)
    _, history = expectation_maximisation(points, rng.integers(0, 4, 600).astype(np.int32))
    assert (np.diff(history) > -1e-5).all()  # the little variance added may cost the last digits


def test_one_component_by_hand():
    points = np.array([[0.0], [0.2], [0.4]], np.float32)
    mixture, _ = expectation_maximisation(points, np.zeros(3, np.int32))
    assert mixture.weights.tolist() == [1]
    assert mixture.means[0, 0] == pytest.approx(0.2)
    assert mixture.covariances[0, 0, 0] == pytest.approx(0.08 / 3 + 1e-5)


def test_shaded_objects_stay_whole():
    # Two colours, each from dark to bright: long clusters, which k-means cuts across.
    shade = np.linspace(60, 240, 80)[None, :, None]
    image = np.concatenate([shade * [1, 0.6, 0.5], shade * [0.5, 0.6, 1]], axis=0).repeat(40, axis=0)
    image = np.clip(image + np.random.default_rng(0).normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    truth = np.arange(80)[:, None].repeat(80, axis=1) < 40

    def agreement(result):
        same = ((result.ids == 1) == truth).mean()
        return max(same, 1 - same)

    result = method(image, clusters=2, space="rgb")
    assert agreement(result) > 0.97
    assert agreement(kmeans(image, clusters=2, space="rgb")) < 0.8
    assert all(0.9 < s.score <= 1 for s in result.segments)
