"""Panoptic-DeepLab's merging on hand-made heads with one right answer."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.core.taxonomy import Category, Taxonomy
from kontur.inference.panoptic_deeplab import find_centres, group, panoptic_deeplab

ROAD, SKY, CAR, BUS = 7, 23, 26, 28
TAXONOMY = Taxonomy(
    (
        Category(ROAD, "road", (1, 1, 1)),
        Category(SKY, "sky", (2, 2, 2)),
        Category(CAR, "car", (3, 3, 3), thing=True),
        Category(BUS, "bus", (4, 4, 4), thing=True),
    )
)


def heads(semantic: str, centres: dict[tuple[int, int], float], instances: str):
    """semantic: r s c b a pixel. centres: place -> height. instances: digit k points at the k-th centre from 1, 0 at nothing."""
    labels = np.array([["rscb".index(c) for c in row] for row in semantic.split()])
    logits = np.where(labels[None] == np.arange(4)[:, None, None], 8.0, 0.0).astype(np.float32)
    heatmap = np.zeros(labels.shape, np.float32)
    offsets = np.zeros((2, *labels.shape), np.float32)
    for place, height in centres.items():
        heatmap[place] = height
    for number, (y, x) in enumerate(centres, 1):
        owned = np.array([[int(c) == number for c in row] for row in instances.split()])
        rows, columns = np.nonzero(owned)
        offsets[0][owned], offsets[1][owned] = y - rows, x - columns
    return logits, heatmap, offsets


SEMANTIC = "sssssssss sccccbbbs rcccbcbbr rrrrrrrrr"  # one pixel of the first car is called bus, one of the bus car
INSTANCES = "000000000 011112220 011112220 000000000"


def test_two_things_on_two_stuffs_by_hand():
    logits, heatmap, offsets = heads(SEMANTIC, {(1, 2): 0.9, (2, 6): 0.5}, INSTANCES)
    result = panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, window=3, stuff_area=11)
    wanted = np.array([[int(c) for c in row] for row in ["444444444", "411112224", "311112223", "333333333"]])
    assert (result.ids == wanted).all()
    assert {s.id: s.category for s in result.segments} == {1: CAR, 2: BUS, 3: ROAD, 4: SKY}
    right = np.exp(8) / (np.exp(8) + 3)  # the softmax of the logit 8 beside three of 0
    wrong = 1 / (np.exp(8) + 3)
    scores = [s.score for s in result.segments]
    assert scores[:2] == pytest.approx([0.9 * (7 * right + wrong) / 8, 0.5 * (5 * right + wrong) / 6])
    assert scores[2:] == [None, None]


def test_small_stuff_is_void():
    logits, heatmap, offsets = heads(SEMANTIC, {(1, 2): 0.9, (2, 6): 0.5}, INSTANCES)
    result = panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, window=3, stuff_area=12)  # both have 11
    assert sorted(s.category for s in result.segments) == [CAR, BUS]
    assert (result.ids[0] == 0).all()


def test_without_a_centre_things_are_void():
    logits, heatmap, offsets = heads(SEMANTIC, {}, INSTANCES)
    result = panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, stuff_area=0)
    assert [s.category for s in result.segments] == [ROAD, SKY]
    assert (result.ids[1:3, 1:8] == 0).all()


def test_a_centre_that_no_pixel_points_at_is_no_object():
    logits, heatmap, offsets = heads("rrrrrr ccrrrr", {(1, 0): 0.9, (0, 5): 0.8}, "000000 110000")
    result = panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, window=3, stuff_area=0)
    assert [(s.id, s.category) for s in result.segments] == [(1, CAR), (2, ROAD)]


def test_centres_by_hand():
    heatmap = np.zeros((5, 9))
    heatmap[2, 1], heatmap[2, 3], heatmap[0, 8] = 0.5, 0.6, 0.2  # the first lies within the window of the second
    heatmap[4, 7:9] = 0.3  # a flat top is one centre
    heatmap[4, 0] = 0.1  # not above the threshold
    places, heights = find_centres(heatmap, window=5)
    assert places.tolist() == [[2, 3], [4, 7], [0, 8]]
    assert heights.tolist() == [0.6, 0.3, 0.2]
    assert find_centres(heatmap, window=3, max_objects=2)[0].tolist() == [[2, 3], [2, 1]]
    assert len(find_centres(np.zeros((4, 4)))[0]) == 0
    assert find_centres(np.ones((1, 1)))[0].tolist() == [[0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_grouping_agrees_with_all_distances(seed):
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 20, (15, 2))
    offsets = rng.normal(0, 4, (2, 20, 24)).astype(np.float32)
    foreground = rng.random((20, 24)) < 0.7
    rows, columns = np.mgrid[:20, :24].astype(np.float32)
    y, x = rows + offsets[0], columns + offsets[1]
    squares = (y[..., None] - centres[:, 0]) ** 2 + (x[..., None] - centres[:, 1]) ** 2
    wanted = np.where(foreground, squares.astype(np.float32).argmin(axis=-1) + 1, 0)
    assert (group(centres, offsets, foreground) == wanted).all()


def test_what_does_not_fit_is_named():
    logits, heatmap, offsets = heads("rc rc", {(0, 1): 0.9}, "01 01")
    with pytest.raises(InputError, match=r"logits: expected \(4, H, W\)"):
        panoptic_deeplab(logits[:3], heatmap, offsets, TAXONOMY)
    with pytest.raises(InputError, match="expected a heatmap"):
        panoptic_deeplab(logits, heatmap, offsets[:1], TAXONOMY)
    with pytest.raises(InputError, match="NaN"):
        panoptic_deeplab(logits, heatmap * np.nan, offsets, TAXONOMY)
    with pytest.raises(OptionError, match="option window"):
        panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, window=4)
    with pytest.raises(OptionError, match="option max_objects"):
        panoptic_deeplab(logits, heatmap, offsets, TAXONOMY, max_objects=0)
