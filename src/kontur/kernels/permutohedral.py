"""Permutohedral lattice: Gaussian filtering in many dimensions in time linear in the points.

Paper: Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Eurographics 2010:

    features (N, D) -> splat on the D + 1 corners of each point's simplex -> blur along D + 1 axes -> slice

A feature unit is one standard deviation of the Gaussian.

Differs from the paper: a vertex is known by one 64-bit fingerprint, linear in its coordinates, so no key is stored and
a neighbour's fingerprint is one addition away. Two of M vertices share one with probability about M² / 2^65 (3e-8 at
a million).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lattice:
    """Where each point lies. vertices: M, the occupied ones.

    corners:    (N, D + 1) int32, the vertices around a point.
    weights:    (N, D + 1) float32, barycentric, each row sums to 1.
    neighbours: (D + 1, M, 2) int32, both neighbours along an axis; M where there is none.
    """

    corners: NDArray[np.int32]
    weights: NDArray[np.float32]
    neighbours: NDArray[np.int32]

    @property
    def vertices(self) -> int:
        return int(self.neighbours.shape[1])

    @property
    def gain(self) -> float:
        """What a slice is multiplied with, so that the blur keeps its sum as Adams et al. have it."""
        return 1.0 / (1.0 + 2.0 ** (1 - self.neighbours.shape[0]))

    def filter(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum over all points of values (N, L), weighted by the Gaussian of their distance: (N, L), not normalised."""
        values = np.ascontiguousarray(values, np.float32)
        table = np.zeros((self.vertices + 1, values.shape[1]), np.float32)
        _splat(values, self.corners, self.weights, table)
        table = blur(table, np.empty_like(table), self.neighbours)
        return _slice(table, self.corners, self.weights, np.float32(self.gain))

    @classmethod
    def of(cls, features: NDArray) -> Lattice:
        """The lattice of features (N, D); one unit is one standard deviation."""
        features = np.ascontiguousarray(features, np.float32)
        dimensions = features.shape[1]
        # Odd random multipliers from a fixed generator: the same fingerprints in every run.
        hashes = np.random.default_rng(2010).integers(0, 2**64, dimensions, np.uint64) | np.uint64(1)
        # As a tuple their number is known when compiling: the loops over dimensions are unrolled (1.6 times faster).
        few = tuple(hashes) if dimensions <= 6 else hashes
        corners, weights, prints, table, slots = _occupy(features, few)
        return cls(corners, weights, _neighbours(prints, table, slots, hashes))


@njit(cache=True, nogil=True, inline="always")
def _slot(fingerprint, shift):  # type: ignore[no-untyped-def]
    return np.int64((fingerprint * np.uint64(0x9E3779B97F4A7C15)) >> shift)


