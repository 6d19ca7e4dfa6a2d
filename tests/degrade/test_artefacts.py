"""Blur, JPEG and down-sampling against their definitions."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from kontur import degrade
from kontur.core.errors import InputError


def test_a_blurred_point_is_a_gaussian():
    image = np.zeros((41, 41), np.float32)
    image[20, 20] = 1
    spread = degrade.blur(image, sigma=3).pixels.astype(np.float64)
    rows, columns = np.mgrid[-20:21, -20:21]
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    assert (spread * rows**2).sum() == pytest.approx(9, rel=0.01), "its variance in pixels"
    assert (spread * columns**2).sum() == pytest.approx(9, rel=0.01)
    assert spread[20, 20] == pytest.approx(1 / (2 * np.pi * 9), rel=0.01)


def picture(bands, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, bands)).astype(np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8)).squeeze()


def round_trip(pixels, quality):
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Pillow.open(file))


@pytest.mark.parametrize("quality", [5, 50, 95])
def test_jpeg_is_pillows_round_trip(quality):
    colour, grey = picture(3), picture(1)
    assert (degrade.jpeg(colour, quality=quality).pixels == round_trip(colour, quality)).all()
    assert (degrade.jpeg(grey, quality=quality).pixels == round_trip(grey, quality)).all()


def test_jpeg_of_other_types_and_bands():
    five = picture(5)
    each = np.stack([round_trip(np.ascontiguousarray(five[..., i]), 30) for i in range(5)], axis=2)
    assert (degrade.jpeg(five, quality=30).pixels == each).all()
    # 12 bits from 100 to 3925: 15 of a 16-bit value are one of 8 bits.
    grey = picture(1)
    grey[0, :2] = 0, 255
    twelve = (grey.astype(np.uint16) * 15 + 100).astype(np.uint16)
    assert (degrade.jpeg(twelve, quality=30).pixels == round_trip(grey, 30).astype(int) * 15 + 100).all()
    unit = (grey / 255).astype(np.float32)
    assert degrade.jpeg(unit, quality=30).pixels == pytest.approx(round_trip(grey, 30) / 255, abs=1e-6)
    assert (degrade.jpeg(np.full((9, 9), 777, np.uint16)).pixels == 777).all()
    with pytest.raises(InputError, match=r"sides of at most 65500 pixels, got 70000x1"):
        degrade.jpeg(np.zeros((1, 70_000), np.uint8))


def test_down_sampling_averages_areas_by_hand():
    image = np.array([[0, 20, 100, 140], [40, 60, 120, 160]], np.uint8)
    small = degrade.down_sampling(image, factor=2, back="nearest").pixels
    assert small.tolist() == [[30, 30, 130, 130], [30, 30, 130, 130]]
    # Between the two centres, at columns 0.5 and 2.5, bilinear enlarging goes straight: 30 + 100 / 4, 30 + 300 / 4.
    line = degrade.down_sampling(image, factor=2).pixels
    assert line.tolist() == [[30, 55, 105, 130], [30, 55, 105, 130]]


@pytest.mark.parametrize("factor", [1.7, 3, 1000])
@pytest.mark.parametrize("back", ["nearest", "bilinear", "bicubic"])
def test_down_sampling_of_an_even_image_is_even(factor, back):
    for image in (np.full((23, 31, 3), 77, np.uint8), np.full((23, 31), 54_321, np.uint16)):
        assert (degrade.down_sampling(image, factor=factor, back=back).pixels == image).all()


def test_at_the_largest_factor_the_mean_is_left():
    image = np.random.default_rng(2).integers(0, 60_000, (12, 10)).astype(np.uint16)
    left = degrade.down_sampling(image, factor=10_000).pixels
    assert (left == left[0, 0]).all()
    assert abs(int(left[0, 0]) - image.mean()) <= 1
