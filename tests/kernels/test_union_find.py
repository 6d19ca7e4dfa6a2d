"""Disjoint sets against plain sets."""

import numpy as np

from kontur.kernels.union_find import find, unite_low


def test_random_unions_match_plain_sets():
    random = np.random.default_rng(0)
    parent = np.arange(60, dtype=np.int32)
    sets = [{i} for i in range(60)]
    for i, j in random.integers(0, 60, (45, 2)):
        root = unite_low(parent, i, j)
        if sets[i] is not sets[j]:
            joined = sets[i] | sets[j]
            for member in joined:
                sets[member] = joined
        assert root == min(sets[i])
        assert (parent <= np.arange(60)).all()
    for i in range(60):
        assert find(parent, i) == min(sets[i])
