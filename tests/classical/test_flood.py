"""Tint fill by hand."""

from __future__ import annotations

import numpy as np

from kontur.classical.flood import flood
from kontur.core.prompts import Prompts

ROOM = np.array(
    [
        [9, 9, 9, 9, 9, 9],
        [9, 1, 1, 9, 1, 9],
        [9, 1, 9, 9, 1, 9],
        [9, 9, 1, 9, 9, 9],
    ],
    np.uint8,
) * np.uint8(25)


def test_an_object_is_what_its_seed_reaches():
    ids = flood(ROOM, Prompts.of(point=(1, 1, 2))).ids
    assert np.argwhere(ids == 2).tolist() == [[1, 1], [1, 2], [2, 1]]  # not the diagonal pixel, not the other room
    assert set(np.unique(ids)) == {1, 2}


def test_marks_of_the_background_alone_leave_the_rest_as_the_object():
    result = flood(ROOM, Prompts.of(point=(0, 0, 1)))
    assert np.array_equal(result.foreground, ROOM < 100)


def test_without_prompts_the_corners_are_background():
    assert np.array_equal(flood(ROOM).foreground, ROOM < 100)


def test_two_seeds_take_what_is_nearer_in_colour():
    ramp = np.arange(0, 11, dtype=np.float32)[None] / 10
    ids = flood(ramp, Prompts.of(point=[(0, 0, 2), (10, 0, 3)]), tolerance=0.8).ids
    assert ids.tolist() == [[2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]]  # 0.5 is as near to both: the lower label


def test_the_tolerance_is_inclusive_and_per_band():
    image = np.zeros((1, 3, 3), np.uint8)
    image[0, 1] = (0, 51, 0)
    image[0, 2] = (0, 0, 77)
    point = Prompts.of(point=(0, 0, 2))
    assert flood(image, point, tolerance=0.2).ids.tolist() == [[2, 2, 1]]
    assert flood(image, point, tolerance=0.31).ids.tolist() == [[2, 2, 2]]


def test_marks_keep_their_label():
    scribbles = np.zeros(ROOM.shape, np.int32)
    scribbles[1, 0:3] = 2  # over wall and room
    scribbles[3, 0] = 1
    ids = flood(ROOM, Prompts.of(scribbles=scribbles), tolerance=0.05).ids
    assert (ids[scribbles > 0] == scribbles[scribbles > 0]).all()
