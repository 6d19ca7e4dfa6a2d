"""Which labels of two maps meet, and in how many pixels: the sparse contingency table of two label maps."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import ci32, i32, i64
from numpy.typing import NDArray

from .door import indices


def overlaps(
    first: NDArray[np.integer], second: NDArray[np.integer], first_labels: int, second_labels: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The pairs of labels that share pixels: label in `first`, label in `second`, pixels; sorted by the first.

    first, second: (H, W) int32, labels 0..first_labels - 1 and 0..second_labels - 1.

    Runs in which both labels stay are sorted by the first label, so time and memory grow with the runs and not with
    the product of the label counts.
    """
    first = indices("first", first, np.int32, first_labels, None, None)
    return _overlaps(
        first, indices("second", second, np.int32, second_labels, *first.shape), first_labels, second_labels
    )


@cython.locals(
    other=i32, height=i64, width=i64, y=i64, x=i64, start=i64, place=i64, pairs=i64, label=i64, earlier=i64, run=i64,
    begin=i64[::1], free=i64[::1], seen=i64[::1], pixels=i64[::1], run_label=i32[::1], run_length=i32[::1],
    ours=i32[::1], theirs=i32[::1]
)  # fmt: skip
def _overlaps(first: ci32[:, ::1], second: ci32[:, ::1], first_labels: i64, second_labels: i64):
    height, width = first.shape[0], first.shape[1]
    begin = np.zeros(first_labels + 1, np.int64)  # where a label's runs begin; at first, how many it has
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if x == width - 1 or first[y, x] != first[y, x + 1] or second[y, x] != second[y, x + 1]:
                    begin[first[y, x] + 1] += 1
    begin = np.cumsum(begin)
    free = begin.base[:first_labels].copy()
    run_label = np.empty(begin[first_labels], np.int32)
    run_length = np.empty(begin[first_labels], np.int32)
    with cython.nogil:
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
    ours = np.empty(begin[first_labels], np.int32)
    theirs = np.empty(begin[first_labels], np.int32)
    pixels = np.empty(begin[first_labels], np.int64)
    with cython.nogil:
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
    return ours.base[:pairs].copy(), theirs.base[:pairs].copy(), pixels.base[:pairs].copy()


def dense(labels: NDArray) -> NDArray[np.int32]:
    """Any integer map as int32 from 0: negative or far-apart values are renumbered in rising order, others kept."""
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) > 4 * labels.size + 1000):
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    return np.ascontiguousarray(labels, dtype=np.int32)
