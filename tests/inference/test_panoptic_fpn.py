"""Panoptic FPN's merging on hand-made heads with one right answer."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError
from kontur.core.taxonomy import Category, Taxonomy
from kontur.inference.mask_rcnn import mask_rcnn
from kontur.inference.panoptic_fpn import panoptic_fpn

TAXONOMY = Taxonomy(
    (
        Category(1, "person", (1, 1, 1), thing=True),
        Category(184, "tree", (2, 2, 2)),
        Category(44, "bottle", (3, 3, 3), thing=True),
        Category(187, "sky", (4, 4, 4)),
    )
)
THINGS = Taxonomy(tuple(c for c in TAXONOMY if c.thing))


def stuff(text: str) -> np.ndarray:
    """o other, t tree, s sky a pixel."""
    labels = np.array([["ots".index(c) for c in row] for row in text.split()])
    return (labels[None] == np.arange(3)[:, None, None]).astype(np.float32)


def test_by_hand():
    """Two square things of 4x4 overlap in 1 column: the better one has it. "other" beside them is void; the tree is too small."""
    logits = stuff("sssssssss sssssssss ooooooooo ooooooooo ooooooooo oooooooot")
    boxes = np.array([[1.0, 2, 5, 6], [4.0, 2, 8, 6], [0.0, 0, 4, 4]])
    found = mask_rcnn(
        boxes, np.array([1, 2, 1]), np.array([0.8, 0.9, 0.49]), np.ones((3, 28, 28)), (6, 9), THINGS, score=0.05
    )
    result = panoptic_fpn(found, logits, TAXONOMY, stuff_area=2)
    assert ["".join(map(str, row)) for row in result.ids] == ["333333333"] * 2 + ["022211110"] * 4
    assert [(s.id, s.category, s.score) for s in result.segments] == [
        (1, 44, pytest.approx(0.9)),
        (2, 1, pytest.approx(0.8)),
        (3, 187, None),
    ]


def test_planes_that_do_not_fit_are_named():
    none = mask_rcnn(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), np.zeros((0, 2, 2)), (1, 3), THINGS)
    with pytest.raises(InputError, match=r'expected \(3, H, W\), "other" and the 2 stuff categories'):
        panoptic_fpn(none, np.zeros((4, 1, 3)), TAXONOMY)
    with pytest.raises(InputError, match="NaN"):
        panoptic_fpn(none, np.full((3, 1, 3), np.nan), TAXONOMY)
    assert panoptic_fpn(none, stuff("tos"), TAXONOMY, stuff_area=0).ids.tolist() == [[1, 0, 2]]
