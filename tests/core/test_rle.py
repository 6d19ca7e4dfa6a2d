"""Runs against pycocotools, worked examples by hand, and everything that pycocotools crashes on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco
from scipy import ndimage

from kontur.core import rle
from kontur.core.errors import InputError
from kontur.core.rle import RLE

# pycocotools' own, about NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


def drawn(text: str) -> np.ndarray:
    """One character a pixel, one word a row; # is inside."""
    return np.array([[c == "#" for c in row] for row in text.split()])


def random_mask(rng: np.random.Generator) -> np.ndarray:
    height, width = rng.integers(1, 60, 2)
    kind = rng.integers(0, 4)
    if kind == 0:
        return rng.random((height, width)) < rng.random()
    if kind == 1:
        return np.full((height, width), rng.random() < 0.5)
    return ndimage.gaussian_filter(rng.random((height, width)), 2) > 0.5


def test_by_hand_runs_go_down_the_columns():
    runs = rle.encode(drawn(".## .#. .##"))
    assert runs.counts.tolist() == [3, 4, 1, 1]
    assert rle.area(runs) == 5
    assert rle.box(runs) == (1, 0, 3, 3)
    assert rle.encode(drawn("#. #.")).counts.tolist() == [0, 2, 2]


def test_by_hand_text_is_five_bits_a_character_and_differences_from_the_fourth_on():
    # 3 -> "3"; 4 -> "4"; 40 = 01000 + 32·1 -> 8 + 32 + 48 = "X", 1 + 48 = "1"; 1 - 4 = -3 -> 29, sign bit set -> "M"
    runs = RLE((48, 1), np.array([3, 4, 40, 1], np.uint32))
    assert runs.to_string() == "34X1M"
    assert RLE.from_string("34X1M", (48, 1)) == runs


def test_equal_to_pycocotools_on_1000_random_masks():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        mask = random_mask(rng)
        runs, theirs = rle.encode(mask), coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert runs.to_string().encode() == theirs["counts"]
        assert RLE.from_coco(theirs) == runs  # bytes
        assert RLE.from_coco({"size": theirs["size"], "counts": runs.counts.tolist()}) == runs
        assert np.array_equal(rle.decode(runs), coco.decode(theirs).astype(bool))
        assert rle.area(runs) == coco.area(theirs)
        x, y, w, h = coco.toBbox(theirs)
        assert rle.box(runs) == (x, y, x + w, y + h)


def test_iou_with_and_without_crowd_equals_pycocotools():
    rng = np.random.default_rng(1)
    for _ in range(150):
        height, width = rng.integers(1, 60, 2)
        few = [rng.random((height, width)) < rng.random() for _ in range(rng.integers(1, 6))]
        boxes = []
        for _ in range(rng.integers(1, 6)):
            y, x = rng.integers(0, height), rng.integers(0, width)
            boxes.append(np.zeros((height, width), bool))
            boxes[-1][y : y + rng.integers(0, 20), x : x + rng.integers(0, 20)] = True
        a, b = [rle.encode(m) for m in few], [rle.encode(m) for m in boxes]
        their_a, their_b = [m.to_coco() for m in a], [m.to_coco() for m in b]
        crowd = rng.random(len(b)) < 0.5
        assert np.array_equal(rle.iou(a, b), coco.iou(their_a, their_b, [0] * len(b)))
        assert np.array_equal(rle.iou(a, b, crowd), coco.iou(their_a, their_b, crowd.astype(int).tolist()))
        for intersect in (False, True):
            merged = rle.merge(a + b, intersect=intersect).to_string()
            assert merged.encode() == coco.merge(their_a + their_b, intersect=intersect)["counts"]


def test_iou_by_hand():
    a, b = rle.encode(drawn("##.. ##..")), rle.encode(drawn(".##. .##."))
    assert rle.iou([a], [b]).tolist() == [[2 / 6]]
    assert rle.iou([a], [b], [True]).tolist() == [[2 / 4]]  # a crowd: the union is the area of a
    empty = rle.encode(np.zeros((2, 4), bool))
    assert rle.iou([empty], [empty]).tolist() == [[0.0]]
    assert rle.iou([], [a]).shape == (0, 1)
    assert rle.iou([a], []).shape == (1, 0)


@pytest.mark.parametrize("kind", ["inside", "corners", "outside", "halves", "doubled points"])
def test_polygons_fill_like_pycocotools(kind):
    rng = np.random.default_rng(len(kind))
    for _ in range(300):
        height, width = (int(v) for v in rng.integers(1, 60, 2))
        points = rng.random((rng.integers(3, 12), 2)) * [width, height]
        if kind == "corners":
            points = np.round(points)
        elif kind == "outside":
            points = points * 3 - [width, height]
        elif kind == "halves":
            points = np.round(points * 2) / 2
        elif kind == "doubled points":
            points = np.repeat(points, 2, axis=0)
        theirs = coco.frPyObjects([points.ravel().tolist()], height, width)[0]
        assert rle.from_polygons([points], height, width) == RLE.from_coco(theirs)


