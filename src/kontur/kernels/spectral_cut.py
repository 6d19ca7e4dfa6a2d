"""Cut a weighted graph in two by the normalised cut, again and again; both sides stay connected.

Paper: Shi & Malik, "Normalized Cuts and Image Segmentation", IEEE TPAMI 22(8), 2000:

    W -> second eigenvector of D^(-1/2) (D - W) D^(-1/2) -> the threshold of smallest Ncut -> two sides

Differs from the paper: every threshold is tried, not a few; of each side the largest connected piece stays, the rest goes
over. The start vector is fixed, so results repeat.
"""

# mypy: ignore-errors

import heapq
from dataclasses import dataclass
from typing import Any

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf64, ci64, i64
from numpy.typing import NDArray

_DENSE = 250  # nodes up to which matrices are dense: all eigenvectors are then cheaper than a few

Matrix = Any  # scipy.sparse.csr_matrix, or a dense array once a part is small


def cheapest_cuts(affinity: Matrix, touching: Matrix, parts: int, dearest: float = 2.0) -> NDArray[np.int32]:
    """0-based part of each node: cut where Ncut is smallest until there are `parts`, or every cut costs over `dearest`.

    affinity: (n, n) symmetric CSR, weights >= 0. touching: (n, n) CSR of contacts, connected; so are the parts.
    """
    with _one_thread():
        return _cheapest_cuts(affinity, touching, parts, dearest)


def even_cuts(affinity: Matrix, touching: Matrix, size: NDArray[np.float64], parts: int) -> NDArray[np.int32]:
    """0-based part of each node: always cut the largest part (by the nodes' size), neither side under a quarter of it.

    affinity, touching as in `cheapest_cuts`.
    """
    with _one_thread():
        return _even_cuts(affinity, touching, size, parts)


