"""Disjoint sets in one array: `parent[i]` is an element nearer to the root of i; a root is its own parent.

Source: Tarjan & van Leeuwen, "Worst-case analysis of set union algorithms", J. ACM 31(2), 1984 (path halving). Compiled
callers take `find` and `unite_low` from common.pxd, which are inlined; these are the same for Python.
"""

# mypy: ignore-errors

from cython.cimports.kontur.kernels import common
from cython.cimports.kontur.kernels.common import i32, i64


def find(parent: i32[::1], i: i64) -> int:
    """The root of element i; the path to it is halved on the way."""
    if not 0 <= i < parent.shape[0]:
        raise IndexError(f"element: expected a number from 0 to {parent.shape[0] - 1}, got {i}")
    return common.find(parent, i)


def unite_low(parent: i32[::1], i: i64, j: i64) -> int:
    """Join the sets of i and j under the smaller root, so that every parent points to a smaller or equal index."""
    return common.unite_low(parent, find(parent, i), find(parent, j))
