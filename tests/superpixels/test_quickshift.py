"""Quick shift: by hand, against scikit-image, deterministic on ties."""

import numpy as np
import pytest
from skimage.segmentation import quickshift as skimage_quickshift

from kontur.superpixels.quickshift import _colour_planes, quickshift, quickshift_labels, trees
from superpixels.common import assert_partition, four_quadrants, impurity, pieces


def same_partition(a, b):
    pairs = len(np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b))
    return pairs == len(np.unique(a)) == len(np.unique(b))


def plain(planes, kernel_size, max_distance):
    """The definition in NumPy, pixel by pixel."""
    _, height, width = planes.shape
    y, x = np.mgrid[:height, :width]
    points = np.concatenate([planes.reshape(len(planes), -1), [y.ravel(), x.ravel()]]).T.astype(np.float64)
    square = ((points[:, None] - points) ** 2).sum(axis=2)
    reach = int(np.ceil(3 * kernel_size))
    near = np.abs(points[:, None, -2:] - points[:, -2:]).max(axis=2) <= reach
    density = (np.exp(-square / (2 * kernel_size**2)) * near).sum(axis=1)
    root = np.arange(len(points))
    for i in range(len(points)):
        higher = (density > density[i]) & (square[i] <= max_distance**2)
        if higher.any():
            root[i] = np.where(higher, square[i], np.inf).argmin()
    while (root != root[root]).any():
        root = root[root]
    return root.reshape(height, width)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_equals_the_definition(channels):
    image = np.random.default_rng(channels).random((20, 23, channels)).astype(np.float32)
    planes = _colour_planes(image, 0.2)
    assert np.array_equal(trees(planes, 2.0, 5.0), plain(planes, 2.0, 5.0))


@pytest.mark.parametrize(("kernel_size", "max_distance"), [(5, 10), (2, 6), (3, 8)])
def test_equals_scikit_image(kernel_size, max_distance):
    random = np.random.default_rng(0)
    image = np.kron(random.integers(0, 256, (8, 8, 3)), np.ones((10, 10, 1)))
    image = (image + random.integers(-20, 21, image.shape)).clip(0, 255).astype(np.uint8)
    theirs = skimage_quickshift(image, ratio=1.0, kernel_size=kernel_size, max_dist=max_distance)
    ours = trees(_colour_planes(image, 1.0), kernel_size, max_distance)
    assert same_partition(ours, theirs)


def test_regions_are_connected():
    image, truth = four_quadrants(48, noise=25)
    ids = quickshift(image, kernel_size=2.0, max_distance=12.0).ids
    assert_partition(ids)
    assert impurity(ids, truth) < 0.02


def test_equal_densities_are_decided_by_order():
    # A constant image: the densest pixels are those away from the rim, all equal; the first of them is everyone's root.
    root = trees(np.zeros((1, 12, 12), np.float32), 1.0, 12.0)
    assert (root == 3 * 12 + 3).all()


def test_mask_restricts():
    image, _ = four_quadrants(40, noise=20)
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:20] = True
    labels = quickshift_labels(image, 2.0, 8.0, mask=mask)
    assert not labels[~mask].any()
    assert (labels[mask] > 0).all()
    assert pieces(labels) == labels.max()
    # What lies outside has no influence.
    image[~mask] = 0
    assert np.array_equal(quickshift_labels(image, 2.0, 8.0, mask=mask), labels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (3, 5), (12, 13, 6)])
def test_odd_sizes_and_options(shape):
    noise = np.random.default_rng(0).random(shape).astype(np.float32)
    for image in (noise, np.full_like(noise, 0.3)):
        for options in ({}, {"max_distance": 0.0}, {"kernel_size": 50.0, "max_distance": 1000.0}, {"ratio": 0.0}):
            ids = quickshift(image, **options).ids
            assert_partition(ids)
