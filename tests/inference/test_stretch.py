"""One contrast for all images."""

from __future__ import annotations

import numpy as np
import pytest

from kontur import Image
from kontur.core.errors import OptionError
from kontur.inference.stretch import stretched


def test_by_hand():
    image = Image(np.arange(101, dtype=np.uint8)[None])  # 0..100, each once
    found = stretched(image, (10, 90)).pixels
    assert found[0, 10] == 0
    assert found[0, 90] == 255
    assert found[0, 50] == 128
    assert found[0, 100] == 255


@pytest.mark.parametrize("factor", [0.2, 0.5])
def test_a_darker_copy_looks_the_same(factor):
    bright = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    dark = np.rint(bright * factor).astype(np.uint8)
    a, b = stretched(Image(bright)).pixels.astype(int), stretched(Image(dark)).pixels.astype(int)
    assert np.abs(a - b).max() <= 255 / (255 * factor) + 1  # the dark one has fewer levels


def test_sixteen_bits_and_floats_give_what_eight_do():
    pixels = np.random.default_rng(1).integers(0, 256, (50, 50)).astype(np.uint8)
    eight = stretched(Image(pixels)).pixels.astype(int)
    for other in (pixels.astype(np.uint16) * 257, pixels.astype(np.float32) / 255):
        assert np.abs(stretched(Image(other)).pixels.astype(int) - eight).max() <= 2


def test_constant_and_almost_constant_images():
    assert (stretched(Image(np.full((5, 5), 77, np.uint8))).pixels == 0).all()
    assert (stretched(Image(np.full((5, 5), 7.5, np.float32))).pixels == 0).all()
    one = np.full((5, 5), 77, np.uint8)
    one[2, 2] = 78
    assert stretched(Image(one)).pixels.max() <= 32  # noise of one level is not stretched to white
    assert stretched(Image(np.zeros((1, 1), np.uint16))).pixels.tolist() == [[0]]


def test_wrong_percentiles():
    with pytest.raises(OptionError, match="percentiles"):
        stretched(Image(np.zeros((2, 2), np.uint8)), (50, 50))
