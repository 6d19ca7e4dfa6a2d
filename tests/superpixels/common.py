"""What is true of every superpixel method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_NEIGHBOURS = {4: None, 8: np.ones((3, 3), int)}


def pieces(ids: NDArray, neighbours: int = 4) -> int:
    """Connected components over all ids but 0."""
    return sum(ndimage.label(ids == i, _NEIGHBOURS[neighbours])[1] for i in np.unique(ids) if i)


def assert_partition(ids: NDArray, neighbours: int = 4) -> None:
    """Every pixel has an id, the ids are 1..n, and each is one connected region."""
    values = np.unique(ids)
    assert values.tolist() == list(range(1, len(values) + 1))
    assert pieces(ids, neighbours) == len(values)


def four_quadrants(size: int = 40, noise: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """An RGB image of four even squares, and their numbers."""
    truth = np.add.outer(2 * (np.arange(size) >= size // 2), np.arange(size) >= size // 2).astype(np.int64)
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]])
    image = colours[truth] + np.random.default_rng(0).integers(-noise, noise + 1, (size, size, 3))
    return image.clip(0, 255).astype(np.uint8), truth


def impurity(ids: NDArray, truth: NDArray) -> float:
    """The share of pixels outside the truth region that their superpixel mostly lies in."""
    table = np.zeros((int(ids.max()) + 1, int(truth.max()) + 1), np.int64)
    np.add.at(table, (ids, truth), 1)
    return 1 - table.max(axis=1).sum() / ids.size
