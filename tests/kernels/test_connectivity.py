"""Connected pieces by hand and as an invariant."""

import numpy as np
import pytest
from scipy import ndimage

from kontur.kernels.connectivity import connected


def id_map(text):
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def test_by_hand():
    labels = id_map("1112 1122 3122 3331")
    planes = np.zeros((1, 4, 4))
    planes[0] = id_map("0009 0099 5099 5555")  # the lone 1 in the corner looks like its neighbour 3
    assert connected(labels, planes).tolist() == id_map("1112 1122 3122 3334").tolist()
    assert connected(labels, planes, keep=3).tolist() == id_map("1112 1122 3122 3333").tolist()
    planes[0, 3, 3] = 8  # now it looks like its neighbour 2
    assert connected(labels, planes, smallest=2).tolist() == id_map("1112 1122 3122 3332").tolist()


@pytest.mark.parametrize("seed", range(5))
def test_random_maps(seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, (30, 35))
    labels[random.random(labels.shape) < 0.1] = -1
    planes = random.random((2, 30, 35))
    inside = labels >= 0
    every = connected(labels, planes)
    pieces = sum(ndimage.label(labels == i)[1] for i in range(4))
    assert every.max() == pieces
    few = connected(labels, planes, keep=20)
    assert np.array_equal(few > 0, inside)
    for i in range(1, few.max() + 1):
        assert ndimage.label(few == i)[1] == 1
    islands = ndimage.label(inside)[1]
    assert 20 <= few.max() <= 20 + islands
    # A piece is never cut: what was together stays together.
    assert all(len(np.unique(few[every == i])) == 1 for i in range(1, every.max() + 1))


def test_islands_of_small_pieces_keep_their_largest():
    labels = id_map("11199 11199 99999 22399".replace("9", "0")) - 1
    assert connected(labels, np.zeros((1, 4, 5)), smallest=5).tolist() == id_map("11100 11100 00000 22200").tolist()
