"""Normalised-cut superpixels: exact number, connected, even, along edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.superpixels.normalized_cut import normalized_cut_superpixels


def connected(ids):
    return all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))


@pytest.mark.parametrize("segments", [1, 2, 30])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_exact_number_connected_and_even(segments, bands):
    image = np.random.default_rng(1).integers(0, 256, (60, 70, bands)).astype(np.uint8)
    ids = normalized_cut_superpixels(image, segments=segments).ids
    areas = np.bincount(ids.ravel())[1:]
    assert len(areas) == segments
    assert areas.max() <= 4 * areas.mean()
    assert connected(ids)


def test_follows_an_edge():
    image = np.full((60, 60, 3), 40, np.uint8)
    image[:, 23:] = 200
    ids = normalized_cut_superpixels(image, segments=12).ids
    assert not set(np.unique(ids[:, :22])) & set(np.unique(ids[:, 24:]))


def test_the_same_every_time():
    image = np.random.default_rng(1).integers(0, 256, (60, 70, 3)).astype(np.uint8)
    first, second = (normalized_cut_superpixels(image, segments=25).ids for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (6, 6)])
def test_tiny_constant_and_more_than_pixels(shape):
    assert normalized_cut_superpixels(np.full(shape, 3, np.uint8), segments=1000).ids.max() == shape[0] * shape[1]
    assert normalized_cut_superpixels(np.full(shape, 3, np.uint8), segments=1).ids.max() == 1


@pytest.mark.real_data
def test_the_number_on_a_photo(photos):
    from PIL import Image

    result = normalized_cut_superpixels(np.asarray(Image.open(photos[0])), segments=150)
    assert len(result) == 150
    assert connected(result.ids)
