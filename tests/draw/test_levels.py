"""The figure of a hierarchy."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError
from kontur.core.hierarchy import Hierarchy
from kontur.draw.levels import fine_to_coarse, region_counts, strength_picture


def column_tree(n: int) -> Hierarchy:
    """n columns that join from the left, at even heights."""
    merges = [(0, 1)] + [(n + k, k + 2) for k in range(n - 2)]
    leaves = np.repeat(np.arange(1, n + 1, dtype=np.int32)[None], 4, axis=0)
    return Hierarchy(leaves, np.array(merges[: n - 1]).reshape(-1, 2), np.arange(1, n, dtype=np.float32) / n)


@pytest.mark.parametrize(("n", "expected"), [(1, [1]), (2, [2]), (3, [3, 2]), (64, [64, 32, 16, 8, 4, 2])])
def test_numbers_of_regions_fall_in_even_ratios(n, expected):
    assert region_counts(column_tree(n), 6) == expected


def test_eight_times_the_default_level_is_the_finest():
    tree = column_tree(200)  # at 0.5 half of the merges are done
    assert region_counts(tree, 2) == [200, 2]
    fine = Hierarchy(tree.leaves, tree.merges, tree.heights, 0.95)
    assert len(fine.level()) == 10
    assert region_counts(fine, 2) == [80, 2]


def test_the_figure_holds_the_photo_the_borders_and_the_levels():
    tree = column_tree(64)
    photo = np.zeros((4, 64, 3), np.uint8)
    photo[:, :32] = (200, 30, 30)
    figure = fine_to_coarse(photo, tree, width=800)
    assert figure.shape[1] == 800
    assert (figure == (200, 30, 30)).all(axis=2).sum() > 100
    one = Hierarchy(np.ones((4, 64), np.int32), np.zeros((0, 2)), np.zeros(0))
    assert fine_to_coarse(photo, one, width=800).shape[1] == 800
    with pytest.raises(InputError, match="expected a hierarchy of"):
        fine_to_coarse(photo[:3], tree)


def test_strong_is_bright():
    assert strength_picture(np.array([[0, 0.5, 1]], np.float32)).tolist() == [[0, 128, 255]]
