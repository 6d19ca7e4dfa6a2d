"""SEEDS: the rule that keeps superpixels whole, against connected components; number, odd sizes, masks."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from kontur.superpixels.seeds import colour_bins, grid_shape, seeds, seeds_labels
from kontur.superpixels.seeds_kernel import keeps_whole
from superpixels.common import assert_partition, four_quadrants, impurity, pieces


def test_keeps_whole_for_every_neighbourhood():
    """Leaving is allowed exactly where the 4-neighbours of the own label stay connected within the ring of eight."""
    ring = [(0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2)]  # n nw w sw s se e ne
    for flags in itertools.product([False, True], repeat=8):
        window = np.zeros((3, 3), bool)
        for place, flag in zip(ring, flags):
            window[place] = flag
        parts, _ = ndimage.label(window)
        sides = {parts[place] for place in ring[::2] if window[place]}
        assert keeps_whole(*flags) == (len(sides) == 1)


def test_bins_by_hand():
    # 0..100 in five ranges of 20; two planes make 5 * first + second.
    planes = np.array([[[0, 19, 21, 100]], [[0, 100, 0, 50]]], np.int16)
    assert colour_bins(planes, 5).tolist() == [[0, 4, 5, 22]]


def test_a_lone_outlier_does_not_stretch_the_bins():
    plane = np.tile(np.arange(100, dtype=np.int16), (100, 1))[None]
    plane[0, 0, 0] = 30_000
    assert np.abs(np.bincount(colour_bins(plane, 5).ravel()) / 10_000 - 0.2).max() < 0.02


@pytest.mark.parametrize("segments", [100, 200, 400, 777, 1600])
@pytest.mark.parametrize("shape", [(321, 481), (481, 321), (1536, 2048), (500, 2000)])
def test_grid_is_near_the_number(shape, segments):
    down, across = grid_shape(*shape, segments)
    assert abs(down * across - segments) <= 0.06 * segments
    assert 0.6 < (shape[0] / down) / (shape[1] / across) < 1.7


def test_finds_the_quadrants():
    # 3 x 3 cells on 2 x 2 squares: borders must move by a sixth of the image.
    image, truth = four_quadrants(72, noise=10)
    ids = seeds(image, segments=9).ids
    assert_partition(ids)
    assert ids.max() == 9
    assert impurity(ids, truth) < 0.03


@pytest.mark.real_data
@pytest.mark.parametrize("segments", [100, 1600])
def test_number_on_photos(photos, segments):
    from PIL import Image

    for path in photos[::50]:
        result = seeds(np.asarray(Image.open(path)), segments=segments)
        assert abs(len(result) - segments) <= segments / 10
    assert_partition(result.ids)


def test_mask_restricts():
    image, _ = four_quadrants(60, noise=20)
    mask = np.zeros((60, 60), bool)
    mask[10:50, 5:30] = True
    labels = seeds_labels(image, 20, mask=mask)
    assert not labels[~mask].any()
    assert (labels[mask] > 0).all()
    assert pieces(labels) == labels.max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (3, 5), (30, 31, 6)])
@pytest.mark.parametrize("segments", [1, 2, 7, 100_000])
def test_odd_sizes(shape, segments):
    noise = np.random.default_rng(0).random(shape).astype(np.float32)
    for image in (noise, np.full_like(noise, 0.3)):
        ids = seeds(image, segments=segments).ids
        assert_partition(ids)
        assert ids.max() <= ids.size
