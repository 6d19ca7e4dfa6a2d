"""Which labels of two maps meet, and in how many pixels: the sparse contingency table of two label maps."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def overlaps(
    first: NDArray[np.int32], second: NDArray[np.int32], first_labels: int, second_labels: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The pairs of labels that share pixels: label in `first`, label in `second`, pixels; sorted by the first.

    first, second: (H, W) int32, labels 0..first_labels - 1 and 0..second_labels - 1.

    Runs in which both labels stay are sorted by the first label, so time and memory grow with the runs and not with
    the product of the label counts.
    """
    height, width = first.shape
    begin = np.zeros(first_labels + 1, np.int64)  # where a label's runs begin; at first, how many it has
    for y in range(height):
        for x in range(width):
            if x == width - 1 or first[y, x] != first[y, x + 1] or second[y, x] != second[y, x + 1]:
                begin[first[y, x] + 1] += 1
    begin = np.cumsum(begin)
    free = begin[:-1].copy()
    run_label = np.empty(begin[-1], np.int32)
    run_length = np.empty(begin[-1], np.int32)
    for y in range(height):
        start = 0
        for x in range(width):
            if x == width - 1 or first[y, x] != first[y, x + 1] or second[y, x] != second[y, x + 1]:
                place = free[first[y, x]]
                free[first[y, x]] += 1
                run_label[place] = second[y, x]
                run_length[place] = x + 1 - start
                start = x + 1

    pairs = 0
    seen = np.full(second_labels, -1, np.int64)  # the pair of the present first label with this second label
    ours = np.empty(begin[-1], np.int32)
    theirs = np.empty(begin[-1], np.int32)
    pixels = np.empty(begin[-1], np.int64)
    for label in range(first_labels):
        earlier = pairs
        for run in range(begin[label], begin[label + 1]):
            other = run_label[run]
            if seen[other] < earlier:
                seen[other] = pairs
                ours[pairs] = label
                theirs[pairs] = other
                pixels[pairs] = 0
                pairs += 1
            pixels[seen[other]] += run_length[run]
    return ours[:pairs].copy(), theirs[:pairs].copy(), pixels[:pairs].copy()


def dense(labels: NDArray) -> NDArray[np.int32]:
    """Any integer map as int32 from 0: negative or far-apart values are renumbered in rising order, others kept."""
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) > 4 * labels.size + 1000):
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    return np.ascontiguousarray(labels, dtype=np.int32)
