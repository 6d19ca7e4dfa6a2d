"""Objects over a photo: fills by hand, outlines of what is covered, tags only where they fit."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.core.instances import Instances
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.draw.objects import _Shown, _texts, draw_objects, draw_result

TAXONOMY = Taxonomy((Category(1, "cat", (200, 0, 100), True), Category(2, "sky", (0, 40, 100))))
PLAIN = {"numbers": False, "names": False, "scores": False}


def square(y0, x0, side, shape=(40, 60)):
    mask = np.zeros(shape, bool)
    mask[y0 : y0 + side, x0 : x0 + side] = True
    return mask


def grey(shape=(40, 60)):
    return np.full((*shape, 3), 100, np.uint8)


def test_fill_by_hand():
    """The object is blended with its colour, its surroundings are the photo."""
    two = [square(2, 2, 5), square(20, 20, 5)]
    found = Instances.from_masks(two, shape=(40, 60), categories=[1, 2], taxonomy=TAXONOMY)
    drawn = draw_objects(grey(), found, opacity=0.5, outlines=False, **PLAIN)
    assert (drawn[two[0]] == [150, 50, 100]).all()
    assert (drawn[two[1]] == [50, 70, 100]).all()
    assert (drawn[~(two[0] | two[1])] == 100).all()


def test_an_outline_is_drawn_over_the_object_that_covers_it():
    low, high = square(10, 10, 12), square(14, 14, 12)
    found = Instances.from_masks([high, low], shape=(40, 60), categories=[1, 1], scores=[0.9, 0.8], taxonomy=TAXONOMY)
    filled = draw_objects(grey(), found, outlines=False, **PLAIN)
    drawn = draw_objects(grey(), found, **PLAIN)
    changed = (drawn != filled).any(axis=2)
    assert changed[21, 15:21].all()  # the lower edge of the covered one, inside the better one
    assert changed[9, 10:22].all()  # the dark line outside
    assert not changed[17, 30:].any()
    inner = np.zeros_like(changed)
    inner[15:20, 15:20] = True
    assert not changed[inner].any()


def test_objects_at_the_border_and_of_one_pixel():
    masks = [square(0, 0, 40)[:, :60], square(39, 59, 1)]
    found = Instances.from_masks(masks, shape=(40, 60), categories=[1, 2], taxonomy=TAXONOMY)
    drawn = draw_objects(grey(), found, opacity=0.0, **PLAIN)
    assert (drawn[0, :40] > 150).any(axis=1).all()  # along the image's border too
    assert (drawn[39, 59] != 100).any()


def test_a_partition_shows_stuff_without_outlines():
    ids = np.ones((40, 60), int)
    ids[10:30, 10:30] = 2
    result = Segmentation.from_ids(ids, categories={1: 2, 2: 1}, scores={2: 0.5}, taxonomy=TAXONOMY)
    drawn = draw_objects(grey(), result, opacity=0.5, **PLAIN)
    assert (drawn[0] == [50, 70, 100]).all()
    assert (drawn[10, 10:30] != [150, 50, 100]).any(axis=1).all()
    hidden = draw_objects(grey(), result, opacity=0.5, least_score=0.6, **PLAIN)
    assert (hidden[10:30, 10:30] == 100).all()


def test_nothing_found_is_the_photo():
    photo = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    assert (draw_objects(photo, Instances((9, 11), (), TAXONOMY)) == photo).all()


def test_a_tag_says_what_fits():
    found = Instances.from_masks([square(2, 2, 30)], shape=(40, 60), categories=[1], scores=[0.876], taxonomy=TAXONOMY)
    one = _Shown(7, found.instances[0], 2, True)
    assert _texts(one, TAXONOMY, True, True, True) == ["7 cat 0.88", "7 cat", "7"]
    assert _texts(one, None, False, True, True) == ["category 1 0.88", "category 1"]
    tagged = (draw_objects(grey(), found) != draw_objects(grey(), found, **PLAIN)).any(axis=2)
    assert tagged.any()
    assert not tagged[:, 32:].any()  # no wider than the object
    small = Instances.from_masks([square(2, 2, 6)], shape=(40, 60), categories=[1], taxonomy=TAXONOMY)
    assert (draw_objects(grey(), small) == draw_objects(grey(), small, **PLAIN)).all()


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match="expected a result of the image's size"):
        draw_objects(grey(), Instances((3, 3), ()))
    with pytest.raises(OptionError, match="option opacity"):
        draw_objects(grey(), Instances((40, 60), ()), opacity=2)


def test_any_result_is_drawn_by_what_it_is():
    """Of two objects the covered one is still seen, unless they were made a partition first."""
    found = Instances.from_masks([square(10, 10, 12), square(8, 8, 20)], shape=(40, 60), scores=[0.8, 0.9])
    alone = Instances.from_masks([square(8, 8, 20)], shape=(40, 60), scores=[0.9])
    assert (draw_result(grey(), found) != draw_result(grey(), alone)).any()
    assert (draw_result(grey(), found.flatten()) == draw_result(grey(), alone.flatten())).all()


def test_objects_of_the_only_category_have_no_tags():
    only = Taxonomy((Category(1, "cat", (200, 0, 100), True),))
    found = {
        taxonomy: Instances.from_masks(
            [square(2, 2, 36)], shape=(40, 60), categories=[1], scores=[0.8], taxonomy=taxonomy
        )
        for taxonomy in (only, TAXONOMY)
    }
    assert (draw_result(grey(), found[only]) == draw_objects(grey(), found[only], **PLAIN)).all()
    assert (draw_result(grey(), found[TAXONOMY]) != draw_objects(grey(), found[TAXONOMY], **PLAIN)).any()
