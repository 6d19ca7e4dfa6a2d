"""Fuzzy c-means: memberships and centres worked by hand, and the fixed point."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.fuzzy_cmeans import fuzzy_centres, memberships
from kontur.classical.fuzzy_cmeans import fuzzy_cmeans as method


def test_memberships_by_hand():
    # Distances 1 and 3 to the centres: squared 1 and 9, so 9/10 and 1/10 for m = 2.
    points, centres = np.array([[1.0]], np.float32), np.array([[0.0], [4.0]])
    assert memberships(points, centres, 2.0)[0] == pytest.approx([0.9, 0.1])
    # m = 3 takes the first power: 1 / (1 + 1/3) and its rest.
    assert memberships(points, centres, 3.0)[0] == pytest.approx([0.75, 0.25])
    # m = 1.5 takes the fourth: 81/82.
    assert memberships(points, centres, 1.5)[0] == pytest.approx([81 / 82, 1 / 82])


def test_a_point_on_a_centre_belongs_to_it_alone():
    points, centres = np.array([[4.0], [2.0]], np.float32), np.array([[0.0], [4.0]])
    assert memberships(points, centres, 2.0).tolist() == [[0, 1], [0.5, 0.5]]


def test_one_centre_step_by_hand():
    # Points 0, 1, 4 and centres 0, 4: u = (1, 0), (0.9, 0.1), (0, 1); squares 1, .81 | .01, 1.
    points = np.array([[0.0], [1.0], [4.0]], np.float32)
    from kontur.classical.fuzzy_cmeans_kernel import next_centres

    moved = next_centres(points, np.array([[0.0], [4.0]]), 2.0)
    assert moved.ravel() == pytest.approx([0.81 / 1.81, (0.01 + 4) / 1.01])


@pytest.mark.parametrize("fuzziness", [1.2, 2.0, 4.0])
def test_fixed_point_and_no_worse_than_its_surroundings(fuzziness):
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(c, 0.08, (150, 2)) for c in ([0, 0], [1, 0], [0, 1])]).astype(np.float32)
    centres = fuzzy_centres(points, np.array([[0.1, 0.1], [0.8, 0.1], [0.1, 0.8]], np.float32), fuzziness)

    def objective(centres):
        square = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
        return (memberships(points, centres, fuzziness) ** fuzziness * square).sum()

    weight = memberships(points, centres, fuzziness) ** fuzziness
    again = (weight.T @ points) / weight.sum(axis=0)[:, None]
    assert np.abs(again - centres).max() < 1e-4
    least = objective(centres)
    for _ in range(20):
        assert objective(centres + rng.normal(0, 0.02, centres.shape)) > least


def test_huge_powers_do_not_overflow():
    points = np.array([[1e-6], [1.0]], np.float32)
    u = memberships(points, np.array([[0.0], [1.0], [0.5]]), 1.05)
    assert np.isfinite(u).all()
    assert u.sum(axis=1) == pytest.approx([1, 1])


def test_two_grey_levels_and_their_scores():
    image = np.repeat([[40, 200]], 20, axis=0).repeat(20, axis=1).astype(np.uint8)
    result = method(image, clusters=2)
    assert (result.ids == np.repeat([1, 2], 20)).all()
    assert [s.score for s in result.segments] == [1, 1]
    ramp = method(np.tile(np.arange(256, dtype=np.uint8), (4, 1)), clusters=2)
    assert [s.area for s in ramp.segments] == [512, 512]
    assert all(0.5 < s.score < 1 for s in ramp.segments)
