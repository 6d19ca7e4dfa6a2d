"""Split and merge: an image with one right answer, and what every result must satisfy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from kontur.classical.quadtree_kernel import merge, split
from kontur.classical.split_merge import split_merge


def test_the_quadtree_by_hand():
    image = np.zeros((8, 8, 1), np.float32)
    image[0, 7] = 1.0  # only the north-east quarter is split, there only its north-east quarter, and so on
    blocks = split(image, np.float32(0.5))
    expected = [
        [0, 0, 0, 0, 1, 1, 2, 3],
        [0, 0, 0, 0, 1, 1, 4, 5],
        [0, 0, 0, 0, 6, 6, 7, 7],
        [0, 0, 0, 0, 6, 6, 7, 7],
        *[[8] * 4 + [9] * 4] * 4,
    ]
    assert blocks.tolist() == expected
    merged = merge(image, blocks, np.float32(0.5))
    assert merged.tolist() == (image[..., 0] > 0).astype(int).tolist()


def test_odd_sizes_are_halved_with_the_first_half_the_larger():
    image = np.zeros((3, 5, 1), np.float32)
    image[0, 0] = 1.0
    assert split(image, np.float32(0.5)).tolist() == [[0, 1, 2, 5, 5], [3, 3, 4, 5, 5], [6, 6, 6, 7, 7]]


def test_shapes_on_a_ground_are_found_exactly():
    truth = np.zeros((50, 70), int)
    truth[5:20, 5:30] = 1
    truth[25:45, 40:65] = 2
    truth[30:35, 45:50] = 3
    image = np.choose(truth, [40, 90, 150, 220]).astype(np.uint8)
    image += np.random.default_rng(0).integers(0, 8, image.shape).astype(np.uint8)
    result = split_merge(image, tolerance=0.1, block_tolerance=0.1, sigma=0, min_area=1)
    assert len(result) == 4
    for value in range(4):
        assert len(np.unique(result.ids[truth == value])) == 1


def test_the_order_of_merging_is_by_the_range_of_the_union():
    # 0 | 3 | 5 | 9 with tolerance 5: 3 and 5 join first (range 2); then 0 would make 5: it joins; 9 does not.
    image = np.array([[0.0, 0.3, 0.5, 0.9]], np.float32)
    ids = split_merge(image, tolerance=0.5, block_tolerance=0.0, sigma=0, min_area=1).ids
    assert ids.tolist() == [[1, 1, 1, 2]]
    # 0 | 4 | 6 | 9: 4 and 6 join (2); 9 (range 5) before 0 (range 6 > 5).
    image = np.array([[0.0, 0.4, 0.6, 0.9]], np.float32)
    ids = split_merge(image, tolerance=0.5, block_tolerance=0.0, sigma=0, min_area=1).ids
    assert ids.tolist() == [[1, 2, 2, 2]]


@pytest.mark.parametrize("seed", range(3))
def test_every_region_is_uniform_and_connected_and_no_two_neighbours_could_merge(seed):
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random((45, 61, 3)), (3, 3, 0))
    image = ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)
    ids = split_merge(image, tolerance=0.25, sigma=0, min_area=1).ids
    count = ids.max()
    low = np.stack([ndimage.minimum(image[..., c], ids, range(1, count + 1)) for c in range(3)], axis=1)
    high = np.stack([ndimage.maximum(image[..., c], ids, range(1, count + 1)) for c in range(3)], axis=1)
    assert (high - low).max() <= 0.25
    for a, b in {*zip(ids[:, 1:].flat, ids[:, :-1].flat), *zip(ids[1:].flat, ids[:-1].flat)}:
        if a != b:
            union = np.maximum(high[a - 1], high[b - 1]) - np.minimum(low[a - 1], low[b - 1])
            assert union.max() > 0.25
        assert ndimage.label(ids == a)[1] == 1
