"""The one result: ids, areas and boxes by hand, and nothing lost on the way to a file and back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kontur.core.errors import InputError, KonturError, UnreadableFile
from kontur.core.segmentation import Provenance, Segmentation
from kontur.core.taxonomy import Category, Taxonomy

maps = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 5))
STREET = Taxonomy((Category(0, "road", (128, 64, 128)), Category(7, "car", (0, 0, 142), thing=True)))


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def test_areas_and_boxes_by_hand():
    result = Segmentation.from_ids(id_map("0114 0144 3340"))
    assert [(s.id, s.area, s.box) for s in result.segments] == [
        (1, 3, (1, 0, 3, 2)),
        (3, 2, (0, 2, 2, 3)),
        (4, 4, (2, 0, 4, 3)),
    ]
    assert len(result) == 3
    assert result.mask(4).sum() == 4
    assert result.crop(1).tolist() == [[True, True], [True, False]]
    with pytest.raises(InputError, match="segment 2"):
        result.mask(2)


@given(maps)
def test_areas_sum_to_the_image_and_boxes_are_tight(ids):
    result = Segmentation.from_ids(ids)
    assert sum(s.area for s in result.segments) + np.count_nonzero(ids == 0) == ids.size
    for segment in result.segments:
        rows, columns = np.nonzero(ids == segment.id)
        assert segment.area == len(rows)
        assert segment.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@given(maps)
def test_ids_far_apart_are_measured_like_small_ones(ids):
    """Panoptic colour ids go up to 2^24 and more."""
    far = np.where(ids == 0, 0, ids.astype(np.int64) * 400_000_000 % 2_000_000_011).astype(np.int64)
    near, far_result = Segmentation.from_ids(ids), Segmentation.from_ids(far)
    assert sorted((s.area, s.box) for s in near.segments) == sorted((s.area, s.box) for s in far_result.segments)


@given(hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-3, 9)))
def test_any_labels_become_1_2_3_in_rising_order(labels):
    result = Segmentation.from_labels(labels)
    assert np.array_equal(result.ids, np.searchsorted(np.unique(labels), labels) + 1)
    void = Segmentation.from_labels(labels, void=0)
    assert np.array_equal(void.ids == 0, labels == 0)
    assert [s.id for s in void.segments] == list(range(1, len(void) + 1))


def test_foreground_and_background():
    mask = id_map("010 011") == 1
    result = Segmentation.from_mask(mask)
    assert np.array_equal(result.ids, mask + 1)
    assert np.array_equal(result.foreground, mask)
    objects = Segmentation.from_objects(id_map("011 022"))
    assert np.array_equal(objects.ids, id_map("122 133"))
    assert np.array_equal(objects.foreground, id_map("011 011") == 1)
    assert Segmentation.from_ids(id_map("12")).foreground is None
    assert Segmentation.from_ids(id_map("012"), background=1).foreground.tolist() == [
        [False, False, True]
    ]  # void is none


def test_categories_by_hand():
    result = Segmentation.from_categories(np.array([[0, 7, 255], [7, 7, 0]]), STREET)
    assert [(s.category, s.area) for s in result.segments] == [(0, 2), (7, 3)]
    assert result.category_map().tolist() == [[0, 7, 255], [7, 7, 0]]
    assert result.category_map(none=99)[0, 2] == 99
    with pytest.raises(InputError, match=r"\[5\]"):
        Segmentation.from_categories(np.array([[5]]), STREET)


def test_boundaries_are_two_pixels_wide():
    assert Segmentation.from_ids(id_map("1122 1122")).boundaries().tolist() == [[False, True, True, False]] * 2
    assert not Segmentation.from_ids(id_map("11 11")).boundaries().any()
    assert Segmentation.from_ids(id_map("112 112 111")).boundaries().tolist() == [
        [False, True, True],
        [False, True, True],
        [False, False, True],
    ]


def test_split_gives_components_and_keeps_the_background_whole():
    result = Segmentation.from_ids(id_map("21212 11111"), background=1).split()
    assert np.array_equal(result.ids, id_map("21314 11111"))
    assert result.background == 1
    everywhere = Segmentation.from_mask(np.ones((2, 3), bool)).split()
    assert everywhere.foreground.all(), "an object without any background around it is still no background"
    assert [s.id for s in everywhere.segments] == [2]
    corner = Segmentation.from_ids(id_map("12 21"), categories={1: 0, 2: 7}, scores={2: 0.5}, taxonomy=STREET).split()
    assert np.array_equal(corner.ids, id_map("12 21"))  # connected over corners
    assert [(s.category, s.score) for s in corner.segments] == [(0, None), (7, 0.5)]


@pytest.mark.parametrize("background", [1, None])
def test_save_and_load_change_nothing(tmp_path, background):
    ids = id_map("0122 0133")
    before = Segmentation.from_ids(
        ids, categories={2: 0, 3: 7}, scores={3: 0.25}, taxonomy=STREET, background=background
    )
    before = replace(
        before, provenance=Provenance("otsu", {"sigma": 1.5, "bands": None}, seconds=0.5, notes=("a", "b"))
    )
    before.save(tmp_path / "a.kontur")
    after = Segmentation.load(tmp_path / "a.kontur")
    assert np.array_equal(after.ids, before.ids)
    assert after.ids.dtype == np.int32
    assert (after.segments, after.taxonomy, after.provenance, after.background) == (
        before.segments,
        before.taxonomy,
        before.provenance,
        before.background,
    )
    assert after.to_dict() == before.to_dict()
    assert json.loads(json.dumps(before.to_dict()))["schema"] == 1


def test_files_that_are_no_saved_results(tmp_path):
    with pytest.raises(UnreadableFile, match="no such file"):
        Segmentation.load(tmp_path / "none.npz")
    for name, content in (("text", b"hello"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFile):
            Segmentation.load(tmp_path / name)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "another.npz", ids=np.zeros((2, 2)), meta=np.frombuffer(b"[1]", np.uint8))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("other.npz", "another.npz", "array.npy"):
        with pytest.raises(UnreadableFile, match=r"written by Segmentation\.save"):
            Segmentation.load(tmp_path / name)
    Segmentation.from_ids(id_map("12")).save(tmp_path / "good.npz")
    data = (tmp_path / "good.npz").read_bytes()
    for length in range(0, len(data), 50):
        (tmp_path / "cut.npz").write_bytes(data[:length])
        with pytest.raises(UnreadableFile):
            Segmentation.load(tmp_path / "cut.npz")


def test_it_is_an_array_and_a_picture():
    result = Segmentation.from_ids(id_map("0122"))
    assert np.asarray(result).tolist() == [[0, 1, 2, 2]]
    assert np.asarray(result, dtype=np.float32).dtype == np.float32
    assert result._repr_png_().startswith(b"\x89PNG")
    assert "1x4, 2 segments" in repr(result)


@pytest.mark.parametrize(
    "ids", [np.zeros((2, 2)), np.zeros((2, 2, 2), int), np.array([[-1]]), np.array([[2**31]]), np.zeros(3, int)]
)
def test_bad_ids(ids):
    with pytest.raises(KonturError):
        Segmentation.from_ids(ids)


@pytest.mark.parametrize("mask", [np.zeros((2, 2), int), np.zeros((2, 2, 2), bool)])
def test_bad_masks(mask):
    with pytest.raises(InputError, match="bool"):
        Segmentation.from_mask(mask)