def _one_thread() -> Any:
    """Thousands of small eigenproblems: threads of the linear algebra library would only wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return threadpool_limits(1, "blas")


def _cheapest_cuts(affinity: Matrix, touching: Matrix, parts: int, dearest: float) -> NDArray[np.int32]:
    labels = np.zeros(affinity.shape[0], np.int32)
    queue: list[tuple[float, int, _Part, NDArray[np.bool_]]] = []

    def offer(part: _Part) -> None:
        if len(part.nodes) > 1:
            side, price = part.cut()
            heapq.heappush(queue, (price, int(part.nodes[0]), part, side))

    offer(_Part(np.arange(len(labels)), affinity, touching))
    count = 1
    while queue and count < parts and queue[0][0] <= dearest:
        _, _, part, side = heapq.heappop(queue)
        fresh = part.take(side != side[0])
        labels[fresh.nodes] = count
        count += 1
        if count < parts:
            offer(part.take(side == side[0]))
            offer(fresh)
    return labels


def _even_cuts(affinity: Matrix, touching: Matrix, size: NDArray[np.float64], parts: int) -> NDArray[np.int32]:
    from scipy.sparse.csgraph import connected_components

    count, labels = connected_components(touching, directed=False)
    whole = _Part(np.arange(len(labels)), affinity, touching)
    pieces = [whole] if count == 1 else [whole.take(labels == k) for k in range(count)]
    queue = [(-float(size[piece.nodes].sum()), int(piece.nodes[0]), piece) for piece in pieces]
    heapq.heapify(queue)
    while queue and count < parts:
        _, _, part = heapq.heappop(queue)
        if len(part.nodes) == 1:
            continue
        side, _ = part.cut(least=0.25)
        fresh = part.take(side != side[0])
        labels[fresh.nodes] = count
        count += 1
        for piece in (part.take(side == side[0]), fresh):
            heapq.heappush(queue, (-float(size[piece.nodes].sum()), int(piece.nodes[0]), piece))
    return labels


@dataclass(frozen=True)
class _Part:
    """Some nodes, and the weights and contacts among them."""

    nodes: NDArray[np.intp]
    affinity: Matrix
    touching: Matrix

    def take(self, chosen: NDArray[np.bool_]) -> _Part:
        inside = np.flatnonzero(chosen)
        matrices = []
        for matrix in (self.affinity, self.touching):
            if isinstance(matrix, np.ndarray):
                matrices.append(matrix[np.ix_(inside, inside)])
            else:
                part = matrix[inside][:, inside]
                matrices.append(part.toarray() if len(inside) <= _DENSE else part)
        return _Part(self.nodes[inside], *matrices)

    def cut(self, least: float = 0.0) -> tuple[NDArray[np.bool_], float]:
        """The side of each node, both sides connected, and the cut's Ncut in [0, 2].

        least: share of the nodes that each side gets at least, before unconnected pieces go over.
        """
        n = len(self.nodes)
        degree = np.asarray(self.affinity.sum(axis=1)).ravel() + 1e-12
        order = np.argsort(_second_eigenvector(self.affinity, degree), kind="stable")
        place = np.empty(n, np.int64)
        place[order] = np.arange(n)
        if isinstance(self.affinity, np.ndarray):
            upper = np.triu(self.affinity[np.ix_(order, order)], 1)
            change = upper.sum(axis=1) - upper.sum(axis=0)
        else:
            pairs = self.affinity.tocoo()
            low, high = np.minimum(place[pairs.row], place[pairs.col]), np.maximum(place[pairs.row], place[pairs.col])
            change = (np.bincount(low, pairs.data, n) - np.bincount(high, pairs.data, n)) / 2
        # A weight counts at every threshold between its two ends.
        cut = np.cumsum(change)[:-1]
        weight = np.cumsum(degree[order])
        ncut = cut / weight[:-1] + cut / np.maximum(weight[n - 1] - weight[:-1], 1e-12)
        margin = min(int(least * n), (n - 1) // 2)
        first = margin + int(np.argmin(ncut[margin : n - 1 - margin])) if n - 1 > 2 * margin else (n - 1) // 2
        side = _connected_sides(place <= first, self.touching)
        between = self.affinity[side][:, ~side].sum()
        return side, float(between / degree[side].sum() + between / degree[~side].sum())


def _second_eigenvector(affinity: Matrix, degree: NDArray[np.float64]) -> NDArray[np.float64]:
    """D^(-1/2) times the eigenvector of the second smallest eigenvalue of the normalised Laplacian, sign fixed."""
    root = 1 / np.sqrt(degree)
    if not isinstance(affinity, np.ndarray):
        vector = _second_sparse(affinity, root)
    else:
        vector = np.linalg.eigh(affinity * root * root[:, None])[1][:, len(degree) - 2]
    return vector * root * (1 if vector[np.argmax(np.abs(vector))] > 0 else -1)


def _second_sparse(affinity: Matrix, root: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy import linalg, sparse
    from scipy.sparse.linalg import ArpackError, eigsh

    n = len(root)
    scaled = sparse.diags(root) @ affinity @ sparse.diags(root)
    try:
        # Around just below 0 the smallest eigenvalues become the largest, and few steps find them.
        start = np.random.default_rng(0).standard_normal(n)
        values, vectors = eigsh((sparse.identity(n) - scaled).tocsc(), 2, sigma=-1e-4, v0=start, tol=1e-5)
        return vectors[:, np.argmax(values)]
    except (ArpackError, RuntimeError):  # all eigenvectors, then
        second = max(n - 2, 0)
        return linalg.eigh(scaled.toarray(), subset_by_index=[second, second])[1][:, 0]


def _connected_sides(side: NDArray[np.bool_], touching: Matrix) -> NDArray[np.bool_]:
    """The largest connected piece of the one side, then everything else but what is not connected to its largest piece."""
    for value in (True, False):
        inside = np.flatnonzero(side == value)
        if isinstance(touching, np.ndarray):
            piece = _pieces(touching, inside)
        else:
            from scipy.sparse.csgraph import connected_components

            piece = connected_components(touching[inside][:, inside], directed=False)[1]
        if piece.any():
            side = side.copy()
            side[inside[piece != np.argmax(np.bincount(piece))]] = not value
    return side


@cython.locals(count=i64, pieces=i64, first=i64, size=i64, i=i64, j=i64, piece=i64[::1], stack=i64[::1])
def _pieces(touching: cf64[:, ::1], inside: ci64[::1]):
    """The connected piece, 0.., of each of the nodes `inside` of a dense contact matrix (n, n)."""
    count = inside.shape[0]
    piece = np.full(count, -1, np.int64)
    stack = np.empty(count, np.int64)
    pieces = 0
    with cython.nogil:
        for first in range(count):
            if piece[first] >= 0:
                continue
            piece[first] = pieces
            stack[0], size = first, 1
            while size:
                size -= 1
                i = stack[size]
                for j in range(count):
                    if piece[j] < 0 and touching[inside[i], inside[j]] != 0:
                        piece[j] = pieces
                        stack[size] = j
                        size += 1
            pieces += 1
    return piece.base
