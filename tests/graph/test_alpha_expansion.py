"""Alpha expansion: tiny grids and graphs against all labellings, then the method."""

import itertools

import numpy as np
import pytest

from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts
from kontur.graph.alpha_expansion import alpha_expansion, energy, expand, expand_graph


def symmetric_links(random, directions, height, width):
    """Random links, equal both ways; those that leave the grid are 0."""
    from kontur.kernels.grid_maxflow import STEPS

    links = np.zeros((directions, height, width), np.float32)
    for d in range(0, directions, 2):
        dy, dx = STEPS[d]
        for y, x in itertools.product(range(height), range(width)):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                links[d, y, x] = links[d + 1, y + dy, x + dx] = random.uniform(0, 3)
    return links


def test_energy_by_hand():
    # Labels 0 1 / 1 1 with 4 neighbours and links of 2: two borders.
    costs = np.array([[[1, 5], [5, 5]], [[5, 1], [0, 0]]], np.float32)
    links = np.full((4, 2, 2), 2, np.float32)
    assert energy(costs, links, np.array([[0, 1], [1, 1]])) == 1 + 1 + 0 + 0 + 2 * 2


@pytest.mark.parametrize("directions", [4, 8])
@pytest.mark.parametrize("seed", range(6))
def test_two_labels_are_exact_and_three_within_twice(seed, directions):
    random = np.random.default_rng(seed)
    for count in (2, 3):
        costs = random.uniform(0, 5, (count, 2, 4)).astype(np.float32)
        links = symmetric_links(random, directions, 2, 4)
        start = random.integers(0, count, (2, 4)).astype(np.int32)
        found = energy(costs, links, expand(costs, links, start))
        best = min(
            energy(costs, links, np.array(labels, np.int32).reshape(2, 4))
            for labels in itertools.product(range(count), repeat=8)
        )
        assert found <= energy(costs, links, start) + 1e-5
        assert found <= (best + 1e-3 if count == 2 else 2 * best + 1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_region_graph(seed):
    random = np.random.default_rng(seed)
    for count in (2, 3):
        costs = random.uniform(0, 5, (count, 7))
        edges = np.array([p for p in itertools.combinations(range(7), 2) if random.random() < 0.5]).reshape(-1, 2)
        weights = random.uniform(0, 3, len(edges))

        def value(labels, costs=costs, edges=edges, weights=weights):
            labels = np.asarray(labels)
            return costs[labels, np.arange(7)].sum() + weights[labels[edges[:, 0]] != labels[edges[:, 1]]].sum()

        found = value(expand_graph(costs, edges, weights, costs.argmin(0)))
        best = min(value(labels) for labels in itertools.product(range(count), repeat=7))
        assert found <= (best + 1e-6 if count == 2 else 2 * best)


def test_three_noisy_stripes_become_three_segments():
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 20)[None].repeat(40, 0)
    pixels = np.clip(np.array([40, 120, 210])[truth] + random.normal(0, 25, truth.shape), 0, 255).astype(np.uint8)
    result = alpha_expansion(pixels, labels=3)
    assert len(result) == 3
    assert (result.ids - 1 == truth).mean() > 0.99


def test_seeds_name_the_labels():
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, 10:20] = 120
    pixels[:, 20:] = 250
    result = alpha_expansion(pixels, Prompts.of(point=[(3, 3, 1), (15, 10, 2), (25, 10, 5)]))
    assert np.array_equal(result.ids, np.repeat([1, 2, 3], 10)[None].repeat(20, 0))
    with pytest.raises(PromptError):
        alpha_expansion(pixels, Prompts.of(point=(3, 3, 2)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (5, 5)])
def test_tiny_and_constant(shape):
    assert len(alpha_expansion(np.full(shape, 7, np.uint8), labels=4)) == 1
