"""Borders as arcs and segments: by hand, straight lines at any angle, and each side of every random map met once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from kontur.graph.oriented_watershed import border_normals


def id_map(text):
    return np.array([[int(c) for c in row] for row in text.split()], np.int32)


def test_by_hand():
    """One arc straight down, one to the right: they meet at a junction, so neither is bent by the other."""
    across, down = border_normals(id_map("1122 1122 3333"))
    np.testing.assert_allclose(np.abs(across[:2, 1]), [[1, 0], [1, 0]])
    np.testing.assert_allclose(np.abs(down[1]), [[0, 1]] * 4)
    assert np.count_nonzero(across) == 2
    assert np.count_nonzero(down) == 4


def test_a_corner_is_cut_in_two():
    """An L of 6 and 6 sides bends once: the farthest point from its chord is 4.2 pixels off."""
    ids = np.ones((9, 9), np.int32)
    ids[:6, :6] = 2
    across, down = border_normals(ids)
    np.testing.assert_allclose(np.abs(across[:6, 5]), [[1, 0]] * 6)
    np.testing.assert_allclose(np.abs(down[5, :6]), [[0, 1]] * 6)


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_a_straight_line_has_its_normal_at_all_its_steps(degrees):
    y, x = np.mgrid[:60, :60] - 30
    a = math.radians(degrees)
    across, down = border_normals(((-math.sin(a) * x + math.cos(a) * y) > 0.4).astype(np.int32) + 1)
    for normals in (across, down):
        found = normals[np.abs(normals).sum(-1) > 0]
        cosine = np.abs(found @ [-math.sin(a), math.cos(a)])
        assert (cosine > math.cos(math.radians(3))).all()


def test_a_closed_border_follows_the_circle():
    y, x = np.mgrid[:101, :101] - 50
    across, down = border_normals((np.hypot(y, x) < 40).astype(np.int32) + 1)
    rows, columns = np.nonzero(np.abs(across).sum(-1))
    radius = np.stack([columns + 0.5 - 50, rows - 50], 1)
    cosine = np.abs((across[rows, columns] * radius).sum(1)) / np.linalg.norm(radius, axis=1)
    assert cosine.min() > math.cos(math.radians(35))
    assert np.median(cosine) > math.cos(math.radians(12))
    assert np.count_nonzero(np.abs(down).sum(-1)) == 2 * 79  # the circle is 79 pixels wide


@settings(max_examples=60)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(2, 5), st.integers(0, 10_000))
def test_every_side_between_regions_has_a_unit_normal(height, width, kinds, seed):
    ids = np.random.default_rng(seed).integers(1, kinds + 1, (height, width)).astype(np.int32)
    # as in a watershed every id is one 4-connected region
    regions = np.zeros_like(ids)
    for kind in range(1, kinds + 1):
        parts = ndimage.label(ids == kind)[0]
        regions = np.where(parts > 0, parts + regions.max(), regions)
    across, down = border_normals(regions.astype(np.int32))
    for normals, differ in ((across, regions[:, :-1] != regions[:, 1:]), (down, regions[:-1] != regions[1:])):
        length = np.linalg.norm(normals, axis=-1)
        assert (length[~differ] == 0).all()
        np.testing.assert_allclose(length[differ], 1, atol=1e-5)
