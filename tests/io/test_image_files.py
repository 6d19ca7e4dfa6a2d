"""What is written is what is read: type, bands and every value."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.image import Image
from kontur.io.image_files import image_file_suffix, write_image
from kontur.io.photos import read_image


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 2), (5, 7, 3), (6, 4, 4), (3, 4, 5), (5, 5, 5)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_round_trip(tmp_path, shape, dtype):
    draw = np.random.default_rng(0)
    pixels = (draw.random(shape) * (1 if dtype == np.float32 else np.iinfo(dtype).max)).astype(dtype)
    image = Image(pixels)
    path = tmp_path / f"image{image_file_suffix(image)}"
    write_image(path, image)
    back = read_image(path)
    assert back.pixels.dtype == dtype
    assert back.pixels.shape == pixels.shape
    assert (back.pixels == pixels).all()


def test_png_where_it_can_be():
    assert image_file_suffix(Image(np.zeros((2, 2, 3), np.uint8))) == ".png"
    assert image_file_suffix(Image(np.zeros((2, 2), np.uint16))) == ".png"
    assert image_file_suffix(Image(np.zeros((2, 2, 4), np.uint8))) == ".tif"
    assert image_file_suffix(Image(np.zeros((2, 2, 3), np.uint16))) == ".tif"
