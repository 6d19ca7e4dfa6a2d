"""The compiled loops of a Gaussian mixture: densities, sums of the expectation step, the most probable component."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _log_densities(points, n, means, constant, whitening, logs, offset):  # type: ignore[no-untyped-def]
    """log(weight_k N(x_n; k)) into logs (K,); returns log of their sum."""
    clusters, width = means.shape
    highest = -np.inf
    for k in range(clusters):
        square = 0.0
        for i in range(width):
            offset[i] = points[n, i] - means[k, i]
            z = 0.0
            for j in range(i + 1):
                z += whitening[k, i, j] * offset[j]
            square += z * z
        logs[k] = constant[k] - 0.5 * square
        highest = max(highest, logs[k])
    total = 0.0
    for k in range(clusters):
        total += np.exp(logs[k] - highest)
    return highest + np.log(total)


@njit(cache=True, nogil=True)
def expectation(points, means, constant, whitening):  # type: ignore[no-untyped-def]
    """The log-likelihood, and for each component the sums of r, r x and r (x - mean)(x - mean)'."""
    clusters, width = means.shape
    mass = np.zeros(clusters)
    first = np.zeros((clusters, width))
    second = np.zeros((clusters, width, width))
    logs, offset = np.empty(clusters), np.empty(width)
    likelihood = 0.0
    for n in range(points.shape[0]):
        log_total = _log_densities(points, n, means, constant, whitening, logs, offset)
        likelihood += log_total
        for k in range(clusters):
            r = np.exp(logs[k] - log_total)
            if r < 1e-12:
                continue
            mass[k] += r
            for i in range(width):
                d = points[n, i] - means[k, i]
                first[k, i] += r * points[n, i]
                for j in range(i + 1):
                    second[k, i, j] += r * d * (points[n, j] - means[k, j])
    for k in range(clusters):
        for i in range(width):
            for j in range(i):
                second[k, j, i] = second[k, i, j]
    return likelihood, mass, first, second


@njit(cache=True, nogil=True)
def most_probable(points, means, constant, whitening):  # type: ignore[no-untyped-def]
    clusters, width = means.shape
    labels = np.empty(points.shape[0], np.int32)
    posterior = np.empty(points.shape[0], np.float32)
    logs, offset = np.empty(clusters), np.empty(width)
    for n in range(points.shape[0]):
        log_total = _log_densities(points, n, means, constant, whitening, logs, offset)
        best = 0
        for k in range(1, clusters):
            if logs[k] > logs[best]:
                best = k
        labels[n] = best
        posterior[n] = np.exp(logs[best] - log_total)
    return labels, posterior
