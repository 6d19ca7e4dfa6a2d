"""Edge masks equal scikit-image's; edges closed into regions find shapes with one right answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import filters

from kontur.classical.canny import canny
from kontur.classical.edges import (
    PREWITT,
    SCHARR,
    SOBEL,
    gradient_magnitude,
    prewitt,
    scharr,
    sobel,
    strongest_gradient,
)
from kontur.classical.marr_hildreth import marr_hildreth
from kontur.core.errors import OptionError
from kontur.core.image import Image

CLOSED = [sobel, scharr, prewitt, marr_hildreth, canny]


def shapes() -> tuple[np.ndarray, np.ndarray]:
    """(90, 120) uint8 with light noise, and what is in it: ground 0, disc 1, bar 2, square 3."""
    y, x = np.ogrid[:90, :120]
    truth = np.zeros((90, 120), int)
    truth[(y - 30) ** 2 + (x - 30) ** 2 < 18**2] = 1
    truth[65:80, 10:110] = 2
    truth[12:45, 70:105] = 3
    image = np.choose(truth, [60, 160, 200, 120]) + np.random.default_rng(0).normal(0, 3, truth.shape)
    return np.clip(image, 0, 255).astype(np.uint8), truth


def test_sobel_by_hand():
    image = np.array([[0, 0, 1, 1]] * 4, np.float64)  # a vertical step: gx = 1 - 0 on both sides of it
    assert gradient_magnitude(image, SOBEL)[1] == pytest.approx([0, np.sqrt(0.5), np.sqrt(0.5), 0])


@pytest.mark.parametrize(
    ("mask", "peer"), [(SOBEL, filters.sobel), (SCHARR, filters.scharr), (PREWITT, filters.prewitt)]
)
def test_gradients_equal_scikit_images(mask, peer):
    image = np.random.default_rng(1).random((30, 40))
    assert gradient_magnitude(image, mask) == pytest.approx(peer(image), abs=1e-12)


def test_a_colour_gradient_is_that_of_the_strongest_band():
    image = np.random.default_rng(2).random((20, 25, 4)).astype(np.float32)
    bands = [gradient_magnitude(image[..., b], SCHARR) for b in range(4)]
    assert strongest_gradient(Image(image), SCHARR, 0.0) == pytest.approx(np.max(bands, axis=0))


@pytest.mark.parametrize("method", CLOSED, ids=lambda m: m.__name__)
def test_shapes_become_regions(method):
    image, truth = shapes()
    result = method(image)
    for value in range(1, 4):
        shape = truth == value
        best = np.bincount(result.ids[shape]).argmax()
        found = result.ids == best
        assert (shape & found).sum() / (shape | found).sum() > 0.9, value


@pytest.mark.parametrize("method", CLOSED, ids=lambda m: m.__name__)
def test_regions_are_connected_and_not_small(method):
    photo_like = ndimage.gaussian_filter(np.random.default_rng(3).random((80, 100, 3)), (3, 3, 0))
    photo_like = ((photo_like - photo_like.min()) / np.ptp(photo_like)).astype(np.float32)
    result = method(photo_like, min_area=30)
    assert len(result) > 3
    for segment in result.segments:
        assert segment.area >= 30
        assert ndimage.label(result.ids == segment.id, np.ones((3, 3)))[1] == 1


def test_canny_bridges_a_gap_up_to_its_closure():
    # A step from 0.2 to 0.8 that fades to nothing about row 60, so slowly that the fading itself has slopes below 0.019.
    # Its slope is 0.27 times its height, below `low` = 0.02 for about 20 of the 120 rows: 83 % of the border is edge.
    height = 0.6 * (1 - np.exp(-((np.arange(120) - 60) ** 2) / (2 * 20**2)))
    image = np.full((120, 80), 0.2, np.float32)
    image[:, 40:] += height[:, None].astype(np.float32)
    closed = canny(image, low=0.02, high=0.04, closure=0.6)
    assert len(closed) == 2
    assert (closed.ids[:, :38] == 1).all()
    assert (closed.ids[:, 42:] == 2).mean() > 0.98
    assert len(canny(image, low=0.02, high=0.04, closure=0.95)) == 1
    with pytest.raises(OptionError, match="at most high"):
        canny(image, low=0.5, high=0.2)


def test_marr_hildreth_finds_the_crossing_between_the_pixels_of_a_step():
    image = np.zeros((30, 40), np.float32)
    image[:, 17:] = 1.0
    ids = marr_hildreth(image, sigma=2.0).ids
    assert (ids[:, :17] == ids[0, 0]).all()
    assert (ids[:, 17:] == ids[0, -1]).all()
    assert ids[0, 0] != ids[0, -1]
    # The step of the scale-normalised Laplacian across an ideal edge is sigma^2 h |g'(+-0.5)| * 2 = about 0.4 / sigma.
    assert len(marr_hildreth(image, sigma=2.0, slope=0.15).segments) == 2
    assert len(marr_hildreth(image, sigma=2.0, slope=0.25).segments) == 1
