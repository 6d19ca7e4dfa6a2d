"""Borders and mergers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.region_adjacency import absorb_small, cracks_of, merge_weak_borders
from kontur.kernels.region_graph import region_graph


def id_map(text: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in text.split()])


def test_a_crack_has_the_larger_value_of_its_pixels():
    across, down = cracks_of(np.array([[1, 5, 2], [4, 0, 3]]))
    assert across.tolist() == [[5, 5], [4, 3]]
    assert down.tolist() == [[4, 5, 3]]


def test_weak_borders_go_and_joined_borders_are_measured_anew():
    # Heights of the borders 0|1, 1|2, 2|3 along a row of length-1 borders: 5, 1, 2.
    labels = id_map("0123")
    cracks = (np.array([[5.0, 1.0, 2.0]]), np.zeros((0, 4)))
    assert merge_weak_borders(labels, cracks, 1.0).tolist() == [[0, 1, 2, 3]]  # none below 1
    assert merge_weak_borders(labels, cracks, 2.0).tolist() == [[0, 1, 1, 2]]
    assert merge_weak_borders(labels, cracks, 2.5).tolist() == [[0, 1, 1, 1]]
    assert merge_weak_borders(labels, cracks, 6.0).tolist() == [[0, 0, 0, 0]]
    # Below, 1 and 2 join over their border of 0; their common border with 0 is then (1 + 9) / 2 = 5, not below 4.
    labels = id_map("00 12")
    assert merge_weak_borders(labels, (np.zeros((2, 1)), np.array([[1.0, 9.0]])), 4.0).tolist() == [[0, 0], [1, 1]]


def test_small_regions_join_the_most_similar_neighbour():
    labels = id_map("000122 000122")
    features = np.array([[1, 1, 1, 4, 5, 5]] * 2, float)[..., None]
    assert absorb_small(labels, features, 2).tolist() == labels.tolist()
    assert absorb_small(labels, features, 3).tolist() == id_map("000111 000111").tolist()
    assert absorb_small(labels, features, 1000).tolist() == np.zeros((2, 6)).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_is_what_was_asked(seed):
    draw = np.random.default_rng(seed)
    labels = np.arange(400).reshape(20, 20)
    features = draw.random((20, 20, 2))
    left = absorb_small(labels, features, 7)
    assert np.bincount(left.ravel()).min() >= 7
    assert left.max() + 1 == len(np.unique(left))
    values = draw.random((20, 20))
    merged = merge_weak_borders(labels, cracks_of(values), 0.7)
    graph = region_graph(merged + 1, *cracks_of(values))
    assert (graph.strength / graph.length).min() >= 0.7
    assert merged.max() > 0