def test_several_polygons_are_their_union():
    rng = np.random.default_rng(3)
    polygons = [(rng.random((5, 2)) * [50, 40]).ravel().tolist() for _ in range(4)]
    theirs = coco.merge(coco.frPyObjects(polygons, 40, 50))
    assert rle.from_polygons(polygons, 40, 50).to_string().encode() == theirs["counts"]


def test_a_polygon_on_pixel_corners_fills_just_those_pixels():
    mask = rle.decode(rle.from_polygons([[1, 1, 3, 1, 3, 4, 1, 4]], 5, 5))
    assert np.array_equal(mask, drawn("..... .##.. .##.. .##.. ....."))


def test_outlines_by_hand_keep_holes_and_parts():
    mask = drawn("#### #..# #### .... ##..")
    first, second = rle.to_polygons(mask)
    assert first.outer.tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]
    assert [hole.tolist() for hole in first.holes] == [[[1, 1], [1, 2], [3, 2], [3, 1]]]
    assert second.outer.tolist() == [[0, 4], [2, 4], [2, 5], [0, 5]]
    assert second.holes == ()


def test_pixels_that_touch_at_a_corner_are_two_parts_and_rings_touch_no_point_twice():
    assert len(rle.to_polygons(drawn("#. .#"))) == 2
    # A ring of pixels that closes at a corner only: one part, whose hole touches its outline at that corner.
    (part,) = rle.to_polygons(drawn(".### #..# ####"))
    assert len(part.holes) == 1
    for ring in part.rings:
        assert len({tuple(p) for p in ring}) == len(ring)


def test_a_part_inside_a_hole_is_a_part_of_its_own():
    nested = drawn("##### #...# #.#.# #...# #####")
    outer, inner = rle.to_polygons(nested)
    assert (len(outer.holes), len(inner.holes)) == (1, 0)
    ring = drawn("####### #.....# #.###.# #.#.#.# #.###.# #.....# #######")
    assert [len(p.holes) for p in rle.to_polygons(ring)] == [1, 1]


@given(masks)
def test_outlines_and_back_change_nothing(mask):
    polygons = rle.to_polygons(mask)
    rings = [ring for polygon in polygons for ring in polygon.rings]
    assert np.array_equal(rle.decode(rle.from_rings(rings, *mask.shape)), mask)
    assert len(polygons) == ndimage.label(mask)[1]
    assert all(_turns(polygon.outer) > 0 and all(_turns(hole) < 0 for hole in polygon.holes) for polygon in polygons)


def _turns(ring: np.ndarray) -> float:
    x, y = ring.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


@given(masks)
def test_runs_and_text_and_back_change_nothing(mask):
    runs = rle.encode(mask)
    assert np.array_equal(rle.decode(RLE.from_coco(runs.to_coco())), mask)
    assert RLE.from_string(runs.to_string().encode(), mask.shape) == runs


@given(masks, st.randoms(use_true_random=False))
def test_empty_runs_are_merged_away(mask, random):
    counts = rle.encode(mask).counts.tolist()
    for _ in range(3):  # a run n is the same as k, 0, n - k
        at = random.randrange(len(counts))
        part = random.randint(0, counts[at])
        counts[at : at + 1] = [part, 0, counts[at] - part]
    assert RLE(mask.shape, np.array(counts)) == rle.encode(mask)


@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-1, 3)))
def test_all_labels_in_one_pass_as_one_by_one(labels):
    found = rle.encode_labels(labels)
    assert sorted(found) == sorted(set(np.unique(labels).tolist()) - {0})
    assert all(runs == rle.encode(labels == value) for value, runs in found.items())


@given(masks)
def test_merging_with_the_rest_gives_all_and_nothing(mask):
    both = [rle.encode(mask), rle.encode(~mask)]
    assert rle.area(rle.merge(both)) == mask.size
    assert rle.area(rle.merge(both, intersect=True)) == 0


# --- what must be refused, before any memory is taken ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("polygon", "says"),
    [
        ([1, 1, float("nan"), 5, 9, 9], "finite"),
        ([1, 1, float("inf"), 5, 9, 9], "finite"),
        ([1, 1, 1e9, 5, 9, 9], "1e\\+09"),
        ([1, 1, -1e9, 5, 9, 9], "1e\\+09"),
        ([1, 1, 5, 5, 9], "even number"),
        ([1, 1, 5, 5], "at least 3 points"),
        ([], "at least 3 points"),
        (["a", 1, 2, 3, 4, 5], "coordinates"),
        ([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "shape"),
        ([[1, 2], [3]], "coordinates"),
        (None, "coordinates|shape"),
    ],
)
def test_bad_polygons(polygon, says):
    with pytest.raises(InputError, match=says) as error:
        rle.from_polygons([polygon], 10, 10)
    assert "\n" not in str(error.value)


