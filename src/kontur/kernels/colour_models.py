"""Colour models and contrast links: the two terms of the energies of graph cut, GrabCut and their relatives.

Papers: Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004; Boykov & Jolly, ICCV 2001.

A mixture is used as GrabCut does: each pixel belongs to the one component that explains it best. The cost of a pixel x
under component k is

    -log weight_k + log|S_k| / 2 + (x - mean_k)' S_k^-1 (x - mean_k) / 2 + noise trace(S_k^-1) / 2

The last term is the expected cost of x blurred by a noise of this variance. With it, S_k = covariance + noise I is the
exact minimiser, so learning never raises the energy, and no component can collapse to a point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .grid_maxflow import STEPS


@dataclass(frozen=True, eq=False)
class ColourModel:
    """A Gaussian mixture ready for evaluation.

    constant: (K,) float32, the part of the cost without the pixel; infinite for an empty component.
    mean: (K, C) float32.   whitening: (K, C, C) float32 upper triangular W with W' W = S^-1.
    """

    constant: NDArray[np.float32]
    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]

    def costs(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The cost of each pixel (N, C) under its best component, and that component: (N,) float32, (N,) uint8."""
        cost = np.empty(len(pixels), np.float32)
        component = np.empty(len(pixels), np.uint8)
        _best_component(pixels, self.constant, self.mean, self.whitening, cost, component)
        return cost, component


def learn(
    pixels: NDArray[np.float32], group: NDArray[np.uint8], components: int, noise: float, start: int = 0
) -> ColourModel:
    """The best mixture for pixels (N, C) with known components: those of `group` in start .. start + components - 1."""
    count, total, product = moments(pixels, group, start + components)
    return from_moments(count[start:], total[start:], product[start:], noise)


def from_moments(count: NDArray, total: NDArray, product: NDArray, noise: float) -> ColourModel:
    """The mixture of given sums: count (K,), total (K, C), product (K, C, C), float64."""
    components, channels = total.shape
    constant = np.full(components, np.inf, np.float32)
    mean = np.zeros((components, channels), np.float32)
    whitening = np.zeros((components, channels, channels), np.float32)
    for k in np.flatnonzero(count > 0):
        centre = total[k] / count[k]
        spread = product[k] / count[k] - np.outer(centre, centre)
        values, vectors = np.linalg.eigh((spread + spread.T) / 2)
        values = np.maximum(values, 0) + noise
        precision = (vectors / values) @ vectors.T
        constant[k] = -np.log(count[k] / count.sum()) + 0.5 * np.log(values).sum() + 0.5 * noise * (1 / values).sum()
        mean[k] = centre
        whitening[k] = np.linalg.cholesky(precision).T
    return ColourModel(constant, mean, whitening)


@njit(cache=True, nogil=True)
def moments(pixels, group, groups):  # type: ignore[no-untyped-def]
    """Count (K,), sum (K, C) and sum of products (K, C, C) of each group's pixels; groups beyond K are left out."""
    channels = pixels.shape[1]
    count = np.zeros(groups, np.float64)
    total = np.zeros((groups, channels), np.float64)
    product = np.zeros((groups, channels, channels), np.float64)
    for n in range(pixels.shape[0]):
        k = group[n]
        if k >= groups:
            continue
        count[k] += 1
        for i in range(channels):
            x = np.float64(pixels[n, i])
            total[k, i] += x
            for j in range(i + 1):
                product[k, i, j] += x * pixels[n, j]
    for k in range(groups):
        for i in range(channels):
            for j in range(i):
                product[k, j, i] = product[k, i, j]
    return count, total, product


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _best_component(pixels, constant, mean, whitening, cost, component):  # type: ignore[no-untyped-def]
    # whitening[k] is upper triangular: row i uses columns i..C-1.
    components, channels = mean.shape
    if channels == 3:
        for n in range(pixels.shape[0]):
            x, y, z = pixels[n, 0], pixels[n, 1], pixels[n, 2]
            best, index = np.float32(np.inf), 0
            for k in range(components):
                a, b, c = x - mean[k, 0], y - mean[k, 1], z - mean[k, 2]
                u = whitening[k, 0, 0] * a + whitening[k, 0, 1] * b + whitening[k, 0, 2] * c
                v = whitening[k, 1, 1] * b + whitening[k, 1, 2] * c
                w = whitening[k, 2, 2] * c
                value = constant[k] + np.float32(0.5) * (u * u + v * v + w * w)
                if value < best:
                    best, index = value, k
            cost[n] = best
            component[n] = index
        return
    for n in range(pixels.shape[0]):
        best, index = np.float32(np.inf), 0
        for k in range(components):
            value = np.float32(0)
            for i in range(channels):
                u = np.float32(0)
                for j in range(i, channels):
                    u += whitening[k, i, j] * (pixels[n, j] - mean[k, j])
                value += u * u
            value = constant[k] + np.float32(0.5) * value
            if value < best:
                best, index = value, k
        cost[n] = best
        component[n] = index


@njit(cache=True, nogil=True)
def mean_squared_difference(pixels, directions):  # type: ignore[no-untyped-def]
    """The mean over all pairs of neighbours of |x - y|^2 for pixels (H, W, C); 0 for a single pixel."""
    height, width, channels = pixels.shape
    total, pairs = 0.0, 0
    for d in range(0, directions, 2):
        dy, dx = STEPS[d]
        for y in range(height - dy):
            row = 0.0
            for x in range(max(0, -dx), width - max(0, dx)):
                for c in range(channels):
                    difference = np.float64(pixels[y, x, c]) - np.float64(pixels[y + dy, x + dx, c])
                    row += difference * difference
            total += row
            pairs += max(0, width - abs(dx))
    return total / pairs if pairs else 0.0


@njit(cache=True, nogil=True)
def contrast_links(pixels, gamma, beta, directions):  # type: ignore[no-untyped-def]
    """The price of cutting each link: gamma exp(-beta |x - y|^2) / step length, (D, H, W) float32 in the order of `STEPS`."""
    height, width, channels = pixels.shape
    links = np.zeros((directions, height, width), np.float32)
    for d in range(0, directions, 2):
        dy, dx = STEPS[d]
        scale = np.float32(gamma / np.sqrt(dy * dy + dx * dx))
        for y in range(height - dy):
            for x in range(max(0, -dx), width - max(0, dx)):
                square = np.float32(0)
                for c in range(channels):
                    difference = pixels[y, x, c] - pixels[y + dy, x + dx, c]
                    square += difference * difference
                price = scale * np.exp(-np.float32(beta) * square)
                links[d, y, x] = price
                links[d + 1, y + dy, x + dx] = price
    return links
