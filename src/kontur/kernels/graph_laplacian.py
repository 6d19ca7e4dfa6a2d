"""Solve (L + D) x = b, L the Laplacian of a weighted graph, D >= 0 diagonal: multigrid on the graph itself.

Paper: Notay, "An aggregation-based algebraic multigrid method", Electronic Transactions on Numerical Analysis 37, 2010:

    graph -> pairs of strongly tied nodes, twice -> smaller graph -> .. -> dense; K-cycle: two conjugate gradient steps a level

Work and memory are linear in the edges, whatever the contrast of the weights (1 to 10^-10 in a random walker).

Differs from the paper: a node left over by the pairing joins its strongest neighbour's pair; a node whose D outweighs its
edges tenfold is left to the smoother.
"""

# mypy: ignore-errors

from dataclasses import dataclass

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf64, ci32, f64, i32, i64
from cython.cimports.libc.math import INFINITY, sqrt
from numpy.typing import NDArray

from .door import array, indices

_DENSE = 400  # nodes below which a level is solved by its inverse
_HARD_SWEEPS = 30  # smoothing of a coarsest level that would not shrink further


@dataclass(frozen=True)
class Level:
    """One graph: rows in CSR form (start, other, weight > 0), diagonal = weights of a row + D; part: node -> coarse node, -1 none."""

    start: NDArray[np.int32]
    other: NDArray[np.int32]
    weight: NDArray[np.float64]
    diagonal: NDArray[np.float64]
    part: NDArray[np.int32]
    coarse_nodes: int