@njit(cache=True, nogil=True)
def _grown(table, prints, count):  # type: ignore[no-untyped-def]
    """Room for twice the slots; returns the slots (index + 1, 0 = free) and the shift that makes a slot of a hash."""
    bits = np.int64(0)
    while (np.int64(1) << bits) < 2 * table.size:
        bits += 1
    bigger = np.zeros(np.int64(1) << bits, np.int32)
    shift = np.uint64(64 - bits)
    mask = bigger.size - 1
    for index in range(count):
        slot = _slot(prints[index], shift)
        while bigger[slot]:
            slot = (slot + 1) & mask
        bigger[slot] = index + 1
    more = np.empty(bigger.size // 2 + 64, np.uint64)
    more[:count] = prints[:count]
    return bigger, more, shift


@njit(cache=True, nogil=True)
def _occupy(features, hashes):  # type: ignore[no-untyped-def]
    """Corners and weights of every point, the fingerprints of the M vertices, and the hash table over them."""
    n, d = features.shape[0], len(hashes)
    table, prints, shift = _grown(np.zeros(1 << 13, np.int32), np.empty(0, np.uint64), 0)
    mask = table.size - 1
    count = 0
    corners = np.empty((n, d + 1), np.int32)
    weights = np.empty((n, d + 1), np.float32)
    scale = np.empty(d, np.float32)
    for i in range(d):
        scale[i] = np.sqrt(2.0 / 3.0) * (d + 1) / np.sqrt((i + 1.0) * (i + 2.0))
    total = np.uint64(0)
    for i in range(d):
        total += hashes[i]
    elevated = np.empty(d + 1, np.float32)
    nearest = np.empty(d + 1, np.int64)
    rank = np.empty(d + 1, np.int64)
    share = np.empty(d + 2, np.float32)
    for p in range(n):
        # Onto the hyperplane whose coordinates sum to 0.
        running = np.float32(0)
        for j in range(d, 0, -1):
            value = features[p, j - 1] * scale[j - 1]
            elevated[j] = running - np.float32(j) * value
            running += value
        elevated[0] = running
        # The nearest point whose coordinates are multiples of d + 1, and the order of the differences to it.
        excess = np.int64(0)
        for i in range(d + 1):
            step = np.int64(np.floor(elevated[i] / np.float32(d + 1) + np.float32(0.5)))
            nearest[i] = step * (d + 1)
            excess += step
            elevated[i] -= np.float32(nearest[i])
            rank[i] = 0
        for i in range(d):
            for j in range(i + 1, d + 1):
                lower = np.int64(elevated[i] < elevated[j])
                rank[i] += lower
                rank[j] += 1 - lower
        # Back into the hyperplane: move the coordinates that were rounded furthest.
        if excess != 0:
            for i in range(d + 1):
                rank[i] += excess
                if rank[i] < 0:
                    rank[i] += d + 1
                    nearest[i] += d + 1
                    elevated[i] -= np.float32(d + 1)
                elif rank[i] > d:
                    rank[i] -= d + 1
                    nearest[i] -= d + 1
                    elevated[i] += np.float32(d + 1)
        for k in range(d + 2):
            share[k] = 0
        for i in range(d + 1):
            part = elevated[i] / np.float32(d + 1)
            share[d - rank[i]] += part
            share[d + 1 - rank[i]] -= part
        share[0] += np.float32(1) + share[d + 1]
        base = np.uint64(0)
        for i in range(d):
            base += np.uint64(nearest[i]) * hashes[i]
        # Corner k: k is added to all coordinates, and d + 1 taken from the k of highest rank.
        fingerprint = base
        for k in range(d + 1):
            if k:
                fingerprint += total
                for i in range(d):
                    if rank[i] == d + 1 - k:
                        fingerprint -= np.uint64(d + 1) * hashes[i]
            slot = _slot(fingerprint, shift)
            while True:
                found = table[slot]
                if found == 0:
                    prints[count] = fingerprint
                    count += 1
                    table[slot] = count
                    found = count
                    break
                if prints[found - 1] == fingerprint:
                    break
                slot = (slot + 1) & mask
            corners[p, k] = found - 1
            weights[p, k] = share[k]
        if 2 * (count + d + 1) > table.size:
            table, prints, shift = _grown(table, prints, count)
            mask = table.size - 1
    return corners, weights, prints[:count], table, shift


@njit(cache=True, nogil=True)
def _neighbours(prints, table, shift, hashes):  # type: ignore[no-untyped-def]
    """Along axis j a neighbour differs by +1 in every coordinate but j, and by -d there; the other by the opposite."""
    m = prints.size
    d = hashes.size
    mask = table.size - 1
    total = np.uint64(0)
    for i in range(d):
        total += hashes[i]
    neighbours = np.empty((d + 1, m, 2), np.int32)
    for j in range(d + 1):
        step = total
        if j < d:
            step -= np.uint64(d + 1) * hashes[j]
        for v in range(m):
            for side in range(2):
                wanted = prints[v] + step if side else prints[v] - step
                slot = _slot(wanted, shift)
                at = m
                while table[slot]:
                    index = table[slot] - 1
                    if prints[index] == wanted:
                        at = index
                        break
                    slot = (slot + 1) & mask
                neighbours[j, v, side] = at
    return neighbours


@njit(cache=True, nogil=True)
def blur(table, spare, neighbours):  # type: ignore[no-untyped-def]
    """(1/2, 1, 1/2) along every axis. table, spare: (M + 1, L) float32. Returns the one that holds the result."""
    axes, m = neighbours.shape[:2]
    width = table.shape[1]
    half = np.float32(0.5)
    for c in range(width):
        table[m, c] = 0
        spare[m, c] = 0
    old, new = table, spare
    for j in range(axes):
        if width == 1:
            for v in range(m):
                new[v, 0] = old[v, 0] + half * (old[neighbours[j, v, 0], 0] + old[neighbours[j, v, 1], 0])
        else:
            for v in range(m):
                here, left, right = old[v], old[neighbours[j, v, 0]], old[neighbours[j, v, 1]]
                out = new[v]
                for c in range(width):
                    out[c] = here[c] + half * (left[c] + right[c])
        old, new = new, old
    return old


@njit(cache=True, nogil=True)
def _splat(values, corners, weights, table):  # type: ignore[no-untyped-def]
    n, width = values.shape
    for p in range(n):
        for k in range(corners.shape[1]):
            row, weight = table[corners[p, k]], weights[p, k]
            for c in range(width):
                row[c] += weight * values[p, c]


@njit(cache=True, nogil=True)
def _slice(table, corners, weights, gain):  # type: ignore[no-untyped-def]
    n = corners.shape[0]
    width = table.shape[1]
    out = np.zeros((n, width), np.float32)
    for p in range(n):
        for k in range(corners.shape[1]):
            row, weight = table[corners[p, k]], gain * weights[p, k]
            for c in range(width):
                out[p, c] += weight * row[c]
    return out
