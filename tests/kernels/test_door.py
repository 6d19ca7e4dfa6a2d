"""What may come to a kernel's door: any memory order, byte order and width, read-only arrays, empty ones, ids out of range."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.kernels.colour import bytes_to_lab_planes, rgb_to_lab
from kontur.kernels.connectivity import connected
from kontur.kernels.door import array, indices
from kontur.kernels.geodesic_distance import geodesic_distance
from kontur.kernels.graph_laplacian import LaplacianSolver
from kontur.kernels.graph_maxflow import SparseGraph
from kontur.kernels.grid_graph import grid_rows
from kontur.kernels.grid_maxflow import GridGraph
from kontur.kernels.nearest_centre import assign
from kontur.kernels.offset_votes import objects_of
from kontur.kernels.overlaps import overlaps
from kontur.kernels.pair_counts import count_bytes, count_classes
from kontur.kernels.permutohedral import Lattice
from kontur.kernels.polygon_fill import fill_polygons
from kontur.kernels.priority_flood import compact_flood, priority_flood
from kontur.kernels.region_graph import merge_tree, region_graph
from kontur.kernels.union_find import find

RANDOM = np.random.default_rng(17)


def forms(plain: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in memory as they may come."""
    padded = np.zeros(tuple(2 * side for side in plain.shape), plain.dtype)
    padded[tuple(slice(None, None, 2) for _ in plain.shape)] = plain
    locked = plain.copy()
    locked.flags.writeable = False
    return {
        "every second": padded[tuple(slice(None, None, 2) for _ in plain.shape)],
        "columns first": np.asfortranarray(plain),
        "backwards": plain[::-1].copy()[::-1],
        "other byte order": plain.astype(plain.dtype.newbyteorder()),
        "read-only": locked,
    }


LABELS = RANDOM.integers(0, 4, (9, 12)).astype(np.int32)
PLANES = RANDOM.random((3, 9, 12)).astype(np.float32)
RELIEF = RANDOM.integers(0, 9, (9, 12)).astype(np.uint16)
MARKERS = np.zeros((9, 12), np.int32)
MARKERS[2, 2], MARKERS[6, 9] = 1, 2
START = np.where(MARKERS > 0, np.float32(0), np.float32(np.inf))
LINKS = RANDOM.integers(0, 9, (4, 9, 12)).astype(np.int32)
TERMINALS = RANDOM.integers(-9, 9, (9, 12)).astype(np.int32)
BYTES = RANDOM.integers(0, 256, (9, 12, 3)).astype(np.uint8)
RIGHT, DOWN = RANDOM.random((9, 11)), RANDOM.random((8, 12))
CALLS = {
    "connected": (connected, (LABELS, PLANES)),
    "overlaps": (lambda a, b: overlaps(a, b, 4, 10), (LABELS, RELIEF.astype(np.int32))),
    "flood": (priority_flood, (RELIEF, MARKERS)),
    "flood of floats": (priority_flood, (RELIEF.astype(np.float32), MARKERS)),
    "geodesic": (lambda a, b: geodesic_distance(a, b, 1.0), (BYTES.astype(np.float32), START)),
    "grid cut": (lambda a, b: GridGraph(a).cut(b), (LINKS, TERMINALS)),
    "grid rows": (lambda a, b, c: grid_rows(a, b, c, 2), (RIGHT, DOWN, MARKERS)),
    "lab of bytes": (rgb_to_lab, (BYTES,)),
    "lab of floats": (rgb_to_lab, (BYTES.astype(np.float32) / 255,)),
    "planes": (bytes_to_lab_planes, (BYTES,)),
    "lattice": (
        lambda a, b: Lattice.of(a).filter(b),
        (BYTES.reshape(-1, 3).astype(np.float32) / 9, PLANES.reshape(-1, 3)),
    ),
    "polygons": (lambda a: fill_polygons(a, np.array([4]), 9, 12), (np.array([[1.0, 1], [8, 1], [8, 7], [1, 7]]),)),
    "classes": (
        lambda a, b: [counts := np.zeros((4, 5), np.int64), count_classes(a, b, -1, counts)],
        (LABELS.ravel(), LABELS.ravel()[::-1].copy()),
    ),
}


