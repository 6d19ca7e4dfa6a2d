"""The hierarchy of a boundary map: drawn by hand, the paper's reason for orientations, then its properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from kontur.core.errors import InputError, OptionError
from kontur.core.hierarchy import Hierarchy
from kontur.graph.oriented_watershed import contour_hierarchy, oriented_strength, watershed_leaves
from kontur.graph.oriented_watershed_kernel import minima


def connected(ids):
    return all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))


def soft(seed, shape=(30, 37), steps=None):
    strength = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.2)
    strength = (strength - strength.min()) / np.ptp(strength)
    return (np.round(strength * steps) / steps if steps else strength).astype(np.float32)


def test_three_rooms_by_hand():
    """A wall of 0.8 beside one of 0.4: the rooms of the low wall become one first, at the walls' own strengths."""
    strength = np.zeros((12, 30), np.float32)
    strength[:, 10], strength[:, 20] = 0.8, 0.4
    tree = contour_hierarchy(strength)
    assert len(tree) == 3
    np.testing.assert_allclose(tree.heights, [0.4, 0.8], rtol=1e-5)
    two = tree.level(0.5).ids
    assert len(np.unique(two[:, :10])) == len(np.unique(two[:, 11:])) == 1
    assert two[0, 0] != two[0, -1]
    np.testing.assert_array_equal(tree.boundaries, strength)


def test_the_mean_along_the_border_counts():
    """Half of a wall at 0.9, half at 0.3."""
    strength = np.zeros((20, 21), np.float32)
    strength[:10, 10], strength[10:, 10] = 0.9, 0.3
    # one room on each side: the weak half is still a wall
    tree = contour_hierarchy(strength)
    assert len(tree) == 2
    assert tree.heights[0] == pytest.approx(0.6, abs=0.02)


def test_an_arc_that_ends_at_a_strong_line_keeps_its_own_strength():
    """The paper's figure: a faint line meets a strong blurred one. In the plain watershed it is strong near the meeting."""
    y, x = np.mgrid[:80, :80].astype(float)
    strong = np.exp(-((x - 40) ** 2) / (2 * 5.0**2))
    faint = 0.15 * np.exp(-((y - 40) ** 2) / (2 * 2.0**2))
    strength = np.maximum(strong, faint).astype(np.float32)
    leaves = np.where(x < 40.5, np.where(y < 40.5, 1, 2), 3).astype(np.int32)
    across, down = oriented_strength(strength, leaves)
    plain = np.maximum(strength[40], strength[41])
    near = slice(30, 41)
    assert plain[near].mean() > 0.55  # what the faint line would be given
    assert down[40, near].mean() < 0.1
    np.testing.assert_allclose(down[40, :20], plain[:20], rtol=0.02)  # far away it has what it is
    np.testing.assert_allclose(across[10:30, 40], np.maximum(strength[10:30, 40], strength[10:30, 41]), rtol=0.02)


def test_minima_by_hand():
    relief = np.array([[1, 1, 3, 0], [1, 2, 3, 3], [5, 5, 2, 2]], np.uint16)
    np.testing.assert_array_equal(minima(relief), [[1, 1, 0, 2], [1, 0, 0, 0], [0, 0, 3, 3]])
    assert minima(np.zeros((2, 3), np.uint16)).tolist() == [[1, 1, 1]] * 2


@pytest.mark.parametrize("seed", range(5))
def test_minima_agree_with_scikit_image(seed):
    from skimage.morphology import local_minima

    relief = np.random.default_rng(seed).integers(0, 5, (20, 25)).astype(np.uint16)
    ours = minima(relief)
    np.testing.assert_array_equal(ours > 0, local_minima(relief, connectivity=1, allow_borders=True))
    assert ours.max() == ndimage.label(ours > 0)[1]


