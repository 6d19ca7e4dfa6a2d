"""Mean shift: flat parts keep their colour, modes lie where the density is highest, a slow shade stays one region."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.mean_shift import mean_shift as method
from kontur.classical.mean_shift_kernel import modes_of


def test_flat_parts_are_their_own_modes():
    image = np.zeros((20, 30, 1), np.float32)
    image[:, 15:] = 50
    assert (modes_of(image, np.float32(4), np.float32(8)) == image).all()


def test_a_pixel_climbs_to_the_mean_of_its_like():
    # 10, 12 and 40 in one row, window over all: 40 is too unlike to count.
    image = np.array([10, 12, 40], np.float32).reshape(1, 3, 1)
    modes = modes_of(image, np.float32(5), np.float32(8)).ravel()
    assert modes == pytest.approx([11, 11, 40], abs=0.05)


def test_noise_is_smoothed_and_the_edge_is_kept():
    rng = np.random.default_rng(0)
    truth = np.repeat([60.0, 140.0], 40)[None].repeat(60, axis=0)
    noisy = np.clip(truth + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
    result = method(noisy, colour=12.0)
    assert len(result) == 2
    assert (result.ids == (truth > 100) + 1).all()


def test_a_slow_shade_with_an_object_on_it():
    image = np.tile(np.linspace(40, 120, 200), (60, 1))
    image[20:40, 90:110] = 200
    result = method(image.astype(np.uint8), smallest=30)
    assert (result.ids[20:40, 90:110] == result.ids[30, 100]).all()
    assert (result.ids == result.ids[30, 100]).sum() == 400


@pytest.mark.parametrize("smallest", [1, 40])
def test_regions_are_connected_and_large_enough(smallest):
    from scipy import ndimage

    image = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    result = method(image, smallest=smallest)
    for segment in result.segments:
        assert ndimage.label(result.mask(segment.id))[1] == 1
        assert segment.area >= smallest
