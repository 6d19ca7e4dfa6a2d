"""Prompts: labels in one convention, whatever people have at hand."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts


def test_labels_become_background_1_and_objects_2_3_in_rising_order():
    prompts = Prompts.of(scribbles=np.array([[0, 1, 2, 5]]))
    assert prompts.scribbles.tolist() == [[0, 1, 2, 3]]
    assert prompts.objects == 2
    # The GrabCut scribbles: 1 object, 2 background.
    assert Prompts.of(scribbles=np.array([[0, 1, 2]]), background_label=2).scribbles.tolist() == [[0, 2, 1]]
    assert Prompts.of(scribbles=np.array([[0, 9, 4]]), background_label=9).scribbles.tolist() == [[0, 1, 2]]


def test_points_and_scribbles_share_their_labels():
    prompts = Prompts.of(point=[(0, 0, 7), (1, 0, 1)], scribbles=np.array([[0, 0, 5]]))
    assert prompts.points == ((0, 0, 3), (1, 0, 1))
    assert prompts.scribbles.tolist() == [[0, 0, 2]]
    assert prompts.seeds((1, 3)).tolist() == [[3, 1, 2]]


def test_one_or_many():
    assert Prompts.of(box=(1, 2, 3, 4)).boxes == ((1, 2, 3, 4),)
    assert Prompts.of(box=[(1, 2, 3, 4), [5, 6, 7, 8]]).boxes == ((1, 2, 3, 4), (5, 6, 7, 8))
    assert Prompts.of(point=(3, 4, 2)).points == ((3, 4, 2),)
    assert Prompts.of(box=np.array([1.0, 2.0, 3.0, 4.0])).boxes == ((1, 2, 3, 4),)
    assert Prompts.of().empty
    assert Prompts.of(scribbles=np.zeros((2, 2), int)).empty


def test_points_as_squares_stay_inside():
    seeds = Prompts.of(point=[(0, 0, 1), (4, 2, 2)]).seeds((3, 5), radius=1)
    assert seeds.tolist() == [[1, 1, 0, 0, 0], [1, 1, 0, 2, 2], [0, 0, 0, 2, 2]]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"box": (1, 2, 3)}, "x0,y0,x1,y1"),
        ({"box": (1, 2, 3.5, 4)}, "whole"),
        ({"box": ("a", 2, 3, 4)}, "whole"),
        ({"box": (1, 2, float("nan"), 4)}, "whole"),
        ({"box": (1, 2, float("inf"), 4)}, "whole"),
        ({"point": (1, 2)}, "x,y,label"),
        ({"point": (1, 2, 0)}, "unmarked"),
        ({"point": (1, 2, -1)}, "-1"),
        ({"scribbles": np.zeros((2, 2))}, "integers"),
        ({"scribbles": np.zeros((2, 2, 3), int)}, "integers"),
        ({"scribbles": np.array([[-2, 1]])}, "-2"),
    ],
)
def test_what_is_no_prompt(given, says):
    with pytest.raises(PromptError, match=says) as error:
        Prompts.of(**given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"box": (3, 0, 3, 2)}, "empty"),
        ({"box": (4, 0, 3, 2)}, "empty"),
        ({"box": (0, 0, 6, 4)}, "inside the image of 5x4"),
        ({"box": (-1, 0, 3, 4)}, "inside"),
        ({"point": (5, 0, 1)}, "inside"),
        ({"point": (0, 4, 1)}, "inside"),
        ({"scribbles": np.ones((5, 4), int)}, "5x4, got 4x5"),
    ],
)
def test_what_lies_outside_the_image(given, says):
    with pytest.raises(PromptError, match=says):
        Prompts.of(**given).check((4, 5))
    Prompts.of(box=(0, 0, 5, 4), point=(4, 3, 2), scribbles=np.ones((4, 5), int)).check((4, 5))
