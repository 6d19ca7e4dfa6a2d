"""Permutohedral lattice: Gaussian filtering in many dimensions in time linear in the points.

Paper: Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", Eurographics 2010:

    features (N, D) -> splat on the D + 1 corners of each point's simplex -> blur along D + 1 axes -> slice

A feature unit is one standard deviation of the Gaussian.

Differs from the paper: a vertex is known by one 64-bit fingerprint, linear in its coordinates, so no key is stored and
a neighbour's fingerprint is one addition away. Two of M vertices share one with probability about M² / 2^65 (3e-8 at
a million).
"""

# mypy: ignore-errors

from dataclasses import dataclass

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf32, ci32, cu64, f32, i32, i64, u64
from cython.cimports.libc.math import floorf, sqrt
from numpy.typing import NDArray

from .door import array

_FARTHEST = 1e6


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
        values = array("values", values, np.float32, len(self.corners), None)
        table = np.zeros((self.vertices + 1, values.shape[1]), np.float32)
        _splat(values, self.corners, self.weights, table)
        table = blur(table, np.empty_like(table), self.neighbours)
        return _slice(table, self.corners, self.weights, np.float32(self.gain))

    @classmethod
    def of(cls, features: NDArray) -> Lattice:
        """The lattice of features (N, D); one unit is one standard deviation."""
        features = array("features", features, np.float32, None, None)
        if not (np.abs(features) < _FARTHEST).all():  # NaN as well
            raise ValueError(f"features: expected numbers between -{_FARTHEST:g} and {_FARTHEST:g} standard deviations")
        dimensions = features.shape[1]
        # Odd random multipliers from a fixed generator: the same fingerprints in every run.
        hashes = np.random.default_rng(2010).integers(0, 2**64, dimensions, np.uint64) | np.uint64(1)
        corners, weights, prints, table, slots = _occupy(features, hashes)
        return cls(corners, weights, _neighbours(prints, table, slots, hashes))


@cython.cfunc
@cython.nogil
def _slot(fingerprint: u64, shift: u64) -> i64:
    return cast(i64, (fingerprint * cast(u64, 0x9E3779B97F4A7C15)) >> shift)


