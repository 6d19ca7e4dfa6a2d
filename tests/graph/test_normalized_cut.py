"""Normalised cut: the best cut of a small graph by trying all, images with an obvious partition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage, sparse

from kontur.graph.normalized_cut import normalized_cut
from kontur.kernels.spectral_cut import cheapest_cuts, even_cuts


def dumbbell(seed):
    """Two random clusters of five, tied by weak edges: (W dense, the cluster of each node)."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 1, (10, 10))
    weights[:5, 5:] = weights[5:, :5] = 0
    weights[rng.integers(0, 5), rng.integers(5, 10)] = 0.1
    weights = np.triu(weights, 1)
    return weights + weights.T, np.repeat([0, 1], 5)


@pytest.mark.parametrize("seed", range(4))
def test_the_cut_is_the_best_of_all(seed):
    weights, _ = dumbbell(seed)
    degree = weights.sum(1)
    best = (np.inf, None)
    for size in range(1, 6):
        for chosen in itertools.combinations(range(10), size):
            side = np.isin(np.arange(10), chosen)
            cut = weights[side][:, ~side].sum()
            best = min(best, (cut / degree[side].sum() + cut / degree[~side].sum(), tuple(side)))
    ours = cheapest_cuts(sparse.csr_matrix(weights), sparse.csr_matrix((weights > 0) * 1.0), 2)
    assert tuple(ours == ours[0]) in (best[1], tuple(~np.array(best[1])))


def test_cuts_that_are_too_dear_are_not_made():
    weights, cluster = dumbbell(0)
    graph = sparse.csr_matrix(weights), sparse.csr_matrix((weights > 0) * 1.0)
    ours = cheapest_cuts(*graph, 10, dearest=0.2)
    np.testing.assert_array_equal(ours, cluster)
    assert len(np.unique(cheapest_cuts(*graph, 10))) == 10


def test_even_cuts_of_a_path_are_halves_of_halves():
    path = sparse.diags([np.ones(15), np.ones(15)], [-1, 1]).tocsr()
    parts = even_cuts(path, path, np.ones(16), 4)
    np.testing.assert_array_equal(np.sort(np.bincount(parts)), [4, 4, 4, 4])
    assert (np.diff(parts) != 0).sum() == 3


def test_a_large_sparse_graph_takes_the_same_cut_as_the_dense_code():
    """A 20 x 20 grid with one weak column: over the size that is solved densely."""
    index = np.arange(400).reshape(20, 20)
    i = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    j = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    weight = np.where((i % 20 == 8) & (j % 20 == 9), 0.01, 1.0)
    graph = sparse.csr_matrix((np.tile(weight, 2), (np.r_[i, j], np.r_[j, i])), (400, 400))
    parts = cheapest_cuts(graph, graph, 2)
    np.testing.assert_array_equal(parts != parts[0], index.ravel() % 20 > 8)


def test_four_quarters():
    truth = np.kron([[0, 1], [2, 3]], np.ones((40, 40), int))
    image = np.array([(200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 220)], np.uint8)[truth]
    result = normalized_cut(image, regions=4, superpixels=100)
    pairs = np.stack([result.ids.ravel(), truth.ravel()])
    counts = np.unique(pairs, axis=1, return_counts=True)[1]
    assert np.sort(counts)[-4:].sum() >= 0.99 * truth.size


def test_an_object_on_a_noisy_ground_is_connected_and_found():
    rng = np.random.default_rng(0)
    image = np.full((80, 90), 90.0)
    image[20:60, 30:70] = 180
    image = np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    result = normalized_cut(image, regions=2, superpixels=200)
    inside = np.zeros(image.shape, bool)
    inside[20:60, 30:70] = True
    found = result.ids == result.ids[40, 50]
    assert (found & inside).sum() / (found | inside).sum() > 0.9
    assert all(ndimage.label(result.ids == s.id)[1] == 1 for s in result.segments)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 3)])
def test_tiny_and_constant(shape):
    result = normalized_cut(np.full(shape, 5, np.uint8))
    assert 1 <= len(result) <= 12
    assert result.ids.min() == 1
