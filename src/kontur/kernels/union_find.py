"""Disjoint sets in one array: `parent[i]` is an element nearer to the root of i; a root is its own parent.

Source: Tarjan & van Leeuwen, "Worst-case analysis of set union algorithms", J. ACM 31(2), 1984 (path halving).
"""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def find(parent, i):  # type: ignore[no-untyped-def]
    """The root of element i; the path to it is halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def unite_low(parent, i, j):  # type: ignore[no-untyped-def]
    """Join the sets of i and j under the smaller root, so that every parent points to a smaller or equal index."""
    i, j = find(parent, i), find(parent, j)
    if i < j:
        parent[j] = i
        return i
    parent[i] = j
    return j