@cython.locals(bits=i64, mask=i64, index=i64, slot=i64, shift=u64, bigger=i32[::1], more=u64[::1])
def _grown(table: ci32[::1], prints: cu64[::1], count: i64):
    """Room for twice the slots; returns the slots (index + 1, 0 = free) and the shift that makes a slot of a hash."""
    bits = 0
    with cython.nogil:
        while (cast(i64, 1) << bits) < 2 * table.shape[0]:
            bits += 1
    bigger = np.zeros(cast(i64, 1) << bits, np.int32)
    shift = cast(u64, 64 - bits)
    mask = bigger.shape[0] - 1
    with cython.nogil:
        for index in range(count):
            slot = _slot(prints[index], shift)
            while bigger[slot]:
                slot = (slot + 1) & mask
            bigger[slot] = index + 1
    more = np.empty(bigger.shape[0] // 2 + 64, np.uint64)
    more[:count] = prints[:count]
    return bigger.base, more.base, shift


@cython.locals(
    running=f32, value=f32, part=f32, n=i64, d=i64, mask=i64, count=i64, i=i64, p=i64, j=i64, excess=i64, step=i64,
    lower=i64, k=i64, slot=i64, found=i64, shift=u64, total=u64, base=u64, fingerprint=u64, prints=u64[::1],
    table=i32[::1], corners=i32[:, ::1], weights=f32[:, ::1], scale=f32[::1], elevated=f32[::1], share=f32[::1],
    nearest=i64[::1], rank=i64[::1]
)  # fmt: skip
def _occupy(features: cf32[:, ::1], hashes: cu64[::1]):
    """Corners and weights of every point, the fingerprints of the M vertices, and the hash table over them."""
    n, d = features.shape[0], hashes.shape[0]
    table, prints, shift = _grown(np.zeros(1 << 13, np.int32), np.empty(0, np.uint64), 0)
    mask = table.shape[0] - 1
    count = 0
    corners = np.empty((n, d + 1), np.int32)
    weights = np.empty((n, d + 1), np.float32)
    scale = np.empty(d, np.float32)
    with cython.nogil:
        for i in range(d):
            scale[i] = sqrt(2.0 / 3.0) * (d + 1) / sqrt((i + 1.0) * (i + 2.0))
        total = 0
        for i in range(d):
            total += hashes[i]
    elevated = np.empty(d + 1, np.float32)
    nearest = np.empty(d + 1, np.int64)
    rank = np.empty(d + 1, np.int64)
    share = np.empty(d + 2, np.float32)
    for p in range(n):
        # Onto the hyperplane whose coordinates sum to 0.
        running = cast(f32, 0)
        for j in range(d, 0, -1):
            value = features[p, j - 1] * scale[j - 1]
            elevated[j] = running - cast(f32, j) * value
            running += value
        elevated[0] = running
        # The nearest point whose coordinates are multiples of d + 1, and the order of the differences to it.
        excess = 0
        for i in range(d + 1):
            step = cast(i64, floorf(elevated[i] / cast(f32, d + 1) + cast(f32, 0.5)))
            nearest[i] = step * (d + 1)
            excess += step
            elevated[i] -= cast(f32, nearest[i])
            rank[i] = 0
        for i in range(d):
            for j in range(i + 1, d + 1):
                lower = cast(i64, elevated[i] < elevated[j])
                rank[i] += lower
                rank[j] += 1 - lower
        # Back into the hyperplane: move the coordinates that were rounded furthest.
        if excess != 0:
            for i in range(d + 1):
                rank[i] += excess
                if rank[i] < 0:
                    rank[i] += d + 1
                    nearest[i] += d + 1
                    elevated[i] -= cast(f32, d + 1)
                elif rank[i] > d:
                    rank[i] -= d + 1
                    nearest[i] -= d + 1
                    elevated[i] += cast(f32, d + 1)
        for k in range(d + 2):
            share[k] = 0
        for i in range(d + 1):
            part = elevated[i] / cast(f32, d + 1)
            share[d - rank[i]] += part
            share[d + 1 - rank[i]] -= part
        share[0] += cast(f32, 1) + share[d + 1]
        base = cast(u64, 0)
        for i in range(d):
            base += cast(u64, nearest[i]) * hashes[i]
        # Corner k: k is added to all coordinates, and d + 1 taken from the k of highest rank.
        fingerprint = base
        for k in range(d + 1):
            if k:
                fingerprint += total
                for i in range(d):
                    if rank[i] == d + 1 - k:
                        fingerprint -= cast(u64, d + 1) * hashes[i]
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
        if 2 * (count + d + 1) > table.shape[0]:
            table, prints, shift = _grown(table, prints, count)
            mask = table.shape[0] - 1
    return corners.base, weights.base, prints.base[:count], table.base, shift


@cython.locals(
    m=i64, d=i64, mask=i64, i=i64, j=i64, v=i64, side=i64, slot=i64, at=i64, index=i64, total=u64, step=u64,
    wanted=u64, neighbours=i32[:, :, ::1]
)  # fmt: skip
def _neighbours(prints: cu64[::1], table: ci32[::1], shift: i64, hashes: cu64[::1]):
    """Along axis j a neighbour differs by +1 in every coordinate but j, and by -d there; the other by the opposite."""
    m = prints.shape[0]
    d = hashes.shape[0]
    mask = table.shape[0] - 1
    total = 0
    with cython.nogil:
        for i in range(d):
            total += hashes[i]
    neighbours = np.empty((d + 1, m, 2), np.int32)
    with cython.nogil:
        for j in range(d + 1):
            step = total
            if j < d:
                step -= cast(u64, d + 1) * hashes[j]
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
    return neighbours.base


def blur(table: f32[:, ::1], spare: f32[:, ::1], neighbours: ci32[:, :, ::1]) -> NDArray[np.float32]:
    """(1/2, 1, 1/2) along every axis. table, spare: (M + 1, L) float32, both overwritten; returns `spare`, the result."""
    with cython.nogil:
        blurred(table, spare, neighbours)
    return spare.base


@cython.cfunc
@cython.nogil
@cython.locals(
    half=f32, axes=i64, m=i64, width=i64, c=i64, j=i64, v=i64, old=f32[:, ::1], new=f32[:, ::1], here=cf32[::1],
    left=cf32[::1], right=cf32[::1], out=f32[::1]
)  # fmt: skip
def blurred(table: f32[:, ::1], spare: f32[:, ::1], neighbours: ci32[:, :, ::1]) -> void:
    """`blur` for compiled callers."""
    axes, m = neighbours.shape[0], neighbours.shape[1]
    width = table.shape[1]
    half = 0.5
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
    if axes % 2 == 0:
        spare[:] = table


@cython.locals(weight=f32, n=i64, width=i64, p=i64, k=i64, c=i64, row=f32[::1])
def _splat(values: cf32[:, ::1], corners: ci32[:, ::1], weights: cf32[:, ::1], table: f32[:, ::1]):
    n, width = values.shape[0], values.shape[1]
    with cython.nogil:
        for p in range(n):
            for k in range(corners.shape[1]):
                row, weight = table[corners[p, k]], weights[p, k]
                for c in range(width):
                    row[c] += weight * values[p, c]


@cython.locals(weight=f32, n=i64, width=i64, p=i64, k=i64, c=i64, out=f32[:, ::1], row=cf32[::1])
def _slice(table: cf32[:, ::1], corners: ci32[:, ::1], weights: cf32[:, ::1], gain: f32):
    n = corners.shape[0]
    width = table.shape[1]
    out = np.zeros((n, width), np.float32)
    with cython.nogil:
        for p in range(n):
            for k in range(corners.shape[1]):
                row, weight = table[corners[p, k]], gain * weights[p, k]
                for c in range(width):
                    out[p, c] += weight * row[c]
    return out.base
