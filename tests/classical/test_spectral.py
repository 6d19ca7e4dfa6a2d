"""Spectral clustering: two rings that k-means cannot part, and the paper's ideal case worked by hand."""

from __future__ import annotations

import numpy as np

from kontur.classical.spectral import spectral as method
from kontur.classical.spectral import spectral_labels


def test_two_rings():
    # The picture of the paper: circles of one centre, clustered by chains.
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([ring, 3 * ring]) + np.random.default_rng(0).normal(0, 0.05, (240, 2))
    labels = spectral_labels(points, 2, 0.3)
    assert len(set(labels[:120])) == 1
    assert len(set(labels[120:])) == 1
    assert labels[0] != labels[-1]


def test_agrees_with_scikit_learn():
    from sklearn.cluster import SpectralClustering
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(c, 0.05, (40, 3)) for c in rng.random((5, 3))])
    peer = SpectralClustering(5, gamma=1 / (2 * 0.1**2), random_state=0).fit(points)
    assert adjusted_rand_score(peer.labels_, spectral_labels(points, 5, 0.1)) > 0.95


def test_far_apart_points_do_not_divide_by_nothing():
    labels = spectral_labels(np.array([[0.0], [0.001], [1000.0], [-5000.0]]), 3, 0.001)
    assert len(labels) == 4
    assert labels[0] == labels[1]


def test_fewer_points_than_clusters():
    assert spectral_labels(np.zeros((2, 1)), 5, 0.1).tolist() == [0, 1]


def test_a_square_on_a_ground():
    rng = np.random.default_rng(0)
    image = np.full((90, 120, 3), 60.0)
    image[30:60, 40:80] = (200, 120, 40)
    image = np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    result = method(image, clusters=2, position=0.0, superpixels=200)
    truth = np.zeros((90, 120), bool)
    truth[30:60, 40:80] = True
    assert ((result.ids == 2) == truth).mean() > 0.98
