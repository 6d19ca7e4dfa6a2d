"""Graph-cut superpixels: number, connectedness, size bound, colour edges, bad input."""

import numpy as np
import pytest
from scipy import ndimage

from kontur.superpixels.graph_cut_superpixels import graph_cut_a, graph_cut_b

METHODS = [graph_cut_a, graph_cut_b]


def checkerboard():
    y, x = np.mgrid[:64, :96]
    return (((y // 16 + x // 16) % 2) * 160 + 40).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_squares_of_the_patch_size_are_found(method):
    pixels = checkerboard()
    ids = method(pixels, segments=60).ids
    # Each superpixel has one colour: nearly no pixel lies on the wrong side of an edge.
    wrong = sum(min((pixels[ids == i] == 40).sum(), (pixels[ids == i] == 200).sum()) for i in range(1, ids.max() + 1))
    assert wrong / pixels.size < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_connected_and_complete(method):
    random = np.random.default_rng(0)
    result = method(
        ndimage.gaussian_filter(random.uniform(0, 1, (60, 80, 3)), (2, 2, 0)).astype(np.float32), segments=50
    )
    assert result.ids.min() == 1
    for segment in result.segments:
        assert ndimage.label(result.ids == segment.id)[1] == 1


@pytest.mark.real_data
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("segments", [100, 400, 1600])
def test_number_within_ten_per_cent(photos, method, segments):
    from PIL import Image as Photo

    for path in photos[:2]:
        found = len(method(np.array(Photo.open(path)), segments=segments))
        assert abs(found - segments) <= 0.1 * segments


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 7, 6)])
@pytest.mark.parametrize("segments", [1, 3, 100_000])
def test_tiny_constant_and_many(method, shape, segments):
    result = method(np.full(shape, 90, np.uint8), segments=segments)
    assert result.shape == shape[:2]
    assert 1 <= len(result) <= min(segments, shape[0] * shape[1])
