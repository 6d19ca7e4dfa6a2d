"""Merging: hand-made parts with one right answer, then properties."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.core.instances import Instances
from kontur.core.merging import label_by_majority, label_by_probability, panoptic
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy

SKY, GRASS, COW, DOG = 7, 3, 20, 5  # ids far from their places
TAXONOMY = Taxonomy(
    (
        Category(SKY, "sky", (0, 0, 255)),
        Category(GRASS, "grass", (0, 255, 0)),
        Category(COW, "cow", (90, 60, 30), thing=True),
        Category(DOG, "dog", (200, 60, 30), thing=True),
    )
)


def digits(text: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in text.split()])


def semantic(text: str) -> Segmentation:
    """s sky, g grass, c cow, d dog, . nothing."""
    table = {"s": SKY, "g": GRASS, "c": COW, "d": DOG, ".": 255}
    return Segmentation.from_categories(np.array([[table[c] for c in row] for row in text.split()]), TAXONOMY)


def instances(shape, *rows) -> Instances:
    """rows: (drawing of 0 and 1, category, score)."""
    masks = [digits(text) == 1 for text, _, _ in rows]
    return Instances.from_masks(
        masks, shape=shape, categories=[c for _, c, _ in rows], scores=[s for _, _, s in rows], taxonomy=TAXONOMY
    )


def test_things_over_stuff_by_hand():
    """Two cows share two pixels, which the better one gets; the worst cow is 2/3 covered and goes; sky is too small."""
    labels = semantic("sgggg ggccc ggccc")
    found = instances(
        (3, 5),
        ("00000 01110 01110", COW, 0.7),
        ("00000 00011 00011", DOG, 0.9),
        ("00000 11100 00000", COW, 0.6),  # 2 of its 3 pixels lie under the first
        ("11111 00000 00000", COW, 0.4),  # under the score
    )
    result = panoptic(labels, found, stuff_area=2)
    assert (result.ids == digits("03333 32211 32211")).all()
    assert {s.id: (s.category, s.score) for s in result.segments} == {
        1: (DOG, 0.9),
        2: (COW, 0.7),
        3: (GRASS, None),
    }


def test_the_semantic_parts_things_are_void_without_an_instance():
    result = panoptic(semantic("ggdd"), instances((1, 4)), stuff_area=0)
    assert result.ids.tolist() == [[1, 1, 0, 0]]


def test_exactly_half_covered_stays_and_exactly_the_area_stays():
    found = instances((1, 6), ("110000", COW, 0.9), ("011000", COW, 0.8), ("001110", DOG, 0.5))
    result = panoptic(semantic("gggggg"), found, stuff_area=1)
    assert result.ids.tolist() == [[1, 1, 2, 3, 3, 4]]


def test_equal_scores_the_first_is_on_top_and_no_score_is_certain():
    found = instances((1, 3), ("110", COW, 0.8), ("011", COW, 0.8), ("001", DOG, None))
    result = panoptic(semantic("ggg"), found, stuff_area=0, overlap=0.5)
    assert result.ids.tolist() == [[2, 2, 1]]  # the dog first, then a cow; the other cow has nothing left
    assert [s.score for s in result.segments] == [None, 0.8]


def test_no_objects_borders_one_pixel_and_empty_masks():
    nothing = panoptic(semantic("gg gg"), instances((2, 2)), stuff_area=4)
    assert (nothing.ids == 1).all()
    assert (panoptic(semantic("gg gg"), instances((2, 2)), stuff_area=5).ids == 0).all()
    corner = panoptic(semantic("gg gg"), instances((2, 2), ("00 01", DOG, 1.0), ("00 00", COW, 1.0)), stuff_area=0)
    assert corner.ids.tolist() == [[2, 2], [2, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_slow_one_that_paints_masks(seed):
    rng = np.random.default_rng(seed)
    shape = (23, 31)
    masks = [np.zeros(shape, bool) for _ in range(12)]
    for mask in masks:
        y, x, h, w = rng.integers(0, 20), rng.integers(0, 28), *rng.integers(1, 12, 2)
        mask[y : y + h, x : x + w] = rng.random((min(h, 23 - y), min(w, 31 - x))) < 0.8
    scores = rng.random(12).round(1).tolist()
    labels = Segmentation.from_categories(rng.choice([SKY, GRASS, COW, 255], shape), TAXONOMY)
    found = Instances.from_masks(masks, shape=shape, categories=[COW] * 12, scores=scores)
    result = panoptic(labels, found, score=0.3, overlap=0.4, stuff_area=100)

    ids, count = np.zeros(shape, int), 0
    for n in sorted(range(12), key=lambda n: -scores[n]):
        covered = masks[n] & (ids > 0)
        if scores[n] < 0.3 or not masks[n].any() or covered.sum() / masks[n].sum() > 0.4 or (covered == masks[n]).all():
            continue
        count += 1
        ids[masks[n] & ~covered] = count
    for category in (SKY, GRASS):
        free = (labels.category_map() == category) & (ids == 0)
        if free.sum() >= 100:
            count += 1
            ids[free] = count
    assert (result.ids == ids).all()


def test_what_does_not_fit_is_named():
    labels = semantic("gg")
    with pytest.raises(InputError, match=r"sizes differ: semantic \(1, 2\) and instances \(2, 2\)"):
        panoptic(labels, instances((2, 2)))
    with pytest.raises(InputError, match="instances: expected categories of the taxonomy, got 99"):
        panoptic(labels, instances((1, 2), ("11", 99, 0.9)))
    with pytest.raises(InputError, match="instances: expected categories of the taxonomy, got None"):
        panoptic(labels, Instances.from_masks([np.ones((1, 2), bool)], shape=(1, 2)))
    with pytest.raises(InputError, match=f"instance 0: expected a thing, got the stuff category {GRASS}"):
        panoptic(labels, instances((1, 2), ("11", GRASS, 0.9)))
    with pytest.raises(InputError, match="got NaN"):
        panoptic(labels, instances((1, 2), ("11", COW, float("nan"))))
    with pytest.raises(InputError, match="tells things from stuff"):
        panoptic(Segmentation.from_labels(np.ones((1, 2), int)), instances((1, 2)))
    with pytest.raises(OptionError, match="option overlap"):
        panoptic(labels, instances((1, 2)), overlap=2)
    with pytest.raises(OptionError, match="option stuff_area"):
        panoptic(labels, instances((1, 2)), stuff_area=-1)


def test_majority_by_hand():
    """Region 1 has two sky against one grass; 2 is a tie, sky comes first; 4 has no category; region void keeps its own."""
    regions = Segmentation.from_ids(digits("11122 44000"))
    result = label_by_majority(regions, semantic("ssggs ..gcg"))
    assert result.category_map().tolist() == [[SKY, SKY, SKY, SKY, SKY], [255, 255, GRASS, COW, GRASS]]


def test_instances_as_regions_leave_the_rest_alone():
    found = instances((1, 4), ("0110", COW, 0.9))
    assert label_by_majority(found, semantic("sggs")).category_map().tolist() == [[SKY, GRASS, GRASS, SKY]]


def test_mean_probability_by_hand():
    """Majority says sky (2 of 3 pixels), the mean probability says grass: 0.6 + 0.6 + 0 against 0.4 + 0.4 + 1."""
    sky = np.array([[0.6, 0.6, 0.0, 0.9]])
    probabilities = np.stack([sky, 1 - sky, 0 * sky, 0 * sky])
    regions = Segmentation.from_ids(np.array([[8, 8, 8, 0]]))
    assert label_by_probability(regions, probabilities, TAXONOMY).category_map().tolist() == [[GRASS] * 3 + [SKY]]
    hard = (probabilities == probabilities.max(axis=0)).astype(float)
    assert label_by_probability(regions, hard, TAXONOMY).category_map().tolist() == [[SKY] * 4]


def test_labels_that_do_not_fit_are_named():
    regions = Segmentation.from_ids(np.ones((2, 2), int))
    with pytest.raises(InputError, match="sizes differ"):
        label_by_majority(regions, semantic("sg"))
    with pytest.raises(InputError, match=r"expected \(4, H, W\)"):
        label_by_probability(regions, np.zeros((3, 2, 2)), TAXONOMY)
    with pytest.raises(InputError, match="NaN"):
        label_by_probability(regions, np.full((4, 2, 2), np.nan), TAXONOMY)
    with pytest.raises(InputError, match="with a taxonomy"):
        label_by_majority(regions, regions)


def test_stuff_that_things_cover_takes_no_number():
    taxonomy = Taxonomy(
        (Category(1, "sky", (0, 0, 9)), Category(2, "road", (0, 9, 0)), Category(3, "car", (9, 0, 0), True))
    )
    labels = np.array([[1, 1], [2, 2]])
    semantic = Segmentation.from_categories(labels, taxonomy)
    car = Instances.from_masks([labels == 1], shape=(2, 2), categories=[3], scores=[0.9], taxonomy=taxonomy)
    merged = panoptic(semantic, car, stuff_area=0)
    assert [(s.id, s.category) for s in merged.segments] == [(1, 3), (2, 2)]
