"""Hysteresis by hand, and against scikit-image on noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import filters

from kontur.classical.hysteresis import hysteresis
from kontur.core.errors import OptionError


def test_by_hand():
    #                   weak, touches strong | weak alone | strong alone | diagonal counts as touching
    image = np.array([[0.5, 0.9, 0.0, 0.5, 0.0, 0.9, 0.0], [0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]], np.float32)
    expected = [[2, 2, 1, 2, 1, 2, 1], [1, 1, 2, 1, 1, 1, 1]]
    assert np.array_equal(hysteresis(image, low=0.4, high=0.8).ids, expected)
    image[1, 2] = 0.0  # the bridge is gone: the weak pixel at x = 3 goes with it
    assert np.array_equal(hysteresis(image, low=0.4, high=0.8).ids, [[2, 2, 1, 1, 1, 2, 1], [1] * 7])


@pytest.mark.parametrize("seed", range(3))
def test_contains_scikit_images_result(seed):
    # scikit-image connects 4 neighbours, so its result lies inside ours, and ours inside the weak mask.
    grey = ndimage.gaussian_filter(np.random.default_rng(seed).random((50, 50)), 2)
    grey = ((grey - grey.min()) / np.ptp(grey)).astype(np.float32)
    ours = hysteresis(grey, low=0.5, high=0.8).foreground
    theirs = filters.apply_hysteresis_threshold(grey, 0.5, 0.8)
    assert (ours >= theirs).all()
    assert (ours <= (grey > 0.5)).all()
    assert (ours == theirs).mean() > 0.98


def test_dark_is_bright_of_the_negative():
    grey = np.random.default_rng(0).integers(0, 256, (30, 30)).astype(np.uint8)
    dark = hysteresis(grey, low=51 / 255, high=102 / 255, polarity="dark").foreground
    components, _ = ndimage.label(grey < 102, np.ones((3, 3), int))
    assert np.array_equal(dark, np.isin(components, np.unique(components[grey < 51])) & (grey < 102))


def test_thresholds_in_the_wrong_order():
    with pytest.raises(OptionError, match="at most high"):
        hysteresis(np.eye(4, dtype=np.float32), low=0.8, high=0.4)
