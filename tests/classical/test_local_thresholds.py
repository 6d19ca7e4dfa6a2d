"""Local thresholds: Niblack by hand, then agreement with scikit-image's maps of thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import filters

from kontur.classical import local_thresholds
from kontur.core.errors import OptionError


def page(seed: int) -> np.ndarray:
    """(40, 60) uint8: dark strokes on a page whose light falls off to one side."""
    draw = np.random.default_rng(seed)
    image = np.linspace(240, 120, 60)[None, :] + draw.normal(0, 3, (40, 60))
    image[10:14, 5:55] -= 60
    image[25:28, 5:55] -= 60
    return np.clip(image, 0, 255).astype(np.uint8)


def agreement(mask: np.ndarray, expected: np.ndarray) -> float:
    """Share of equal pixels: sums in another order may move a pixel that lies on its threshold."""
    return float((mask == expected).mean())


def test_niblack_by_hand():
    # The centre's window: eight 0 and one 0.9. m = 0.1, s = sqrt(0.09 - 0.01) = 0.2828; T = 0.1 + 2 * 0.2828 = 0.666.
    image = np.zeros((3, 3), np.float32)
    image[1, 1] = 0.9
    assert local_thresholds.niblack(image, window=3, k=2.0).ids[1, 1] == 2
    assert local_thresholds.niblack(image, window=3, k=2.9).ids[1, 1] == 1  # T = 0.92


@pytest.mark.parametrize("window", [3, 15, 39])
@pytest.mark.parametrize("seed", range(2))
def test_equal_to_scikit_image(window, seed):
    image = page(seed)
    grey = image / 255.0
    niblack = filters.threshold_niblack(grey, window, k=0.2)
    assert agreement(local_thresholds.niblack(image, window=window, k=-0.2).foreground, grey > niblack) > 0.9995
    sauvola = filters.threshold_sauvola(grey, window, k=0.3, r=0.5)
    assert agreement(local_thresholds.sauvola(image, window=window, k=0.3).foreground, grey > sauvola) > 0.9995
    mean = filters.threshold_local(grey, window, method="mean", offset=0.013)
    assert agreement(local_thresholds.local_mean(image, window=window, offset=0.013).foreground, grey > mean) > 0.9995
    blurred = filters.threshold_local(grey, window, method="gaussian", offset=0.013)
    ours = local_thresholds.local_gaussian(image, window=window, offset=0.013)
    assert agreement(ours.foreground, grey > blurred) > 0.9995


def test_sauvola_reads_a_page_that_no_global_threshold_reads():
    image = page(0)
    print_ = np.zeros(image.shape, bool)
    print_[10:14, 5:55] = print_[25:28, 5:55] = True
    found = local_thresholds.sauvola(image, window=15, polarity="dark").foreground
    assert agreement(found, print_) > 0.98
    assert max(agreement(image < level, print_) for level in range(256)) < 0.95


def test_the_scale_of_the_values_does_not_matter():
    image = page(1)
    sixteen = (image.astype(np.uint16) - image.min()) * 7 + 300
    eight = (image - image.min()) / np.float32(image.max() - image.min())
    for name in ("sauvola", "niblack", "local_mean"):
        function = getattr(local_thresholds, name)
        assert agreement(function(sixteen).foreground, function(eight.astype(np.float32)).foreground) > 0.999


@pytest.mark.parametrize("name", ["niblack", "sauvola", "local_mean", "local_gaussian"])
def test_constant_and_even_window(name):
    function = getattr(local_thresholds, name)
    assert not function(np.full((9, 7), 200, np.uint8)).foreground.any()
    with pytest.raises(OptionError, match="odd"):
        function(page(0), window=10)
