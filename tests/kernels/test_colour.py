"""L*a*b* by tables against scikit-image's formulas."""

import numpy as np
from skimage.color import rgb2lab

from kontur.kernels.colour import bytes_to_lab_planes, rgb_to_lab


def test_by_hand():
    # White is L* = 100 without colour, black 0; the sRGB primaries' values are in every colour textbook.
    rgb = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
    assert np.abs(rgb_to_lab(rgb)[0] - expected).max() < 0.02


def test_every_byte_colour_on_a_lattice():
    values = np.arange(0, 256, 5, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(values, values, values), axis=-1).reshape(-1, len(values), 3)
    exact = rgb2lab(rgb)
    assert np.abs(rgb_to_lab(rgb) - exact).max() < 0.01
    assert np.abs(rgb_to_lab((rgb / 255).astype(np.float32)) - exact).max() < 0.01
    planes = bytes_to_lab_planes(rgb)
    expected = np.moveaxis(8 * (exact + np.array([0, 128, 128])), 2, 0)
    assert np.abs(planes - expected).max() < 3
    assert np.abs(planes - expected).mean() < 0.3
