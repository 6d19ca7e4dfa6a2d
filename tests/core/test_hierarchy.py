"""Hierarchy: a tree drawn by hand, then the ultrametric's properties on random trees."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kontur.core.errors import InputError, OptionError, UnreadableFile
from kontur.core.hierarchy import Hierarchy
from kontur.core.segmentation import Provenance


def by_hand() -> Hierarchy:
    """1 and 2 join at 0.2, 3 and 4 at 0.4, all at 0.8."""
    leaves = np.array([[1, 1, 3], [2, 2, 3], [2, 4, 4]])
    return Hierarchy(leaves, [[0, 1], [2, 3], [4, 5]], [0.2, 0.4, 0.8])


def random_hierarchy(seed: int, n: int = 12) -> Hierarchy:
    """Leaves are cells of a grid, merged in random order with tied heights."""
    rng = np.random.default_rng(seed)
    leaves = np.concatenate([np.arange(n), rng.integers(0, n, 5 * n)]).reshape(6, n) + 1
    alive, merges = list(range(n)), []
    for k in range(n - 1):
        a, b = rng.choice(alive, 2, replace=False)
        merges.append((a, b))
        alive = [v for v in alive if v not in (a, b)] + [n + k]
    return Hierarchy(leaves, merges, np.sort(rng.integers(0, 6, n - 1) / 5))


def test_levels_by_hand():
    tree = by_hand()
    assert [len(tree.level(x)) for x in (0, 0.1, 0.2, 0.3, 0.4, 0.79, 0.8, 1)] == [4, 4, 3, 3, 2, 2, 1, 1]
    np.testing.assert_array_equal(tree.level(0.5).ids, [[1, 1, 2], [1, 1, 2], [1, 2, 2]])
    assert tree.level().segments == tree.level(0.5).segments


def test_ultrametric_by_hand():
    tree = by_hand()
    expected = np.array(
        [
            [0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0.0, 0, 0.8, 0, 0],
            [0, 0.2, 0.2, 0.2, 0.8, 0, 0],
            [0, 0, 0.0, 0, 0.8, 0, 0],
            [0, 0, 0.8, 0.8, 0.8, 0.4, 0],
            [0, 0, 0.8, 0, 0.0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0],
        ]
    )
    np.testing.assert_allclose(tree.ultrametric_grid, expected)
    np.testing.assert_allclose(tree.ultrametric, [[0.2, 0.8, 0], [0, 0.8, 0.4], [0.8, 0, 0]], rtol=1e-6)
    assert tree.ultrametric.dtype == np.float32
    assert tree.boundaries is tree.ultrametric


@pytest.mark.parametrize("seed", range(5))
def test_the_ultrametric_above_a_level_is_that_levels_border(seed):
    tree = random_hierarchy(seed)
    for x in (0, 0.1, 0.2, 0.4, 0.7, 1):
        ids = tree.level(x).ids
        border = np.zeros(ids.shape, bool)
        border[:, :-1] |= ids[:, :-1] != ids[:, 1:]
        border[:-1] |= ids[:-1] != ids[1:]
        np.testing.assert_array_equal(tree.ultrametric > np.float32(x), border)


def test_regions_counts():
    tree = by_hand()
    assert [len(tree.regions(n)) for n in (1, 2, 3, 4, 99)] == [1, 2, 3, 4, 4]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_levels_are_nested(seed, x, y):
    tree = random_hierarchy(seed)
    fine, coarse = tree.level(min(x, y)).ids, tree.level(max(x, y)).ids
    pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


@pytest.mark.parametrize("seed", range(5))
def test_the_map_and_the_levels_agree_and_it_is_an_ultrametric(seed):
    tree = random_hierarchy(seed)
    n = len(tree)
    distance = np.zeros((n, n))
    for x in np.unique(tree.heights)[::-1]:
        table = np.zeros(n + 1, int)
        table[tree.leaves] = tree.level(x).ids
        together = table[1:, None] == table[None, 1:]
        distance[together] = x
    np.fill_diagonal(distance, 0)
    assert (distance[:, None, :] <= np.maximum(distance[:, :, None], distance[None]) + 1e-12).all()
    across = tree.ultrametric_grid[1::2, 2:-1:2]
    np.testing.assert_allclose(across, distance[tree.leaves[:, :-1] - 1, tree.leaves[:, 1:] - 1], atol=1e-6)
    down = tree.ultrametric_grid[2:-1:2, 1::2]
    np.testing.assert_allclose(down, distance[tree.leaves[:-1] - 1, tree.leaves[1:] - 1], atol=1e-6)


@pytest.mark.parametrize("n", [1, 3, 7, 12])
def test_areas_and_boxes_are_those_of_the_pixels(n):
    result = random_hierarchy(1).regions(n)
    for segment in result.segments:
        rows, columns = np.nonzero(result.ids == segment.id)
        assert segment.area == len(rows)
        assert segment.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_one_file_keeps_everything(tmp_path):
    tree = by_hand()
    tree = Hierarchy(tree.leaves, tree.merges, tree.heights, 0.3, Provenance("contours", {"level": 0.3}, notes=("a",)))
    tree.save(tmp_path / "tree.npz")
    again = Hierarchy.load(tmp_path / "tree.npz")
    np.testing.assert_array_equal(again.ultrametric, tree.ultrametric)
    assert (again.default, again.provenance) == (0.3, tree.provenance)


def test_one_file_keeps_the_thinned_map(tmp_path):
    tree = by_hand()
    lines = np.array([[0, 0.25, 0], [0, 1, 0], [0.5, 0, 0]], np.float32)
    Hierarchy(tree.leaves, tree.merges, tree.heights, thinned=lines).save(tmp_path / "tree.npz")
    again = Hierarchy.load(tmp_path / "tree.npz")
    np.testing.assert_array_equal(again.boundaries, lines)
    np.testing.assert_array_equal(again.ultrametric, tree.ultrametric)


def saved_with(path, **changes):
    """The file of the tree by hand, with parts replaced, left out (None) or written into the meta entry."""
    by_hand().save(path)
    with np.load(path) as archive:
        parts = {name: archive[name] for name in archive.files}
    meta = json.loads(parts["meta"].tobytes()) | changes.pop("meta", {})
    parts["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **{name: value for name, value in (parts | changes).items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"merges": np.array([[0, 1], [0, 2], [4, 5]])},
        {"heights": np.array([0.2, 0.4, np.nan])},
        {"heights": None},
        {"leaves": np.array([["a"]])},
        {"thinned": np.zeros((2, 2))},
        {"thinned": np.full((3, 3), np.nan)},
        {"meta": {"default": "high"}},
        {"meta": {"default": 3}},
        {"meta": {"provenance": {"method": "x", "colour": 1, "notes": []}}},
        {"meta": {"provenance": 7}},
        {"leaves": np.array([None])},
    ],
    ids=str,
)
def test_a_changed_file_is_refused_in_one_line(tmp_path, changes):
    saved_with(tmp_path / "tree.npz", **changes)
    with pytest.raises(UnreadableFile) as caught:
        Hierarchy.load(tmp_path / "tree.npz")
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_refused(tmp_path):
    by_hand().save(tmp_path / "tree.npz")
    data = (tmp_path / "tree.npz").read_bytes()
    for cut in range(0, len(data), 37):
        (tmp_path / "cut.npz").write_bytes(data[:cut])
        with pytest.raises(UnreadableFile):
            Hierarchy.load(tmp_path / "cut.npz")
    for at in range(0, len(data), 41):
        (tmp_path / "flip.npz").write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        try:
            again = Hierarchy.load(tmp_path / "flip.npz")
        except UnreadableFile:
            continue
        assert again.shape == (3, 3)


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(UnreadableFile, match=r"Hierarchy\.save"):
        Hierarchy.load(tmp_path / "x.npz")
    with pytest.raises(UnreadableFile, match="no such file"):
        Hierarchy.load(tmp_path / "y.npz")


def test_one_pixel():
    tree = Hierarchy(np.array([[1]]), np.empty((0, 2)), np.empty(0))
    assert len(tree.level(0)) == len(tree.regions(5)) == 1
    np.testing.assert_array_equal(tree.ultrametric_grid, np.zeros((3, 3)))
    np.testing.assert_array_equal(tree.ultrametric, [[0]])
    np.testing.assert_array_equal(tree.boundaries, [[0]])


@pytest.mark.parametrize("level", [-0.1, 1.1, float("nan")])
def test_level_out_of_range(level):
    with pytest.raises(OptionError, match="level"):
        by_hand().level(level)


def test_no_regions():
    with pytest.raises(OptionError, match="regions"):
        by_hand().regions(0)


@pytest.mark.parametrize(
    ("leaves", "merges", "heights"),
    [
        ([[1, 3]], [[0, 1]], [0.5]),
        ([[0, 1]], [[0, 1]], [0.5]),
        ([[1, 2]], [], []),
        ([[1, 2, 3]], [[0, 1], [0, 2]], [0.1, 0.2]),
        ([[1, 2, 3]], [[0, 4], [1, 2]], [0.1, 0.2]),
        ([[1, 2, 3]], [[0, 1], [2, 3]], [0.3, 0.2]),
        ([[1, 2, 3]], [[0, 1], [2, 3]], [0.3, 1.2]),
    ],
)
def test_trees_that_are_none(leaves, merges, heights):
    with pytest.raises(InputError):
        Hierarchy(np.array(leaves), np.array(merges), np.array(heights))
