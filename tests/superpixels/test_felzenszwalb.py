"""The graph-based segmentation against the paper's algorithm written down plainly."""

import numpy as np
import pytest
from scipy import ndimage

from kontur.superpixels.felzenszwalb import felzenszwalb, felzenszwalb_labels, smoothed


def plain(planes, scale, min_size):
    """Algorithm 1 of the paper and the authors' small-component step, edge by edge, with Python's own stable sort."""
    _, height, width = planes.shape
    edges = []
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1), (-1, 1)):
                if 0 <= y + dy < height and x + dx < width:
                    difference = planes[:, y, x] - planes[:, y + dy, x + dx]
                    weight = np.float32(0)
                    for d in difference:
                        weight += d * d
                    edges.append((weight, y * width + x, (y + dy) * width + x + dx))
    edges.sort(key=lambda e: e[0])
    component = {i: [i] for i in range(height * width)}  # name -> members
    name = list(range(height * width))
    internal = dict.fromkeys(component, np.float32(0))

    def join(a, b, weight):
        if len(component[a]) < len(component[b]):
            a, b = b, a
        for i in component[b]:
            name[i] = a
        component[a] += component.pop(b)
        internal[a] = weight

    for square, p, q in edges:
        a, b, weight = name[p], name[q], np.sqrt(square)
        threshold = [internal[c] + np.float32(scale) / np.float32(len(component[c])) for c in (a, b)]
        if a != b and weight <= min(threshold):
            join(a, b, weight)
    for _, p, q in edges:
        a, b = name[p], name[q]
        if a != b and min(len(component[a]), len(component[b])) < min_size:
            join(a, b, np.float32(0))
    return np.array(name).reshape(height, width)


def same_partition(a, b):
    pairs = len(np.unique(a.astype(np.int64) * (int(b.max()) + 1) + b))
    return pairs == len(np.unique(a)) == len(np.unique(b))


def test_by_hand():
    # Weights 1 inside the halves, 9 between: k = 10 lets pixels join (limit 10) but not pairs (limit 1 + 5).
    grey = np.array([[0, 1, 10, 11]], np.uint8)
    assert felzenszwalb_labels(grey, scale=10, sigma=0, min_size=1).tolist() == [[1, 1, 2, 2]]
    # 1 + 16 / 2 = 9: the weight may equal the limit.
    assert felzenszwalb_labels(grey, scale=16, sigma=0, min_size=1).tolist() == [[1, 1, 1, 1]]
    assert felzenszwalb_labels(grey, scale=10, sigma=0, min_size=3).tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("channels", "sigma"), [(1, 0.0), (3, 0.8), (5, 0.5)])
def test_equals_the_plain_algorithm(seed, channels, sigma):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 7, channels))
    image = np.kron(coarse, np.ones((8, 6, 1))) + random.integers(-9, 10, (48, 42, channels))
    image = image.clip(0, 255).astype(np.uint8)
    planes = smoothed(image, sigma)
    for scale, min_size in ((50, 1), (200, 10), (1000, 30)):
        labels = felzenszwalb_labels(image, scale, sigma, min_size)
        assert same_partition(labels, plain(planes, scale, min_size))


@pytest.mark.real_data
def test_equals_the_plain_algorithm_on_photos(photos):
    from PIL import Image

    for path in photos[::60]:
        image = np.asarray(Image.open(path))[100:220, 100:240]
        labels = felzenszwalb_labels(image, 300, 0.8, 50)
        assert same_partition(labels, plain(smoothed(image, 0.8), 300, 50))


def test_smoothing_is_a_gaussian_with_repeated_border():
    image = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    ours = smoothed(image, 1.5)[0]
    theirs = ndimage.gaussian_filter(image.astype(np.float64), 1.5, mode="nearest", radius=6)
    assert np.abs(ours - theirs).max() < 1e-3


def test_ties_do_not_depend_on_the_sort():
    # Only 4 grey values: almost every edge has an equal.
    image = np.random.default_rng(1).integers(0, 4, (40, 50)).astype(np.uint8) * 60
    assert same_partition(felzenszwalb_labels(image, 100, 0, 5), plain(smoothed(image, 0), 100, 5))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 5, 7)])
def test_tiny_and_constant_images_are_one_region(shape):
    result = felzenszwalb(np.full(shape, 7, np.uint8))
    assert len(result) == 1
    assert (result.ids == 1).all()


def test_types_agree():
    image = np.random.default_rng(2).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    image[:2, 0] = [[0], [255]]  # so that the stretch of uint16 is the whole range
    expected = felzenszwalb(image, scale=100.0).ids
    assert np.array_equal(felzenszwalb(image.astype(np.uint16) * 257, scale=100.0).ids, expected)
    assert np.array_equal(felzenszwalb((image / 255).astype(np.float32), scale=100.0).ids, expected)


def test_mask_restricts():
    image = np.zeros((20, 20, 3), np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[:, :8] = mask[:, 12:] = True
    labels = felzenszwalb_labels(image, mask=mask)
    assert not labels[~mask].any()
    assert set(labels[:, :8].ravel()) == {1}
    assert set(labels[:, 12:].ravel()) == {2}
