"""Refinements on maps drawn by hand, one right answer each."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.core import refine
from kontur.core.errors import OptionError
from kontur.core.segmentation import Provenance, Segmentation
from kontur.core.taxonomy import Category, Taxonomy


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def foreground(text: str) -> Segmentation:
    return Segmentation.from_ids(id_map(text), background=1)


def regions(text: str) -> Segmentation:
    return Segmentation.from_ids(id_map(text))


def same(result: Segmentation, text: str) -> bool:
    return np.array_equal(result.ids, id_map(text))


# --- small parts --------------------------------------------------------------------------------------------------------


def test_small_parts_of_objects_become_background():
    result = refine.remove_small(foreground("22111 22121 11111 13331"), 3)
    assert same(result, "22111 22111 11111 13331")
    assert [s.area for s in result.segments] == [13, 4, 3]


def test_parts_that_touch_at_a_corner_are_one_part():
    assert same(refine.remove_small(foreground("2111 1211 1121"), 3), "2111 1211 1121")
    assert same(refine.remove_small(foreground("2111 1211 1121"), 4), "1111 1111 1111")


def test_small_background_inside_an_object_is_not_removed():
    assert same(refine.remove_small(foreground("222 212 222"), 5), "222 212 222")


def test_small_regions_go_to_the_neighbour_with_the_longest_border():
    # 3 shares 3 edges with 1, two with 2.
    assert same(refine.remove_small(regions("1111 1332 1222"), 3), "1111 1112 1222")


def test_of_small_regions_the_smallest_goes_first_and_the_grown_one_may_stay():
    # 4 (one pixel) shares three edges with 3 (five pixels), which then has six.
    assert same(refine.remove_small(regions("1111 1331 1431 1331 1111"), 6), "1111 1331 1331 1331 1111")


def test_small_void_stays_and_regions_in_void_stay():
    assert same(refine.remove_small(regions("1110 1110 0002"), 3), "1110 1110 0002")


def test_one_region_smaller_than_asked_for_stays():
    assert same(refine.remove_small(regions("11 11"), 100), "11 11")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("least", [2, 10, 60])
def test_no_small_region_is_left_and_large_ones_never_shrink(seed, least):
    rng = np.random.default_rng(seed)
    before = Segmentation.from_labels((ndimage.gaussian_filter(rng.random((30, 40)), 1) * 40).astype(int))
    after = refine.remove_small(before, least)
    parts = after.split()
    assert min(s.area for s in parts.segments) >= least
    assert sum(s.area for s in after.segments) == 30 * 40
    for segment in before.split().segments:
        if segment.area >= least:
            where = before.split().mask(segment.id)
            assert (after.ids[where] == before.ids[where]).all()


# --- the largest ----------------------------------------------------------------------------------------------------------


def test_of_each_object_the_largest_part_is_kept():
    assert same(refine.keep_largest(foreground("22112 22111 33113")), "22111 22111 33111")


def test_of_each_category_the_largest_part_the_rest_goes_to_neighbours():
    taxonomy = Taxonomy((Category(0, "road", (0, 0, 0)), Category(1, "car", (9, 9, 9))))
    result = refine.keep_largest(Segmentation.from_categories(id_map("00011 00011 10000"), taxonomy))
    assert np.array_equal(result.category_map(), id_map("00011 00011 00000"))
    assert result.taxonomy is taxonomy


def test_of_equal_parts_the_first_is_kept():
    assert same(refine.keep_largest(foreground("21211 21211")), "21111 21111")


def test_chains_of_unwanted_parts_reach_a_wanted_one():
    # The ring of 3 is larger than the block of 3, which shares three edges with 2 and two with 4; the 2 in the ring is
    # smaller than the block of 2.
    result = refine.keep_largest(regions("22244444 22243334 22243234 33343334 33344444"))
    assert same(result, "22244444 22243334 22243334 22243334 22244444")
    # The small 1 (one pixel) joins the small 2 (three pixels) around it, and with it the large 3.
    chain = refine.keep_largest(regions("222223333 222223223 222223213 111113333 111113333"))
    assert same(chain, "222223333 222223333 222223333 111113333 111113333")


# --- holes ------------------------------------------------------------------------------------------------------------


def test_holes_of_objects_are_filled_but_not_bays():
    assert same(refine.fill_holes(foreground("2222 2112 2222 2112")), "2222 2222 2222 2112")


def test_an_object_inside_a_hole_stays():
    before = foreground("2222222 2111112 2133312 2131312 2133312 2111112 2222222")
    assert same(refine.fill_holes(before), "2222222 2222222 2233322 2233322 2233322 2222222 2222222")


def test_a_gap_at_a_corner_closes_a_hole():
    """Objects are connected over corners, so what they enclose is closed there."""
    assert same(refine.fill_holes(foreground("121 212 121")), "121 222 121")


def test_in_a_partition_only_void_is_a_hole():
    assert same(refine.fill_holes(regions("1111 1021 1111")), "1111 1121 1111")


def test_nothing_to_fill():
    result = refine.fill_holes(regions("11 22"))
    assert same(result, "11 22")


# --- smoothing ------------------------------------------------------------------------------------------------------------


def test_a_single_pixel_and_a_spike_go():
    assert same(refine.smooth(regions("11111 11211 11111 11111 22222 22222"), 1), "11111 11111 11111 11111 22222 22222")


def test_a_straight_border_stays_at_any_radius():
    ids = np.repeat([[1, 2]], 30, axis=0).repeat(20, axis=1)
    for radius in (1, 2, 5, 40):
        assert np.array_equal(refine.smooth(Segmentation.from_ids(ids), radius).ids, ids)


def test_void_has_no_vote_and_stays():
    assert same(refine.smooth(regions("000 010 000"), 1), "000 010 000")


@pytest.mark.parametrize("radius", [1, 3, 7])
def test_votes_are_those_of_a_disc(radius):
    """Against counting with an explicit disc, one label at a time."""
    rng = np.random.default_rng(radius)
    ids = rng.integers(1, 5, (23, 31))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (x * x + y * y <= radius * radius).astype(int)
    votes = np.stack(
        [2 * ndimage.convolve((ids == n).astype(int), disc, mode="constant") + (ids == n) for n in range(1, 5)]
    )
    assert np.array_equal(refine.smooth(Segmentation.from_ids(ids), radius).ids, votes.argmax(axis=0) + 1)


# --- all of them ------------------------------------------------------------------------------------------------------------


STEPS = {
    "remove_small": lambda s: refine.remove_small(s, 9),
    "keep_largest": refine.keep_largest,
    "fill_holes": refine.fill_holes,
    "smooth": lambda s: refine.smooth(s, 2),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_what_a_result_knows_stays_with_it(step):
    from dataclasses import replace

    taxonomy = Taxonomy((Category(4, "cell", (1, 2, 3)),))
    rng = np.random.default_rng(0)
    ids = np.where(ndimage.gaussian_filter(rng.random((30, 30)), 2) > 0.5, 5, 1)
    before = Segmentation.from_ids(ids, categories={5: 4}, scores={5: 0.5}, taxonomy=taxonomy, background=1)
    before = replace(before, provenance=Provenance("otsu"))
    kept = before.ids.copy()
    after = step(before)
    assert (after.background, after.taxonomy, after.provenance) == (1, taxonomy, before.provenance)
    assert (after.segment(5).category, after.segment(5).score) == (4, 0.5)
    assert [s.area for s in after.segments] == [np.count_nonzero(after.ids == s.id) for s in after.segments]
    assert np.array_equal(before.ids, kept)  # the input is not touched
    assert np.array_equal(step(after).ids, step(step(after)).ids) or step is STEPS["smooth"]


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("ids", [[[1]], [[0]], [[2]], [[1, 2, 1, 2]], [[0, 0], [0, 0]]])
@pytest.mark.parametrize("background", [1, None])
def test_tiny_maps(step, ids, background):
    result = step(Segmentation.from_ids(np.array(ids), background=background))
    assert result.shape == np.array(ids).shape
    assert (result.ids[np.array(ids) == 0] == 0).all()


def test_nonsense_options():
    with pytest.raises(OptionError, match="0 or more"):
        refine.remove_small(regions("12"), -1)
    with pytest.raises(OptionError, match="0 to 200"):
        refine.smooth(regions("12"), 201)
    assert same(refine.smooth(regions("12"), 0), "12")
