"""Overlay, mean colours and palette: neighbours differ, borders are seen, numbers in the legend are the areas."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest

from kontur.core.errors import InputError
from kontur.core.instances import Instances
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.draw import contact_sheet, mean_colour, overlay, photo
from kontur.draw.overlay import _legend_rows
from kontur.draw.palette import colour_numbers, distinct_colours, neighbours, oklab, segment_colours


def id_map(text: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in text.split()])


def test_blend_by_hand():
    image = np.full((1, 2, 3), 100, np.uint8)
    taxonomy = Taxonomy((Category(0, "a", (200, 0, 100)), Category(1, "b", (0, 40, 100))))
    result = Segmentation.from_categories(np.array([[0, 1]]), taxonomy)
    drawn = overlay(image, result, opacity=0.5, boundaries=False, legend=False)
    assert drawn.tolist() == [[[150, 50, 100], [50, 70, 100]]]


def test_opacity_0_is_the_photo_and_1_the_colours():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    result = Segmentation.from_labels(np.arange(600).reshape(20, 30) // 100)
    assert (overlay(image, result, opacity=0, boundaries=False) == image).all()
    filled = overlay(image, result, opacity=1, boundaries=False)
    assert (filled == segment_colours(result)[result.ids - 1]).all()


def test_neighbours_by_hand():
    ids = id_map("1122 1332 1032")
    # 3 touches 1 and 2; 1 and 2 touch at the top; the void touches nobody, and 1 reaches 3 across it.
    assert neighbours(ids.astype(np.int32)).tolist() == [[1, 2], [1, 3], [2, 3]]
    line = id_map("101 202 333")
    assert neighbours(line.astype(np.int32)).tolist() == [[1, 2], [1, 3], [2, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_never_share_a_colour(seed):
    rng = np.random.default_rng(seed)
    ids = np.kron(rng.integers(1, 60, (12, 12)), np.ones((4, 4), int))
    result = Segmentation.from_labels(ids)
    pairs = neighbours(result.ids)
    colours = segment_colours(result).astype(int)
    assert (colours[pairs[:, 0] - 1] != colours[pairs[:, 1] - 1]).any(axis=1).all()
    far = np.linalg.norm(oklab(colours[pairs[:, 0] - 1]) - oklab(colours[pairs[:, 1] - 1]), axis=1)
    assert far.min() > 0.04  # twice the difference that is just noticed


def test_sixty_mutual_neighbours_get_sixty_colours():
    pairs = np.array([(a, b) for a in range(1, 61) for b in range(a + 1, 61)])
    assert len(set(colour_numbers(60, pairs))) == 60
    assert (colour_numbers(100, np.empty((0, 2), np.int64)) >= 0).all()


def test_more_mutual_neighbours_than_colours_still_get_some():
    pairs = np.array([(a, b) for a in range(1, 101) for b in range(a + 1, 101)])
    assert set(colour_numbers(100, pairs)) == set(range(64))


def test_palette_colours_are_far_apart():
    lab = oklab(distinct_colours(12))
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(12, 1)]
    assert gaps.min() > 0.09
    assert oklab(np.array([255, 255, 255])) == pytest.approx([1, 0, 0], abs=1e-4)
    assert oklab(np.array([255, 0, 0])) == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)  # Ottosson's table


@pytest.mark.parametrize("ground", [0, 60, 128, 200, 255])
def test_borders_are_seen_on_dark_and_light(ground):
    image = np.full((60, 60, 3), ground, np.uint8)
    for ids in (np.arange(3600).reshape(60, 60) // 1800, np.kron(np.arange(144).reshape(12, 12), np.ones((5, 5), int))):
        result = Segmentation.from_labels(ids)
        plain = overlay(image, result, boundaries=False).astype(int).mean(axis=2)
        lined = overlay(image, result).astype(int).mean(axis=2)
        border = result.boundaries()
        changed = np.abs(plain - lined) > 40
        assert changed[border].mean() > 0.45  # a line at least one pixel wide along every border
        assert np.abs(lined - plain)[changed].mean() > 60


def test_background_is_dimmed_and_object_keeps_its_light():
    image = np.full((40, 40, 3), 200, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    drawn = overlay(image, Segmentation.from_mask(mask), boundaries=False).astype(int)
    assert (drawn[0, 0] == 200 * 105 // 256).all()
    assert drawn[20, 20].mean() > 130


def test_legend_shares_are_the_areas():
    taxonomy = Taxonomy(
        (Category(0, "sky", (10, 20, 30)), Category(1, "road", (200, 0, 0)), Category(2, "car", (0, 0, 9)))
    )
    result = Segmentation.from_categories(id_map("0011 0011 1111 1112"), taxonomy)
    rows = _legend_rows(result, segment_colours(result))
    assert [(n, s, tuple(c)) for n, s, c in rows] == [
        ("road", 11 / 16, (200, 0, 0)),
        ("sky", 4 / 16, (10, 20, 30)),
        ("car", 1 / 16, (0, 0, 9)),
    ]
    image = np.zeros((4, 4, 3), np.uint8)
    assert overlay(image, result).shape[1] > 4
    assert overlay(image, result, legend=False).shape == (4, 4, 3)


def test_segments_of_one_category_differ_where_they_touch():
    taxonomy = Taxonomy((Category(7, "car", (120, 60, 200), True),))
    result = Segmentation.from_ids(id_map("11223344"), categories=dict.fromkeys((1, 2, 3, 4), 7), taxonomy=taxonomy)
    colours = segment_colours(result).tolist()
    assert all(a != b for a, b in itertools.pairwise(colours))
    assert len(_legend_rows(result, segment_colours(result))) == 1


def test_mean_colour_by_hand():
    image = np.array([[[0, 0, 0], [10, 20, 30], [7, 7, 7], [9, 9, 9]]], np.uint8)
    result = Segmentation.from_ids(id_map("5509"))
    assert mean_colour(image, result).tolist() == [[[5, 10, 15], [5, 10, 15], [0, 0, 0], [9, 9, 9]]]


def test_far_apart_ids_and_void():
    ids = np.array([[0, 2_000_000_000], [3, 3]])
    drawn = overlay(np.zeros((2, 2), np.uint8), Segmentation.from_ids(ids), boundaries=False, opacity=1)
    assert (drawn[0, 0] == 0).all()
    assert (drawn[0, 1] != drawn[1, 1]).any()
    assert (drawn[1, 0] == drawn[1, 1]).all()


def test_sixteen_bits_with_a_hot_pixel_is_not_black():
    image = np.random.default_rng(0).integers(400, 600, (200, 200)).astype(np.uint16)
    image[0, 0] = 65535
    assert 100 < photo(image).mean() < 160
    assert (photo(np.array([[0.0, 0.5, 1.0]])) == np.array([0, 128, 255])[None, :, None]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [1, 2, 3, 5])
def test_any_image(shape, dtype, bands):
    image = (np.random.default_rng(0).random((*shape, bands)) * 255).astype(dtype)
    result = Segmentation.from_labels(np.arange(shape[0] * shape[1]).reshape(shape) // 2)
    for labels in (False, True):
        assert overlay(image, result, labels=labels).shape == (*shape, 3)
    assert overlay(image, result, legend=True).dtype == np.uint8
    assert overlay(image, Segmentation.from_ids(np.zeros(shape, int))).shape == (*shape, 3)
    assert contact_sheet(image, {"a": result}, width=200).shape[1] == 200


def test_more_than_65535_segments():
    ids = np.arange(300 * 300).reshape(300, 300) + 1
    result = Segmentation.from_ids(ids)
    colours = segment_colours(result).astype(int)[result.ids - 1]
    assert (colours[:, 1:] != colours[:, :-1]).any(axis=2).all()
    assert overlay(np.zeros((300, 300), np.uint8), result).shape == (300, 300, 3)


def test_a_label_stands_inside_its_crescent():
    ids = np.ones((60, 60), int)
    ids[5:55, 5:55] = 2
    ids[15:45, 15:60] = 1  # 2 is a C, whose centre lies in 1
    result = Segmentation.from_ids(ids)
    image = np.full((60, 60), 100, np.uint8)
    changed = (overlay(image, result, labels=True) != overlay(image, result)).any(axis=2)
    y, x = np.nonzero(changed)
    assert {1, 2} == set(ids[y, x])


def test_wrong_size_is_refused():
    result = Segmentation.from_labels(np.zeros((3, 4), int))
    with pytest.raises(InputError, match=r"expected a result of the image's size \(5, 4\)"):
        overlay(np.zeros((5, 4)), result)
    with pytest.raises(InputError, match="size"):
        mean_colour(np.zeros((5, 4)), result)
    with pytest.raises(InputError, match="'x'"):
        contact_sheet(np.zeros((5, 4)), {"x": result})


def test_contact_sheet_shows_every_result():
    image = np.full((30, 40, 3), 90, np.uint8)
    one = Segmentation.from_labels(np.arange(1200).reshape(30, 40) // 600)
    two = Segmentation.from_labels(np.arange(1200).reshape(30, 40) // 300)
    sheet = contact_sheet(image, {"one": one, "two": two}, columns=3, width=600)
    assert sheet.shape[1] == 600
    cells = [sheet[5:100, 10 + i * 200 : 180 + i * 200] for i in range(3)]
    assert (cells[0] == 90).mean() > 0.9
    assert len(np.unique(cells[1].reshape(-1, 3), axis=0)) < len(np.unique(cells[2].reshape(-1, 3), axis=0))


def test_light_imports():
    code = (
        "import sys, kontur.draw\n"
        "heavy = {'numba', 'scipy', 'skimage', 'sklearn', 'torch', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_instances_are_drawn_like_their_flattened_map():
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 3:12, 3:12], masks[1, 8:17, 8:25] = True, True
    taxonomy = Taxonomy.from_names(["cell", "nucleus"])
    found = Instances.from_masks(masks, shape=(20, 30), categories=[0, 1], scores=[0.3, 0.9], taxonomy=taxonomy)
    image = np.full((20, 30, 3), 180, np.uint8)
    drawn = overlay(image, found, boundaries=False, legend=False)
    assert (drawn == overlay(image, found.flatten(), boundaries=False, legend=False)).all()
    assert (drawn[10, 10] == drawn[15, 20]).all()  # where they overlap, the surer one
    assert (drawn[10, 10] != drawn[5, 5]).any()
    names = [row[0] for row in _legend_rows(found.flatten(), segment_colours(found.flatten()))]
    assert names == ["background", "nucleus", "cell"]
