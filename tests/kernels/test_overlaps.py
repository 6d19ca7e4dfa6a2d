"""The sparse contingency table of two label maps against NumPy's dense one."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.kernels.overlaps import dense, overlaps


@pytest.mark.parametrize("seed", range(6))
def test_overlaps_are_the_contingency_table(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 40, 2))
    first, second = random.integers(0, 7, shape), random.integers(0, 5, shape)
    if seed % 2:
        first, second = np.sort(first, axis=1), np.sort(second, axis=0)
    table = np.zeros((7, 5), int)
    np.add.at(table, (first, second), 1)
    a, b, pixels = overlaps(dense(first), dense(second), 7, 5)
    assert sorted(zip(a, b)) == [tuple(p) for p in np.argwhere(table)]
    assert (np.diff(a) >= 0).all()
    assert (table[a, b] == pixels).all()


def test_far_apart_labels_are_renumbered_in_order():
    assert dense(np.array([[10**12, -5], [7, 7]])).tolist() == [[2, 0], [1, 1]]
    assert dense(np.array([[3, 0], [7, 7]], np.uint8)).tolist() == [[3, 0], [7, 7]]
    assert dense(np.array([[True, False]])).dtype == np.int32
