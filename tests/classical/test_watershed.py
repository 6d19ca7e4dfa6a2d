"""Watershed: relief worked by hand, agreement with scikit-image's flooding, and touching discs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import h_minima, local_minima
from skimage.segmentation import watershed as peer

from kontur.classical.edges import SOBEL, strongest_gradient
from kontur.classical.watershed import deep_minima, watershed
from kontur.core.errors import PromptError
from kontur.core.image import Image
from kontur.core.prompts import Prompts


def two_discs() -> np.ndarray:
    """(60, 90) bool: two overlapping discs of radius 20, centres 32 apart."""
    y, x = np.ogrid[:60, :90]
    return ((y - 30) ** 2 + (x - 28) ** 2 < 400) | ((y - 30) ** 2 + (x - 60) ** 2 < 400)


def test_deep_minima_by_hand():
    # Basins 0, 2 and 3 deep: of 1 behind a wall of 3 (depth 2), 0 (the lowest), 4 behind 5 (depth 1).
    relief = np.array([[1, 3, 0, 5, 4, 6]], np.float64)
    assert (deep_minima(relief, 0.0) > 0).tolist() == [[True, False, True, False, True, False]]
    assert (deep_minima(relief, 1.5) > 0).tolist() == [[True, False, True, False, False, False]]
    assert (deep_minima(relief, 2.5) > 0)[0, 2]
    assert deep_minima(relief, 2.5).max() == 1


@pytest.mark.parametrize("seed", range(3))
def test_deep_minima_are_those_of_scikit_image(seed):
    # No two values are equal: of equal minima in one pool scikit-image counts each, we the pool once.
    relief = np.random.default_rng(seed).permutation(2000).reshape(40, 50)
    ours = deep_minima(relief.astype(np.float64), 300.0)
    theirs = h_minima(relief, 301, footprint=np.ones((3, 3))) > 0
    assert ours.max() == ndimage.label(theirs, np.ones((3, 3)))[1] > 5
    assert len(np.unique(ours[theirs])) == ours.max()
    flat = np.random.default_rng(seed).integers(0, 8, (40, 50))
    every = deep_minima(flat.astype(np.float64), 0.0) > 0
    assert np.array_equal(every, local_minima(flat, footprint=np.ones((3, 3))) > 0)


def test_two_halves():
    image = np.zeros((20, 30), np.uint8)
    image[:, 12:] = 255
    result = watershed(image, sigma=0.5)
    assert len(result) == 2
    assert len(np.unique(result.ids[:, :11])) == len(np.unique(result.ids[:, 13:])) == 1


def test_prompts_are_the_markers():
    image = np.full((40, 40), 50, np.uint8)
    image[10:30, 10:30] = 200
    result = watershed(image, Prompts.of(point=[(2, 2, 1), (20, 20, 2)]))
    assert result.background == 1
    inside = np.zeros((40, 40), bool)
    inside[10:30, 10:30] = True
    assert (result.foreground != inside).mean() < 0.05
    with pytest.raises(PromptError, match="two labels"):
        watershed(image, Prompts.of(point=(2, 2, 2)))


def test_touching_discs_are_cut_at_the_neck():
    discs = two_discs()
    result = watershed(discs, markers="distance")
    assert len(result) == 3
    assert result.background == 1
    assert np.array_equal(result.foreground, discs)
    left, right = result.ids[30, 20], result.ids[30, 70]
    assert left != right
    assert (result.ids[:, :43][discs[:, :43]] == left).all()
    assert (result.ids[:, 46:][discs[:, 46:]] == right).all()


def test_a_blob_thinner_than_the_depth_is_one_object():
    image = np.zeros((20, 40), np.uint8)
    image[5, 5:30] = 255
    image[12:19, 12:19] = 255
    result = watershed(image, markers="distance", blob_depth=3.0)
    assert len(result) == 3
    assert np.array_equal(result.foreground, image > 0)


@pytest.mark.parametrize("seed", range(2))
def test_as_scikit_image_from_the_same_markers(seed):
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random((80, 90)), 3).astype(np.float32)
    image = (image - image.min()) / np.ptp(image)
    relief = strongest_gradient(Image(image), SOBEL, 1.0)
    ours = watershed(image, depth=0.01).ids
    theirs = peer(relief, deep_minima(relief, 0.01))
    assert ours.max() == theirs.max() > 3
    assert (ours == theirs).mean() > 0.99  # ties are broken alike but for the order of equal neighbours
