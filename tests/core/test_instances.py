"""Overlapping masks: what wins when they are laid flat, and that nothing is lost as runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kontur.core import rle
from kontur.core.errors import InputError
from kontur.core.instances import Instance, Instances
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy

CELLS = Taxonomy((Category(4, "cell", (1, 2, 3), thing=True),))


def drawn(text: str) -> np.ndarray:
    """One character a pixel, one word a row; # is inside."""
    return np.array([[c == "#" for c in row] for row in text.split()])


A, B = drawn("##.. ##.."), drawn(".##. .##.")


@pytest.mark.parametrize(
    ("scores", "ids"),
    [
        ([0.9, 0.5], [[2, 2, 3, 1]] * 2),
        ([0.5, 0.9], [[2, 3, 3, 1]] * 2),
        ([0.5, 0.5], [[2, 2, 3, 1]] * 2),
        (None, [[2, 2, 3, 1]] * 2),
    ],
)
def test_where_masks_overlap_the_higher_score_wins_then_the_earlier(scores, ids):
    both = Instances.from_masks([A, B], shape=(2, 4), scores=scores, categories=[4, 4], taxonomy=CELLS)
    flat = both.flatten()
    assert flat.ids.tolist() == ids
    assert flat.background == 1
    assert [s.category for s in flat.segments] == [None, 4, 4]
    assert flat.taxonomy is CELLS


def test_areas_and_boxes():
    (first, second) = Instances.from_masks([A, B], shape=(2, 4)).instances
    assert (first.area, first.box) == (4, (0, 0, 2, 2))
    assert (second.area, second.box) == (4, (1, 0, 3, 2))
    assert (first.category, first.score) == (None, None)


def test_masks_are_read_one_at_a_time():
    alive = []

    def masks():
        for n in range(5):
            alive.append(n)
            mask = np.zeros((3, 5), bool)
            mask[:, n] = True
            yield mask

    instances = Instances.from_masks(masks(), shape=(3, 5))
    assert alive == list(range(5))
    assert [np.flatnonzero(instances.mask(n).any(axis=0)).tolist() for n in range(5)] == [[n] for n in range(5)]


@given(hnp.arrays(np.int32, (7, 9), elements=st.integers(0, 4)))
def test_from_a_segmentation_and_back(ids):
    segmentation = Segmentation.from_objects(ids)
    instances = Instances.from_segmentation(segmentation)
    assert len(instances) == len([s for s in segmentation.segments if s.id != 1])
    flat = instances.flatten()
    assert np.array_equal(flat.foreground, segmentation.foreground)
    # Ids may close gaps, the partition is the same.
    assert np.array_equal(Segmentation.from_labels(flat.ids).ids, Segmentation.from_labels(segmentation.ids).ids)


def test_categories_and_scores_come_along():
    segmentation = Segmentation.from_ids(
        np.array([[1, 2, 3]]), categories={2: 4, 3: 4}, scores={3: 0.5}, taxonomy=CELLS, background=1
    )
    found = Instances.from_segmentation(segmentation).instances
    assert [(i.category, i.score, i.box) for i in found] == [(4, None, (1, 0, 2, 1)), (4, 0.5, (2, 0, 3, 1))]


def test_no_instances():
    nothing = Instances((3, 4), ())
    assert len(nothing) == 0
    assert (nothing.flatten().ids == 1).all()


def test_masks_of_another_size_and_lists_of_other_lengths():
    with pytest.raises(InputError, match="instance 1"):
        Instances((2, 4), (Instance(rle.encode(A)), Instance(rle.encode(A[:, :3]))))
    with pytest.raises(InputError, match="as many"):
        Instances.from_masks([A, B], shape=(2, 4), scores=[0.5])


def test_numbers_of_a_flat_map_without_a_background():
    first, second = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    first[:2, :3], second[1:, 2:] = True, True
    found = Instances.from_masks([first, second], shape=(4, 6), scores=[0.9, 0.5], categories=[7, 8])
    flat = found.flatten(background=False)
    expected = np.where(first, 1, np.where(second, 2, 0))
    assert np.array_equal(flat.ids, expected)
    assert flat.background is None
    assert [(s.id, s.category, s.score) for s in flat.segments] == [(1, 7, 0.9), (2, 8, 0.5)]
    assert np.array_equal(found.flatten().ids, expected + 1)