class LaplacianSolver:
    """The hierarchy of one graph, ready for any number of right-hand sides.

    start (n + 1,), other, weight: CSR rows of a symmetric graph, each edge twice, weights > 0. extra: (n,) D >= 0, not all 0.
    """

    def __init__(
        self,
        start: NDArray[np.int32],
        other: NDArray[np.int32],
        weight: NDArray[np.float64],
        extra: NDArray[np.float64],
    ) -> None:
        extra = array("extra", extra, np.float64, None)
        start = indices("start", start, np.int32, len(other) + 1, len(extra) + 1)
        other = indices("other", other, np.int32, max(len(extra), 1), None)
        weight = array("weight", weight, np.float64, len(other))
        if (np.diff(start) < 0).any():
            raise ValueError("start: expected rising numbers")
        self.levels: list[Level] = []
        while True:
            nodes = len(start) - 1
            diagonal = _diagonal(start, weight, extra)
            pairs, count = _pair(start, other, weight, diagonal, extra)
            middle = _coarsen(start, other, weight, extra, pairs, count)
            again, count = _pair(middle[0], middle[1], middle[2], _diagonal(middle[0], middle[2], middle[3]), middle[3])
            small = _coarsen(*middle, again, count)
            part = np.where(pairs >= 0, again[pairs] if len(again) else -1, -1).astype(np.int32)
            last = Level(start, other, weight, diagonal, part, count)
            self.levels.append(last)
            if nodes <= _DENSE or count == 0 or count > 0.8 * nodes:
                break
            start, other, weight, extra = small
        small = len(last.diagonal) <= 4 * _DENSE
        self.factor = _cholesky(last.start, last.other, last.weight, last.diagonal) if small else None

    def solve(self, right: NDArray[np.float64], *, tolerance: float = 1e-8, steps: int = 200) -> NDArray[np.float64]:
        """x (n,) of (L + D) x = right, to a relative residual, by flexible conjugate gradients around one K-cycle."""
        level = self.levels[0]
        right = array("right", right, np.float64, len(level.diagonal))
        solution = np.zeros_like(right)
        residual = right.copy()
        goal = tolerance * np.sqrt(_dot(residual, residual))
        direction = image = np.zeros(0)
        length = 0.0
        for step in range(steps):
            if np.sqrt(_dot(residual, residual)) <= goal:
                break
            correction = self._cycle(0, residual)
            if step:
                correction -= (_dot(correction, image) / length) * direction
            direction = correction
            image = _apply(level.start, level.other, level.weight, level.diagonal, direction)
            length = _dot(direction, image)
            if not length > 0:
                break
            share = _dot(direction, residual) / length
            solution += share * direction
            residual -= share * image
        return solution

    def _cycle(self, depth: int, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """An approximate solution at one level."""
        level = self.levels[depth]
        graph = (level.start, level.other, level.weight, level.diagonal)
        if depth == len(self.levels) - 1:
            if self.factor is not None:
                return _solve(self.factor, right)
            solution = _forward(*graph, right)
            for _ in range(_HARD_SWEEPS):
                _backward(*graph, right, solution)
            return solution
        solution = _forward(*graph, right)
        remaining = _restricted_residual(*graph, right, solution, level.part, level.coarse_nodes)
        _spread(self._two_steps(depth + 1, remaining), level.part, solution)
        _backward(*graph, right, solution)
        return solution

    def _two_steps(self, depth: int, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Up to two flexible conjugate gradient steps; the second only where the first left a quarter of the residual."""
        if depth == len(self.levels) - 1:
            return self._cycle(depth, right)
        level = self.levels[depth]
        graph = (level.start, level.other, level.weight, level.diagonal)
        first = self._cycle(depth, right)
        first_image = _apply(*graph, first)
        energy = _dot(first, first_image)
        if not energy > 0:
            return first
        share = _dot(first, right) / energy
        remaining = right - share * first_image
        if _dot(remaining, remaining) <= 0.0625 * _dot(right, right):
            return share * first
        second = self._cycle(depth, remaining)
        second_image = _apply(*graph, second)
        mixed = _dot(second, first_image)
        energy_second = _dot(second, second_image) - mixed * mixed / energy
        if not energy_second > 0:
            return share * first
        gain = _dot(second, remaining) / energy_second
        return (share - gain * mixed / energy) * first + gain * second


@cython.locals(e=i32, i=i64, diagonal=f64[::1])
def _diagonal(start: ci32[::1], weight: cf64[::1], extra: cf64[::1]):
    diagonal = np.array(extra)
    with cython.nogil:
        for i in range(extra.shape[0]):
            for e in range(start[i], start[i + 1]):
                diagonal[i] += weight[e]
    return diagonal.base


@cython.locals(
    heaviest=f64, heaviest_free=f64, e=i32, j=i32, n=i64, count=i64, i=i64, free=i64, near=i64, part=i32[::1]
)
def _pair(start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1], extra: cf64[::1]):
    """part (n,): pairs by the strongest free neighbour; a left-over joins its strongest neighbour; -1: no coarse node."""
    n = diagonal.shape[0]
    part = np.full(n, -2, np.int32)
    count = 0
    with cython.nogil:
        for i in range(n):
            if part[i] != -2:
                continue
            if 1.1 * extra[i] >= diagonal[i]:
                part[i] = -1
                continue
            heaviest, free, near = 0.0, -1, -1
            heaviest_free = 0.0
            for e in range(start[i], start[i + 1]):
                j = other[e]
                if part[j] == -1:
                    continue
                if weight[e] > heaviest:
                    heaviest, near = weight[e], j
                if part[j] == -2 and weight[e] > heaviest_free and 1.1 * extra[j] < diagonal[j]:
                    heaviest_free, free = weight[e], j
            if free >= 0 and heaviest_free >= 0.9 * heaviest:
                part[i] = part[free] = count
                count += 1
            elif near >= 0 and part[near] >= 0:
                part[i] = part[near]
            else:
                part[i] = count
                count += 1
    return part.base, count


@cython.locals(
    m=i32, e=i32, q=i32, n=i64, i=i64, p=i64, total=i64, row=i64, first=i32[::1], member=i32[::1], fill=i32[::1],
    coarse_start=i32[::1], coarse_other=i32[::1], at=i32[::1], coarse_weight=f64[::1], coarse_extra=f64[::1]
)  # fmt: skip
def _coarsen(start: ci32[::1], other: ci32[::1], weight: cf64[::1], extra: cf64[::1], part: ci32[::1], count: i64):
    """The graph of the parts: weights between two parts add, and so does D; an edge to a node without a part is D."""
    n = extra.shape[0]
    first = np.zeros(count + 1, np.int32)
    with cython.nogil:
        for i in range(n):
            if part[i] >= 0:
                first[part[i] + 1] += 1
        for p in range(count):
            first[p + 1] += first[p]
    member = np.empty(first[count], np.int32)
    fill = first.base[:count].copy()
    with cython.nogil:
        for i in range(n):
            if part[i] >= 0:
                member[fill[part[i]]] = i
                fill[part[i]] += 1
    coarse_start = np.zeros(count + 1, np.int32)
    coarse_other = np.empty(other.shape[0], np.int32)
    coarse_weight = np.empty(other.shape[0], np.float64)
    coarse_extra = np.zeros(count, np.float64)
    at = np.full(count, -1, np.int32)
    total = 0
    with cython.nogil:
        for p in range(count):
            row = total
            for m in range(first[p], first[p + 1]):
                i = member[m]
                coarse_extra[p] += extra[i]
                for e in range(start[i], start[i + 1]):
                    q = part[other[e]]
                    if q < 0:
                        coarse_extra[p] += weight[e]
                    elif q != p:
                        if at[q] < row:
                            at[q] = total
                            coarse_other[total] = q
                            coarse_weight[total] = 0
                            total += 1
                        coarse_weight[at[q]] += weight[e]
            coarse_start[p + 1] = total
    return coarse_start.base, coarse_other.base[:total].copy(), coarse_weight.base[:total].copy(), coarse_extra.base


@cython.locals(value=f64, e=i32, i=i64, out=f64[::1])
def _apply(start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1], x: cf64[::1]):
    out = np.empty_like(x)
    with cython.nogil:
        for i in range(x.shape[0]):
            value = diagonal[i] * x[i]
            for e in range(start[i], start[i + 1]):
                value -= weight[e] * x[other[e]]
            out[i] = value
    return out.base


@cython.locals(value=f64, e=i32, i=i64, x=f64[::1])
def _forward(start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1], right: cf64[::1]):
    """One Gauss-Seidel sweep from x = 0."""
    x = np.zeros_like(right)
    with cython.nogil:
        for i in range(x.shape[0]):
            value = right[i]
            for e in range(start[i], start[i + 1]):
                value += weight[e] * x[other[e]]
            x[i] = value / diagonal[i]
    return x.base


@cython.locals(value=f64, e=i32, i=i64)
def _backward(
    start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1], right: cf64[::1], x: f64[::1]
):
    """One Gauss-Seidel sweep from the last node to the first: with `_forward` before it, the cycle stays symmetric."""
    with cython.nogil:
        for i in range(x.shape[0] - 1, -1, -1):
            value = right[i]
            for e in range(start[i], start[i + 1]):
                value += weight[e] * x[other[e]]
            x[i] = value / diagonal[i]


@cython.locals(value=f64, e=i32, i=i64, out=f64[::1])
def _restricted_residual(
    start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1], right: cf64[::1], x: cf64[::1],
    part: ci32[::1], count: i64
):  # fmt: skip
    out = np.zeros(count, np.float64)
    with cython.nogil:
        for i in range(x.shape[0]):
            if part[i] >= 0:
                value = right[i] - diagonal[i] * x[i]
                for e in range(start[i], start[i + 1]):
                    value += weight[e] * x[other[e]]
                out[part[i]] += value
    return out.base


@cython.locals(i=i64)
def _spread(coarse: cf64[::1], part: ci32[::1], x: f64[::1]):
    with cython.nogil:
        for i in range(x.shape[0]):
            if part[i] >= 0:
                x[i] += coarse[part[i]]


@cython.locals(total=f64, i=i64)
def _dot(a: cf64[::1], b: cf64[::1]):
    """Without BLAS, whose threads would wait for each other on a busy machine."""
    total = 0.0
    with cython.nogil:
        for i in range(a.shape[0]):
            total += a[i] * b[i]
    return total


@cython.locals(value=f64, e=i32, n=i64, i=i64, j=i64, k=i64, factor=f64[:, ::1])
def _cholesky(start: ci32[::1], other: ci32[::1], weight: cf64[::1], diagonal: cf64[::1]):
    """The lower factor of the dense matrix; a row that depends on earlier ones gets no say (pivot infinity)."""
    n = diagonal.shape[0]
    factor = np.zeros((n, n), np.float64)
    with cython.nogil:
        for i in range(n):
            factor[i, i] = diagonal[i]
            for e in range(start[i], start[i + 1]):
                factor[i, other[e]] = -weight[e]
            for j in range(i + 1):
                value = factor[i, j]
                for k in range(j):
                    value -= factor[i, k] * factor[j, k]
                if j < i:
                    factor[i, j] = value / factor[j, j]
                else:
                    factor[i, i] = sqrt(value) if value > 1e-14 * diagonal[i] else INFINITY
    return factor.base


@cython.locals(n=i64, i=i64, k=i64, x=f64[::1])
def _solve(factor: cf64[:, ::1], right: cf64[::1]):
    n = right.shape[0]
    x = np.array(right)
    with cython.nogil:
        for i in range(n):
            for k in range(i):
                x[i] -= factor[i, k] * x[k]
            x[i] /= factor[i, i]
        for i in range(n - 1, -1, -1):
            x[i] /= factor[i, i]
            for k in range(i):
                x[k] -= factor[i, k] * x[i]
    return x.base