def same(got, expected) -> bool:
    if isinstance(expected, (tuple, list)):
        return len(got) == len(expected) and all(map(same, got, expected))
    return np.array_equal(got, expected)


@pytest.mark.parametrize("name", CALLS)
def test_memory_does_not_matter(name):
    function, arguments = CALLS[name]
    expected = function(*arguments)
    for place, argument in enumerate(arguments):
        for form, value in forms(argument).items():
            given = [*arguments[:place], value, *arguments[place + 1 :]]
            assert same(function(*given), expected), f"argument {place}, {form}"


def test_widths_are_converted_where_no_value_changes():
    expected = connected(LABELS, PLANES)
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int64, np.uint64):
        np.testing.assert_array_equal(connected(LABELS.astype(kind), PLANES), expected)
    half = PLANES.astype(np.float16)
    np.testing.assert_array_equal(connected(LABELS, half), connected(LABELS, half.astype(np.float32)))
    ids = priority_flood(RELIEF, MARKERS)
    for kind in (np.float16, np.float64, np.int8, np.uint32, np.int64):
        np.testing.assert_array_equal(priority_flood(RELIEF.astype(kind), MARKERS.astype(np.uint8)), ids)


@pytest.mark.parametrize(
    "bad",
    [LABELS.astype(object), LABELS.astype(str), LABELS + 0.5, LABELS + 0j],
    ids=["object", "text", "fraction", "complex"],
)
def test_what_is_no_whole_number_is_one_sentence(bad):
    for call in (
        lambda: connected(bad, PLANES),
        lambda: overlaps(bad, LABELS, 4, 4),
        lambda: priority_flood(RELIEF, bad),
    ):
        with pytest.raises(ValueError, match=r"^(labels|first|markers): expected int\d+ \(.*\), got [^\n]+ \(9, 12\)$"):
            call()


