"""The flood against a heap written plainly, against scikit-image, and by hand."""

import heapq

import numpy as np
import pytest
from skimage.segmentation import watershed

from kontur.kernels.priority_flood import compact_flood, priority_flood


def heap_flood(relief, markers, mask=None):
    """Lowest first, of equal ones the one queued first."""
    ids = markers.astype(np.int64).copy()
    if mask is not None:
        ids[~mask] = -1
    height, width = relief.shape
    heap, age = [], 0

    def push(y, x):
        nonlocal age
        heapq.heappush(heap, (relief[y, x], age, y, x))
        age += 1

    for y, x in zip(*np.nonzero(ids > 0)):
        push(y, x)
    while heap:
        _, _, y, x = heapq.heappop(heap)
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if 0 <= v < height and 0 <= u < width and ids[v, u] == 0:
                ids[v, u] = ids[y, x]
                push(v, u)
    return np.maximum(ids, 0)


def test_by_hand():
    # Two valleys and a ridge of 9: the right flood stands at 1 when the left one is still at 5, so it takes the ridge.
    relief = np.array([[0, 5, 9, 1, 0]], np.uint8)
    assert priority_flood(relief, np.array([[1, 0, 0, 0, 2]])).tolist() == [[1, 1, 2, 2, 2]]
    # A wall in the mask: nothing passes.
    mask = np.array([[True, True, False, True, True]])
    assert priority_flood(relief, np.array([[1, 0, 0, 0, 0]]), mask).tolist() == [[1, 1, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_heap(dtype, seed):
    random = np.random.default_rng(seed)
    relief = random.integers(0, 250, (37, 41)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        relief -= random.random(relief.shape).astype(dtype) * 100
    markers = np.zeros(relief.shape, np.int32)
    markers[random.integers(0, 37, 12), random.integers(0, 41, 12)] = np.arange(1, 13)
    markers[20:25, 20:25] = 13
    mask = random.random(relief.shape) < 0.9
    assert np.array_equal(priority_flood(relief, markers), heap_flood(relief, markers))
    assert np.array_equal(priority_flood(relief, markers, mask), heap_flood(relief, markers, mask))


def test_equals_scikit_image_without_ties():
    random = np.random.default_rng(7)
    relief = random.permutation(50 * 60).reshape(50, 60)
    markers = np.zeros(relief.shape, np.int32)
    markers[::10, ::10] = np.arange(1, 31).reshape(5, 6)
    assert np.array_equal(priority_flood(relief, markers), watershed(relief, markers))
    assert np.array_equal(priority_flood(relief.astype(np.uint16), markers), watershed(relief, markers))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny(shape):
    relief = np.zeros(shape, np.uint8)
    assert not priority_flood(relief, np.zeros(shape, np.int32)).any()
    markers = np.zeros(shape, np.int32)
    markers[0, 0] = 5
    assert (priority_flood(relief, markers) == 5).all()


def test_compact_flood_of_a_plain_is_nearest_marker():
    relief = np.zeros((30, 40), np.uint16)
    rows, columns = np.array([5, 8, 25]), np.array([6, 33, 20])
    ids = compact_flood(relief, rows, columns, 100.0)
    y, x = np.mgrid[:30, :40]
    distance = np.hypot(y - rows[:, None, None], x - columns[:, None, None])
    nearest = distance.argmin(axis=0) + 1
    clear = np.diff(np.sort(distance, axis=0)[:2], axis=0)[0] > 0.1  # levels are whole hundredths of a pixel
    assert np.array_equal(ids[clear], nearest[clear])


def test_compact_flood_without_compactness_is_a_flood():
    relief = np.random.default_rng(3).permutation(900).reshape(30, 30).astype(np.uint16)
    rows, columns = np.array([3, 20]), np.array([4, 22])
    relief[rows, columns] = 0  # compact floods set out at once, whatever the level of their marker
    markers = np.zeros(relief.shape, np.int32)
    markers[rows, columns] = 1, 2
    assert np.array_equal(compact_flood(relief, rows, columns, 0.0), priority_flood(relief, markers))