def test_many_long_edges_are_refused_not_drawn_for_hours():
    zigzag = np.stack([np.tile([0.0, 1e6], 500), np.arange(1000.0)], axis=1)
    with pytest.raises(InputError, match="Simplify"):
        rle.from_polygons([zigzag], 100, 100)


def test_no_polygon_is_an_empty_mask():
    assert rle.area(rle.from_polygons([], 4, 5)) == 0


@pytest.mark.parametrize(
    "size", [(100_000, 100_000), (0, 5), (-1, 5), (5,), (5, 5, 5), "55", (5.5, 5), (True, 5), None]
)
def test_bad_sizes(size):
    with pytest.raises(InputError, match="size"):
        RLE.from_coco({"size": size, "counts": [25]})
    with pytest.raises(InputError, match="size"):
        RLE.from_coco({"size": size, "counts": "T1"})


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([5, 5], "sum of 5 x 5 = 25 pixels, got 10"),
        ([5, 25], "sum"),
        ([2**63 - 1, 2**63 - 1], "sum"),
        ([30, -5], "0 or more"),
        ([], "run lengths"),
        ([12.5, 12.5], "whole"),
        ([[25]], "run lengths"),
        (["25"], "run lengths"),
        ([10**30], "run lengths"),
        (None, "run lengths"),
    ],
)
def test_bad_counts(counts, says):
    with pytest.raises(InputError, match=says):
        RLE.from_coco({"size": [5, 5], "counts": counts})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "middle of a number"),
        ("1X", "middle of a number"),
        ("5", "sum"),
        ("~~", "characters"),
        ("1 2", "characters"),
        ("ä", "ASCII"),
        ("oooooooooo1", "at most 7"),
        (b"\xff", "characters"),
    ],
)
def test_bad_text(text, says):
    with pytest.raises(InputError, match=says):
        RLE.from_string(text, (5, 5))


@settings(max_examples=300)
@given(st.text(st.characters(min_codepoint=48, max_codepoint=111), max_size=12))
def test_any_text_is_read_or_refused(text):
    try:
        runs = RLE.from_string(text, (6, 7))
    except InputError:
        return
    assert rle.decode(runs).shape == (6, 7)


@pytest.mark.parametrize("dictionary", [{}, {"size": [5, 5]}, [1, 2], None, "x"])
def test_bad_dictionaries(dictionary):
    with pytest.raises(InputError, match="size"):
        RLE.from_coco(dictionary)


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 2, 2), bool), np.zeros((2, 2)), np.zeros((0, 3), bool), np.zeros(3, bool)]
)
def test_bad_masks(mask):
    with pytest.raises(InputError):
        rle.encode(mask)


def test_masks_of_different_sizes():
    a, b = rle.encode(np.ones((2, 3), bool)), rle.encode(np.ones((3, 2), bool))
    for call in (lambda: rle.iou([a], [b]), lambda: rle.merge([a, b]), lambda: rle.merge([])):
        with pytest.raises(InputError):
            call()
    with pytest.raises(InputError, match="crowd"):
        rle.iou([a], [a], [True, False])


def test_counts_cannot_be_changed_and_equal_masks_are_equal():
    runs = rle.encode(np.eye(3, dtype=bool))
    with pytest.raises(ValueError, match="read-only"):
        runs.counts[0] = 7
    assert len({runs, rle.encode(np.eye(3, dtype=np.uint8))}) == 1


def test_a_window_is_encoded_as_its_whole_image_would_be():
    rng = np.random.default_rng(0)
    for row, column, h, w in [(0, 0, 7, 9), (2, 3, 4, 5), (0, 4, 7, 2), (6, 8, 1, 1), (3, 3, 0, 0), (0, 0, 7, 9)]:
        for share in (0.5, 1.0):
            window = rng.random((h, w)) < share
            whole = np.zeros((7, 9), bool)
            whole[row : row + h, column : column + w] = window
            assert rle.encode_window(window, (row, column), (7, 9)) == rle.encode(whole)
    with pytest.raises(InputError, match="expected it inside"):
        rle.encode_window(np.ones((3, 3), bool), (5, 0), (7, 9))


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_is_the_part_of_the_whole(seed):
    random = np.random.default_rng(seed)
    mask = random.random((7, 9)) < (0.0, 0.3, 0.7, 1.0)[seed]
    for _ in range(20):
        x0, x1 = sorted(int(v) for v in random.integers(0, 10, 2))
        y0, y1 = sorted(int(v) for v in random.integers(0, 8, 2))
        assert np.array_equal(rle.crop(rle.encode(mask), (x0, y0, x1, y1)), mask[y0:y1, x0:x1])


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7)))
def test_pixels_and_the_window_are_those_of_the_mask(mask):
    runs = rle.encode(mask)
    assert (rle.pixels(runs) == np.flatnonzero(mask.T)).all()
    x0, y0, x1, y1 = rle.box(runs)
    assert (rle.decode_window(runs) == mask[y0:y1, x0:x1]).all()
