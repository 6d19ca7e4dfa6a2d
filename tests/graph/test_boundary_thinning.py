"""Thinning across the boundary: ridges whose crest is known, agreement with a slow walk, and what it must not do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from kontur.core.errors import InputError
from kontur.graph.boundary_thinning import second_derivatives, thinned
from kontur.metrics.contours import thin


def ridge(degrees, size=61, width=2.0, offset=0.0):
    """exp(-d² / 2 width²), d the distance from a straight line through the middle that runs at `degrees`."""
    y, x = np.mgrid[:size, :size] - size // 2
    a = math.radians(degrees)
    distance = -math.sin(a) * x + math.cos(a) * y - offset
    return np.exp(-(distance**2) / (2 * width**2)).astype(np.float32), distance


def test_a_row_by_hand():
    strength = np.tile(np.array([0, 0.2, 0.6, 0.9, 0.7, 0.3, 0, 0, 0.1, 0.4, 0.1, 0], np.float32), (9, 1))
    expected = np.zeros_like(strength)
    expected[:, 3], expected[:, 9] = 0.9, 0.4
    np.testing.assert_array_equal(thinned(strength), expected)


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_what_stays_of_a_ridge_is_its_crest_one_pixel_wide(degrees, offset):
    strength, distance = ridge(degrees, offset=offset)
    lines = thinned(strength)
    inner = (slice(6, -6), slice(6, -6))
    crest = (lines > 0.5)[inner]
    assert np.abs(distance[inner][crest]).max() < 0.75
    # one pixel a step of the longer axis, in one 8-connected piece, of which thinning takes nothing away
    assert 48 <= crest.sum() <= 49
    assert ndimage.label(crest, np.ones((3, 3)))[1] == 1
    assert thin(crest).sum() >= crest.sum() - 1
    np.testing.assert_array_equal(lines[lines > 0], strength[lines > 0])


@pytest.mark.parametrize(("wide", "stays"), [(1, 5), (2, 5), (3, 6)])
def test_of_a_flat_top_one_pixel_stays(wide, stays):
    strength = np.zeros((11, 14), np.float32)
    strength[:, 4 : 6 + wide] = 0.5
    strength[:, 5 : 5 + wide] = 0.8
    np.testing.assert_array_equal(np.flatnonzero((thinned(strength) > 0).any(axis=0)), [stays])


def test_a_saturated_line_that_steps_is_not_cut():
    """The top of a blurred line is cut off, so that three rows are equal; it steps by a row every nine pixels."""
    y, x = np.mgrid[:40, :80]
    strength = np.exp(-((y - 15 - x // 9) ** 2) / 8.0)
    lines = thinned(np.minimum(strength / 0.8, 1)) > 0.5
    inner = lines[:, 6:-6]
    assert ndimage.label(inner, np.ones((3, 3)))[1] == 1
    assert inner.any(axis=0).all()
    assert inner.sum() <= 68 + 8


def test_a_circle_stays_closed():
    y, x = np.mgrid[:80, :90]
    distance = np.hypot(y - 40, x - 45) - 25.0
    lines = thinned(np.exp(-(distance**2) / 8)) > 0.5
    inside, outside = (slice(35, 45), slice(40, 50)), (slice(0, 3), slice(0, 3))
    parts = ndimage.label(~lines)[0]  # 4-connected ground: an 8-connected line divides it
    assert parts[inside].min() == parts[inside].max() != parts[outside].max()


def slow(strength, slack=1.01, reach=2):
    """Which pixels have no stronger value across: NumPy's eigenvectors, SciPy's interpolation."""
    xx, xy, yy = (plane.astype(np.float64) for plane in second_derivatives(strength.astype(np.float32)))
    values, vectors = np.linalg.eigh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1))
    greatest = np.abs(values).argmax(-1)
    normal = np.take_along_axis(vectors, greatest[..., None, None], -1)[..., 0]
    y, x = np.mgrid[: strength.shape[0], : strength.shape[1]].astype(float)
    keep = strength > 0
    for d in (-2, -1, 1, 2):
        at = np.stack([y + d * normal[..., 1], x + d * normal[..., 0]])
        keep &= ndimage.map_coordinates(strength.astype(float), at, order=1, mode="nearest") <= slack * strength
    return keep


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_a_slow_walk(seed):
    rng = np.random.default_rng(seed)
    strength = ndimage.gaussian_filter(rng.random((40, 50)), 1.5)
    strength = ((strength - strength.min()) / np.ptp(strength)).astype(np.float32)
    kept, wanted = thinned(strength) > 0, slow(strength)
    assert not (kept & ~wanted).any()
    # and beyond that one of several within reach of one another goes, never one that stands out
    lost = wanted & ~kept
    around = ndimage.maximum_filter(np.where(kept, strength, 0), 5)
    assert (around[lost] >= 0.99 * strength[lost]).all()


@pytest.mark.parametrize("turn", ["T", "flip x", "flip y"])
def test_turning_the_map_turns_the_lines(turn):
    rng = np.random.default_rng(5)
    strength = ndimage.gaussian_filter(rng.random((30, 41)), 2).astype(np.float32)
    changes = {"T": lambda m: m.T, "flip x": lambda m: m[:, ::-1], "flip y": lambda m: m[::-1]}
    change = changes[turn]
    ours, theirs = thinned(np.ascontiguousarray(change(strength))) > 0, change(thinned(strength)) > 0
    assert (ours ^ theirs).mean() < 0.01  # rounding, and which of two equals goes, decide a few


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000))
def test_any_small_map(height, width, seed):
    strength = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.float32) / 3
    lines = thinned(strength)
    assert lines.shape == strength.shape
    assert ((lines == 0) | (lines == strength)).all()


def test_constant_maps():
    assert not thinned(np.zeros((5, 7), np.float32)).any()
    assert thinned(np.array([[0.5]])).tolist() == [[0.5]]


@pytest.mark.parametrize(
    "bad", [np.zeros((3, 3, 1)), np.zeros((0, 3)), np.full((3, 3), 1.5), np.full((3, 3), np.nan), np.ones((3, 3), int)]
)
def test_what_is_no_boundary_map(bad):
    with pytest.raises(InputError, match="boundary strength"):
        thinned(bad)


def test_crests_near_the_rim_are_damped_when_asked_for():
    strength = np.zeros((20, 30), np.float32)
    strength[:, 15] = 0.8
    plain, damped = thinned(strength), thinned(strength, rim=5)
    assert plain[0, 15] == pytest.approx(0.8)
    np.testing.assert_allclose(damped[:6, 15], 0.8 * np.array([0, 0.2, 0.4, 0.6, 0.8, 1]), rtol=1e-6)
    np.testing.assert_allclose(damped[::-1], damped, rtol=1e-6)
    assert not thinned(np.full((1, 9), 0.5, np.float32), rim=4).any()
