"""SLIC and SLICO: the distance by hand, the number, connectivity, masks, every kind of image."""

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.superpixels.frame import lab_planes
from kontur.superpixels.slic import slic, slic_labels, slico, start_grid
from superpixels.common import assert_partition, four_quadrants, impurity, pieces


def test_by_hand():
    # Two cells of 8 columns; the edge between black and white lies at column 6. Colour (|dL| = 100) outweighs position
    # at m = 10, and position outweighs colour at m = 1000: 3 columns from one centre are 1000 * 3 / S.
    grey = np.zeros((8, 16), np.uint8)
    grey[:, 6:] = 255
    labels = slic_labels(grey, segments=2, compactness=10)
    assert (labels[:, :6] == 1).all()
    assert (labels[:, 6:] == 2).all()
    labels = slic_labels(grey, segments=2, compactness=1000, iterations=1)
    assert (labels[:, :7] == 1).all()
    assert (labels[:, 9:] == 2).all()


def plain(bands, segments, compactness, iterations):
    """Every centre against every pixel, all rows, without windows' tricks: the assignment the kernel should come near."""
    planes, units = lab_planes(bands)
    planes = planes.astype(np.float64) / units
    _, height, width = planes.shape
    rows, columns, _ = start_grid(height, width, segments)
    step = np.sqrt(height * width / segments)
    centre = planes[:, rows, columns]
    rows, columns = rows.astype(float), columns.astype(float)
    y, x = np.mgrid[:height, :width]
    for _ in range(iterations):
        colour = np.abs(planes[:, None] - centre[:, :, None, None]).sum(axis=0)
        space = np.abs(y - rows[:, None, None]) + np.abs(x - columns[:, None, None])
        nearest = (colour + compactness * space / step).argmin(axis=0)
        for k in range(segments):
            if (nearest == k).any():
                centre[:, k] = planes[:, nearest == k].mean(axis=1)
                rows[k], columns[k] = y[nearest == k].mean(), x[nearest == k].mean()
    return nearest


def test_agrees_with_plain_kmeans():
    image, _ = four_quadrants(60, noise=6)
    ours = slic_labels(image, 36, 20.0, 10)
    theirs = plain(image, 36, 20.0, 10)
    # The kernel samples rows and rounds centres, so borders may shift by a pixel: nine pixels in ten keep their partner.
    table = np.zeros((ours.max() + 1, theirs.max() + 1), int)
    np.add.at(table, (ours, theirs), 1)
    assert table.max(axis=1).sum() > 0.9 * ours.size


@pytest.mark.parametrize("method", [slic, slico])
def test_finds_the_quadrants(method):
    image, truth = four_quadrants(64, noise=10)
    ids = method(image, segments=16).ids
    assert_partition(ids)
    assert impurity(ids, truth) < 0.02


@pytest.mark.real_data
@pytest.mark.parametrize("segments", [100, 400, 1600])
@pytest.mark.parametrize("method", [slic, slico])
def test_number_on_photos(photos, method, segments):
    from PIL import Image

    for path in photos[::25]:
        result = method(np.asarray(Image.open(path)), segments=segments)
        assert abs(len(result) - segments) <= segments / 10
    assert_partition(result.ids)


def test_types_and_bands():
    random = np.random.default_rng(1)
    image = np.kron(random.integers(0, 256, (6, 6, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    image[0, :2] = [[0], [255]]
    expected = slic(image, segments=36).ids
    sixteen = slic(image.astype(np.uint16) * 257, segments=36).ids
    floating = slic((image / 255).astype(np.float32), segments=36).ids
    assert np.mean(sixteen == expected) > 0.99
    assert np.mean(floating == expected) > 0.99
    for bands in (1, 2, 4, 7, 156):
        cube = np.kron(random.random((4, 4, bands)), np.ones((10, 10, 1))).astype(np.float32)
        truth = np.kron(np.arange(16).reshape(4, 4), np.ones((10, 10), int))
        ids = slic(cube, segments=64).ids
        assert_partition(ids)
        assert impurity(ids, truth) < 0.1


def test_mask_restricts():
    image, _ = four_quadrants(80, noise=20)
    y, x = np.mgrid[:80, :80]
    mask = (y - 40) ** 2 + (x - 40) ** 2 < 30**2
    mask[:5, :5] = True  # an island far from the disk
    labels = slic_labels(image, 50, mask=mask)
    assert not labels[~mask].any()
    assert (labels[mask] > 0).all()
    assert pieces(labels) == labels.max()
    assert 45 <= labels.max() <= 55
    assert not slic_labels(image, 50, mask=np.zeros((80, 80), bool)).any()
    with pytest.raises(InputError, match="mask: expected bool"):
        slic_labels(image, 50, mask=mask[:10])


@pytest.mark.parametrize("method", [slic, slico])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 17), (17, 1), (3, 5), (40, 3), (30, 31)])
@pytest.mark.parametrize("segments", [1, 2, 7, 100_000])
def test_odd_sizes(method, shape, segments):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    for image in (noise, np.full_like(noise, 90)):
        ids = method(image, segments=segments).ids
        assert_partition(ids)
        assert ids.max() <= min(segments, ids.size)
        if segments >= ids.size:
            assert ids.max() == ids.size


def test_many_segments_need_wide_labels():
    image = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)
    ids = slic(image, segments=40_000).ids
    assert abs(int(ids.max()) - 40_000) <= 4_000


def test_extreme_options():
    image, _ = four_quadrants(50, noise=50)
    for compactness in (0.001, 1000.0):
        assert_partition(slic(image, segments=25, compactness=compactness).ids)
    with pytest.raises(OptionError, match="segments"):
        slic(image, segments=0)
