"""Watershed superpixels: a valley by hand, number, connectivity, masks."""

import numpy as np
import pytest

from kontur.superpixels.watershed import gradient, watershed_labels, watershed_superpixels
from superpixels.common import assert_partition, four_quadrants, impurity, pieces


def test_gradient_by_hand():
    plane = np.array([[[0, 2, 8, 8]]], np.int16)
    # Central differences |2-0|, |8-0|, |8-2|, |8-8| halved; nothing changes downwards.
    assert gradient(plane).tolist() == [[1, 4, 3, 0]]


def test_border_lies_on_the_crest():
    grey = np.zeros((9, 21), np.uint8)
    grey[:, 12:] = 255  # off the middle: without compactness the flood meets on the step
    labels = watershed_labels(grey, segments=2, compactness=0.0)
    assert (labels[:, :11] == 1).all()
    assert (labels[:, 13:] == 2).all()


def test_finds_the_quadrants():
    image, truth = four_quadrants(64, noise=10)
    ids = watershed_superpixels(image, segments=16).ids
    assert_partition(ids)
    assert ids.max() == 16
    assert impurity(ids, truth) < 0.06


def test_compactness_makes_even_shapes():
    image = np.random.default_rng(0).integers(0, 256, (90, 90)).astype(np.uint8)

    def spread(compactness):
        return np.bincount(watershed_labels(image, 81, compactness).ravel())[1:].std()

    assert spread(1000.0) < spread(8.0) < spread(0.0)


@pytest.mark.real_data
@pytest.mark.parametrize("segments", [100, 400, 1600])
def test_number_on_photos(photos, segments):
    from PIL import Image

    for path in photos[::40]:
        result = watershed_superpixels(np.asarray(Image.open(path)), segments=segments)
        assert abs(len(result) - segments) <= segments / 10
    assert_partition(result.ids)


def test_mask_restricts():
    image, _ = four_quadrants(60, noise=20)
    mask = np.zeros((60, 60), bool)
    mask[10:50, 5:30] = mask[20:23, 50:] = True
    labels = watershed_labels(image, 20, mask=mask)
    assert not labels[~mask].any()
    assert (labels[mask] > 0).all()
    assert pieces(labels) == labels.max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (3, 5), (30, 31, 6)])
@pytest.mark.parametrize("segments", [1, 2, 7, 100_000])
def test_odd_sizes(shape, segments):
    noise = np.random.default_rng(0).random(shape).astype(np.float32)
    for image in (noise, np.full_like(noise, 0.3)):
        ids = watershed_superpixels(image, segments=segments).ids
        assert_partition(ids)
        assert ids.max() <= min(segments, ids.size)