def test_shapes_that_do_not_belong_together():
    wrong = PLANES[:, :, :-1]
    for call in (
        lambda: connected(LABELS, wrong),
        lambda: overlaps(LABELS, LABELS[:-1], 4, 4),
        lambda: count_classes(LABELS.ravel(), LABELS.ravel()[1:], -1, np.zeros((4, 5), np.int64)),
        lambda: count_classes(LABELS.ravel(), LABELS.ravel() + 0.5, -1, np.zeros((4, 5), np.int64)),
        lambda: GridGraph(LINKS).cut(np.full((9, 12), 2**31 - 1, np.int32)),
        lambda: priority_flood(RELIEF, MARKERS[:-1]),
        lambda: geodesic_distance(BYTES.astype(np.float32), START.T, 1.0),
        lambda: GridGraph(LINKS).cut(TERMINALS[:-1]),
        lambda: rgb_to_lab(BYTES[..., :2]),
        lambda: Lattice.of(PLANES.reshape(-1, 3)).filter(PLANES.reshape(-1, 3)[:-1]),
        lambda: assign(
            np.zeros((5, 2), np.float32),
            np.zeros((2, 3), np.float32),
            np.zeros(5, np.int32),
            np.zeros((2, 2)),
            np.zeros(2),
        ),
        lambda: objects_of(np.ones((4, 4), bool), np.zeros((2, 4, 5), np.float32), steps=1, merge=0.5, least=1),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


@pytest.mark.parametrize("stranger", [-1, 4, 2**31 - 1, -(2**31)])
def test_ids_out_of_range_write_nothing_outside(stranger):
    ids = LABELS.copy()
    ids[3, 3] = stranger
    with pytest.raises(ValueError, match="expected numbers from 0 to 3"):
        overlaps(ids, LABELS, 4, 4)
    with pytest.raises(ValueError, match="expected numbers from 0 to 3"):
        overlaps(LABELS, ids, 4, 4)
    counts = np.zeros((4, 5), np.int64)
    foreign = count_classes(ids.ravel(), LABELS.ravel(), -1, counts)
    assert (foreign, counts.sum()) == (1, ids.size - 1)
    counts = np.zeros((4, 5), np.int64)
    assert count_classes(LABELS.ravel(), ids.ravel(), -1, counts) == 0
    assert counts[:, 4].sum() == 1
    assert (connected(ids, PLANES) > 0).sum() == ids.size - (stranger < 0)
    edges = np.array([[0, 1], [1, stranger]])
    with pytest.raises(ValueError, match=r"edges: expected numbers from 0 to 3"):
        SparseGraph(4, edges, np.ones(2))
    with pytest.raises(IndexError, match="element: expected a number from 0 to 3"):
        find(np.arange(4, dtype=np.int32), stranger)
    with pytest.raises(ValueError, match="rows: expected numbers from 0 to"):
        compact_flood(RELIEF, np.array([9 if stranger > 0 else stranger]), np.array([0]), 1.0)


def test_numbers_too_large_for_the_type_are_refused():
    with pytest.raises(ValueError, match=r"markers: expected whole numbers of int32, got 0\.\.4294967297"):
        priority_flood(RELIEF, np.where(MARKERS == 1, 2**32 + 1, MARKERS.astype(np.int64)))


def test_a_graph_whose_ends_do_not_exist():
    graph = region_graph(LABELS + 1)
    with pytest.raises(ValueError, match="ends: expected numbers from 0 to 2"):
        merge_tree(graph, np.ones(3), np.zeros((3, 0)))
    start, other = np.array([0, 1, 2], np.int32), np.array([1, 7], np.int32)
    with pytest.raises(ValueError, match="other: expected numbers from 0 to 1"):
        LaplacianSolver(start, other, np.ones(2), np.ones(2))


def test_coordinates_that_are_no_numbers():
    for stray in (np.nan, np.inf, -1e300):
        with pytest.raises(ValueError, match="polygons: expected coordinates"):
            fill_polygons(np.array([[1.0, 1], [8, stray], [8, 7]]), np.array([3]), 9, 12)
        with pytest.raises(ValueError, match="features: expected numbers between"):
            Lattice.of(np.array([[0.0, stray]]))
    strays = np.full((2, 4, 4), np.nan, np.float32)
    strays[0, 0], strays[1, 1] = np.inf, -np.inf
    ids = objects_of(np.ones((4, 4), bool), strays, steps=3, merge=0.5, least=1)
    assert ids.shape == (4, 4)
    assert np.isfinite(rgb_to_lab(np.full((2, 2, 3), np.nan, np.float32))).all()


def test_empty_arrays():
    for shape in ((0, 0), (0, 5), (5, 0)):
        assert connected(np.zeros(shape, np.int32), np.zeros((2, *shape), np.float32)).shape == shape
        assert priority_flood(np.zeros(shape, np.uint8), np.zeros(shape, np.int32)).shape == shape
        assert geodesic_distance(np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32), 1.0).shape == shape
        assert rgb_to_lab(np.zeros((*shape, 3), np.uint8)).shape == (*shape, 3)
        assert [len(part) for part in overlaps(np.zeros(shape, np.int32), np.zeros(shape, np.int32), 1, 1)] == [0, 0, 0]
        assert GridGraph(np.zeros((4, *shape), np.int32)).cut(np.zeros(shape, np.int32)).shape == shape
    assert fill_polygons(np.zeros((0, 2)), np.zeros(0, int), 5, 5).shape == (0, 2)
    assert count_classes(np.zeros(0, int), np.zeros(0, int), -1, np.zeros((2, 3), np.int64)) == 0
    nothing = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match="pairs: expected two maps"):
        count_bytes(nothing, nothing, nothing.view(np.uint64), nothing.view(np.uint64), np.zeros(65536, np.int64))


def test_the_door_itself():
    plain = np.zeros((2, 3), np.int32)
    assert array("ids", plain, np.int32, 2, None) is plain
    assert indices("ids", [[1, 2]], np.int32, 3, None, 2).tolist() == [[1, 2]]
    with pytest.raises(ValueError, match=r"^ids: expected int32 \(any, 2\), got int32 \(2, 3\)$"):
        array("ids", plain, np.int32, None, 2)
    with pytest.raises(ValueError, match=r"^ids: expected whole numbers of uint8, got -1\.\.0$"):
        array("ids", np.array([0, -1]), np.uint8, None)
