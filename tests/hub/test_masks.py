"""Queries drawn by hand, each case with one right answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra hf (torch) is not installed")

from kontur.hub.masks import Queries, highest, instances, panoptic, semantic  # noqa: E402

SKY, CAR, NOTHING = 0, 1, 2
SURE = 20.0
"""A logit of a probability of 1, to 8 digits."""


def drawn(*rows):
    """Queries of (category, picture): one word a row of pixels, "#" inside the mask; each as sure as can be."""
    classes = torch.full((len(rows), 3), -SURE)
    masks = []
    for query, (category, text) in enumerate(rows):
        classes[query, category] = SURE
        masks.append([[SURE if c == "#" else -SURE for c in word] for word in text.split()])
    masks = torch.tensor(masks)
    return Queries(classes, masks, tuple(masks.shape[-2:]))


def test_queries_of_one_stuff_category_become_one_segment_and_no_id_is_used_twice():
    """transformers counts on from the id of the stuff it came back to, so both cars would get id 2."""
    queries = drawn((SKY, "#... #..."), (CAR, ".#.. .#.."), (SKY, "..#. ..#."), (CAR, "...# ...#"))
    result = panoptic(queries, 0.5, 0.5, 0.8, frozenset({SKY}))
    assert result.ids.tolist() == [[1, 2, 1, 3]] * 2
    assert result.categories == {1: SKY, 2: CAR, 3: CAR}
    apart = panoptic(queries, 0.5, 0.5, 0.8, frozenset())
    assert apart.ids.tolist() == [[1, 2, 3, 4]] * 2


def test_a_query_that_keeps_too_little_of_its_mask_is_dropped():
    """The sky wants six pixels and keeps the two that the surer car leaves: a third."""
    queries = drawn((SKY, "######"), (CAR, "####.."))
    queries.classes[SKY] = torch.tensor([1.0, -SURE, 0.0])  # 73 % sky
    assert panoptic(queries, 0.5, 0.5, 0.3, frozenset()).ids.tolist() == [[2, 2, 2, 2, 1, 1]]
    assert panoptic(queries, 0.5, 0.5, 0.4, frozenset()).ids.tolist() == [[1, 1, 1, 1, 0, 0]]
    # Of one query alone all pixels are, inside its mask or not: so it is in MaskFormer's code and in transformers.
    assert panoptic(queries, 0.8, 0.5, 0.3, frozenset()).ids.tolist() == [[1, 1, 1, 1, 1, 1]]


def test_nothing_found_is_void():
    queries = drawn((NOTHING, "##"), (NOTHING, "##"))
    result = panoptic(queries, 0.5, 0.5, 0.8, frozenset())
    assert result.ids.tolist() == [[0, 0]]
    assert result.categories == {}
    assert list(instances(queries, 0.5, None)) == []


def test_instances_overlap_and_the_score_is_class_times_mask():
    queries = drawn((CAR, "##.."), (CAR, ".###"))
    queries.classes[1] = torch.tensor([-SURE, 1.0, 0.0])
    queries.masks[1, 0, 3] = math.log(3)  # a probability of 3/4
    found = list(instances(queries, 0.2, None))
    assert [f.mask.astype(int).tolist() for f in found] == [[[1, 1, 0, 0]], [[0, 1, 1, 1]]]
    car = 1 / (1 + math.exp(-1))
    assert [f.score for f in found] == pytest.approx([1, car * (1 + 1 + 3 / 4) / 3], abs=1e-5)
    assert [f.category for f in instances(queries, 0.7, None)] == [CAR]
    assert list(instances(queries, 0.2, frozenset({SKY}))) == []


def test_semantic_is_the_sum_over_the_queries():
    """The left pixel: sky 0.5 + 0.5 from two unsure queries beats a car of 0.9."""
    queries = drawn((SKY, "#."), (SKY, "#."), (CAR, "##"))
    for query, share in ((0, 0.5), (1, 0.5), (2, 0.9)):
        category = CAR if query == 2 else SKY
        logits = torch.full((3,), -SURE)
        logits[category], logits[NOTHING] = math.log(share), math.log(1 - share)
        queries.classes[query] = logits
    assert semantic(queries).tolist() == [[SKY, CAR]]


def test_the_highest_of_many_categories_in_pieces():
    scores = torch.randn(37, 5, 6, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(highest(scores, lambda some: some), scores.argmax(0).numpy())
