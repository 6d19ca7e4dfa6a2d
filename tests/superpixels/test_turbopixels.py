"""TurboPixels: even cells where there is nothing to see, fronts that stop at edges, always connected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.superpixels.slic import start_grid
from kontur.superpixels.turbopixels import turbopixels


def connected(ids):
    return all(ndimage.label(ids == i)[1] == 1 for i in np.unique(ids))


def test_a_constant_image_gives_even_cells():
    ids = turbopixels(np.full((60, 60), 90, np.uint8), segments=36).ids
    areas = np.bincount(ids.ravel())[1:]
    assert areas.min() > 0.7 * areas.mean()
    assert areas.max() < 1.3 * areas.mean()


def test_fronts_stop_at_an_edge():
    """The edge lies well off the middle between two columns of seeds; cells of a flat image would cross it."""
    image = np.full((60, 60, 3), 40, np.uint8)
    image[:, 23:] = 200

    def crossing(ids):
        return sum(min((ids[:, :23] == i).sum(), (ids[:, 23:] == i).sum()) for i in np.unique(ids))

    flat = turbopixels(np.full((60, 60, 3), 40, np.uint8), segments=36).ids
    assert crossing(turbopixels(image, segments=36).ids) < 0.3 * crossing(flat)


@pytest.mark.parametrize("segments", [1, 9, 40])
@pytest.mark.parametrize("bands", [1, 3, 5])
def test_connected_and_as_many_as_seeds(segments, bands):
    image = np.random.default_rng(1).integers(0, 256, (40, 50, bands)).astype(np.uint8)
    ids = turbopixels(image, segments=segments).ids
    assert ids.max() == len(start_grid(40, 50, segments)[0])
    assert ids.min() == 1
    assert connected(ids)


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (20, 1), (6, 6)])
def test_tiny_constant_and_more_than_pixels(shape):
    assert turbopixels(np.full(shape, 3, np.uint8), segments=1000).ids.max() == shape[0] * shape[1]
    assert turbopixels(np.full(shape, 3, np.uint8), segments=1).ids.max() == 1
    assert turbopixels(np.full(shape, 3, np.uint8), segments=3).ids.min() == 1


@pytest.mark.real_data
@pytest.mark.parametrize("segments", [100, 1600])
def test_the_number_on_a_photo(photos, segments):
    from PIL import Image

    result = turbopixels(np.asarray(Image.open(photos[0])), segments=segments)
    assert abs(len(result) - segments) <= 0.1 * segments
    assert connected(result.ids) if segments == 100 else True