def slow_heights(strength):
    """The whole rule on pixels, everything measured again after each merge."""
    leaves = watershed_leaves(strength)
    across, down = oriented_strength(strength, leaves)
    ids, heights = leaves.copy(), []
    floor = {i: float(strength[leaves == i].min()) for i in np.unique(leaves)}
    while len(np.unique(ids)) > 1:
        borders = {}
        for a, b, w in ((ids[:, :-1], ids[:, 1:], across), (ids[:-1], ids[1:], down)):
            for p, q, v in zip(a.ravel(), b.ravel(), w.ravel()):
                if p != q:
                    borders.setdefault((min(p, q), max(p, q)), []).append(float(v))
        costs = {(p, q): max(np.mean(v) - max(floor[p], floor[q]) / 2, 0) for (p, q), v in borders.items()}
        (p, q), height = min(costs.items(), key=lambda item: item[1])
        heights.append(height)
        ids[ids == q] = p
        floor[p] = min(floor[p], floor[q])
    return np.maximum.accumulate(heights)


@pytest.mark.parametrize("seed", range(3))
def test_heights_agree_with_measuring_everything_again(seed):
    strength = soft(seed, (16, 18))
    np.testing.assert_allclose(contour_hierarchy(strength).heights, slow_heights(strength), rtol=1e-5)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([None, 3, 10]), st.lists(st.floats(0, 1), min_size=2, max_size=4))
def test_levels_are_nested_and_their_regions_connected(seed, steps, levels):
    tree = contour_hierarchy(soft(seed, (14, 17), steps))
    finer = tree.leaves
    for x in sorted(levels):
        ids = tree.level(x).ids
        assert connected(ids)
        assert len(np.unique(finer.astype(np.int64) * 10_000 + ids)) == len(np.unique(finer))
        np.testing.assert_array_equal(
            tree.ultrametric > np.float32(x),
            np.pad(ids[:, :-1] != ids[:, 1:], ((0, 0), (0, 1))) | np.pad(ids[:-1] != ids[1:], ((0, 1), (0, 0))),
        )
        finer = ids


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([None, 2]), st.integers(1, 60))
def test_exactly_the_number_of_regions(seed, steps, n):
    tree = contour_hierarchy(soft(seed, (14, 17), steps))
    result = tree.regions(n)
    assert len(result) == len(np.unique(result.ids)) == min(n, len(tree))
    assert connected(result.ids)
    coarser = tree.regions(max(n - 1, 1)).ids
    assert len(np.unique(result.ids.astype(np.int64) * 10_000 + coarser)) == len(result)


@pytest.mark.parametrize("turn", [lambda m: m.T, lambda m: m[::-1], lambda m: m[:, ::-1]])
def test_turning_the_map_turns_the_hierarchy(turn):
    strength = soft(3, (40, 50))
    ours = contour_hierarchy(np.ascontiguousarray(turn(strength)))
    theirs = contour_hierarchy(strength)
    assert len(ours) == len(theirs)
    # pixels on a crest go to the flood that comes first, which the order of the neighbours decides
    np.testing.assert_allclose(ours.heights, theirs.heights, atol=0.03)


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (2, 2), (9, 40)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_maps_are_one_region(shape, value):
    tree = contour_hierarchy(np.full(shape, value, np.float32))
    assert len(tree) == len(tree.level(0)) == len(tree.regions(7)) == 1
    assert tree.ultrametric.shape == tree.boundaries.shape == shape


def test_a_single_row():
    tree = contour_hierarchy(np.array([[0, 0.2, 0.6, 0.2, 0, 0.3, 0.1]], np.float32))
    np.testing.assert_allclose(tree.heights, [0.25, 0.6], rtol=1e-6)  # the last two pixels have 0.1 inside
    assert tree.level(0.4).ids.tolist() == [[1, 1, 1, 2, 2, 2, 2]] or tree.level(0.4).ids.tolist() == [
        [1, 1, 2, 2, 2, 2, 2]
    ]


@pytest.mark.parametrize(
    "bad", [np.full((4, 4), -0.1), np.full((4, 4), np.nan), np.zeros((4, 4), np.uint8), np.zeros(4)]
)
def test_what_is_no_boundary_map(bad):
    with pytest.raises(InputError, match="boundary strength"):
        contour_hierarchy(bad)


def test_one_file_keeps_it(tmp_path):
    tree = contour_hierarchy(soft(1), default=0.3)
    tree.save(tmp_path / "tree.npz")
    again = Hierarchy.load(tmp_path / "tree.npz")
    np.testing.assert_array_equal(again.boundaries, tree.boundaries)
    np.testing.assert_array_equal(again.level().ids, tree.level(0.3).ids)


@pytest.mark.real_data
def test_a_persons_drawing_comes_back_as_its_regions(data):
    """The blurred drawing of one person, from which the regions that person drew are read again."""
    from kontur.io.bsds import read_bsds_truth
    from kontur.metrics.regions import region_scores

    path = sorted((data / "bsds500" / "groundTruth" / "val").glob("*.mat"))[5]
    person = read_bsds_truth(path)[0]
    strength = np.clip(2.5 * ndimage.gaussian_filter(person.boundaries.astype(np.float32), 1.0), 0, 1)
    tree = contour_hierarchy(strength)
    assert connected(tree.level(0.5).ids)
    assert region_scores(tree.level(0.5), [person.regions]).covering > 0.9


def test_ripples_on_a_crest_are_no_regions():
    """A boundary 5 pixels wide at 0.9 with a dent to 0.85 in it: a leaf of its own, which goes long before the sides join."""
    strength = np.zeros((15, 25), np.float32)
    strength[:, 10:15] = 0.9
    strength[5:10, 12] = 0.85
    tree = contour_hierarchy(strength)
    assert len(tree) == 3
    assert tree.heights[0] < 0.5 < 0.85 < tree.heights[1]
    plain = contour_hierarchy(strength, floor=0)
    assert plain.heights[0] > 0.85, "else it is as strong as the boundary"


# --- the method's constants -----------------------------------------------------------------------------------------


def two_rooms():
    strength = np.zeros((10, 30), np.float32)
    strength[:, 20] = 0.5
    return strength


def test_with_a_power_of_the_area_crumbs_go_first():
    """Heights are multiplied by the root of the harmonic area over its greatest value, a quarter of the image."""
    tree = contour_hierarchy(two_rooms(), size=0.5)
    left, right = np.sort(np.bincount(tree.leaves.ravel())[1:])
    assert tree.heights[0] == pytest.approx(0.5 * (4 * left * right / ((left + right) * 300)) ** 0.5, rel=1e-6)
    assert contour_hierarchy(two_rooms(), size=0.5, default=1.0).heights[0] < 0.5


def test_the_distance_of_colours_takes_its_share():
    planes = np.zeros((3, 10, 30), np.float32)
    planes[0, :, 21:] = 0.3
    planes[1, :, 21:] = 0.4  # 0.5 apart but for the wall, which belongs to one of the rooms
    planes[:, :, 20] = np.nan
    ids = contour_hierarchy(two_rooms()).leaves
    planes[:, :, 20] = planes[:, :, 19] if ids[0, 20] == ids[0, 19] else planes[:, :, 21]
    for share in (0.25, 1.0):
        tree = contour_hierarchy(two_rooms(), colour=share, planes=planes)
        assert tree.heights[0] == pytest.approx((1 - share) * 0.5 + share * 0.5, rel=1e-5)
    planes *= 1.5
    assert contour_hierarchy(two_rooms(), colour=0.2, planes=planes).heights[0] == pytest.approx(0.55, rel=1e-5)
    with pytest.raises(OptionError, match="expected 0 without planes"):
        contour_hierarchy(two_rooms(), colour=0.2)


def test_aligned_and_sigma_reach_the_arcs():
    strength = soft(4, (40, 45))
    heights = [contour_hierarchy(strength, **o).heights for o in ({}, {"aligned": 0.9}, {"sigma": 1.0})]
    assert heights[1].sum() < heights[0].sum(), "more arcs count as off the line"
    assert not np.array_equal(heights[0], heights[2])


def test_fewer_steps_give_fewer_leaves():
    strength = soft(5, (60, 60))
    assert len(contour_hierarchy(strength, levels=15)) < len(contour_hierarchy(strength))


@pytest.mark.parametrize("rows", [1, 7, 30])
def test_the_tensor_may_be_made_in_bands_of_rows(rows, monkeypatch):
    from kontur.graph import oriented_watershed

    strength = soft(6, (61, 40))
    whole = contour_hierarchy(strength)
    monkeypatch.setattr(oriented_watershed, "_ROWS", rows)
    np.testing.assert_array_equal(contour_hierarchy(strength).heights, whole.heights)


def test_without_thinning_the_boundaries_are_the_ultrametric():
    tree = contour_hierarchy(soft(7), thin=False)
    assert tree.thinned is None
    np.testing.assert_array_equal(tree.boundaries, tree.ultrametric)
