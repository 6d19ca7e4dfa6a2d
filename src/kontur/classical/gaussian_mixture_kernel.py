"""The compiled loops of a Gaussian mixture: densities, sums of the expectation step, the most probable component."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf32, cf64, f32, f64, i32, i64
from cython.cimports.libc.math import INFINITY, exp, log


@cython.cfunc
@cython.nogil
@cython.locals(highest=f64, square=f64, z=f64, total=f64, clusters=i64, width=i64, k=i64, i=i64, j=i64)
def _log_densities(
    points: cf32[:, ::1], n: i64, means: cf64[:, ::1], constant: cf64[::1], whitening: cf64[:, :, ::1],
    logs: f64[::1], offset: f64[::1]
) -> f64:  # fmt: skip
    """log(weight_k N(x_n; k)) into logs (K,); returns log of their sum."""
    clusters, width = means.shape[0], means.shape[1]
    highest = -INFINITY
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
        total += exp(logs[k] - highest)
    return highest + log(total)


@cython.locals(
    likelihood=f64, log_total=f64, r=f64, d=f64, clusters=i64, width=i64, n=i64, k=i64, i=i64, j=i64, mass=f64[::1],
    logs=f64[::1], offset=f64[::1], first=f64[:, ::1], second=f64[:, :, ::1]
)  # fmt: skip
def expectation(points: cf32[:, ::1], means: cf64[:, ::1], constant: cf64[::1], whitening: cf64[:, :, ::1]):
    """The log-likelihood, and for each component the sums of r, r x and r (x - mean)(x - mean)'."""
    clusters, width = means.shape[0], means.shape[1]
    mass = np.zeros(clusters)
    first = np.zeros((clusters, width))
    second = np.zeros((clusters, width, width))
    logs, offset = np.empty(clusters), np.empty(width)
    likelihood = 0.0
    with cython.nogil:
        for n in range(points.shape[0]):
            log_total = _log_densities(points, n, means, constant, whitening, logs, offset)
            likelihood += log_total
            for k in range(clusters):
                r = exp(logs[k] - log_total)
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
    return likelihood, mass.base, first.base, second.base


@cython.locals(
    log_total=f64, clusters=i64, width=i64, n=i64, best=i64, k=i64, labels=i32[::1], posterior=f32[::1],
    logs=f64[::1], offset=f64[::1]
)  # fmt: skip
def most_probable(points: cf32[:, ::1], means: cf64[:, ::1], constant: cf64[::1], whitening: cf64[:, :, ::1]):
    clusters, width = means.shape[0], means.shape[1]
    labels = np.empty(points.shape[0], np.int32)
    posterior = np.empty(points.shape[0], np.float32)
    logs, offset = np.empty(clusters), np.empty(width)
    with cython.nogil:
        for n in range(points.shape[0]):
            log_total = _log_densities(points, n, means, constant, whitening, logs, offset)
            best = 0
            for k in range(1, clusters):
                if logs[k] > logs[best]:
                    best = k
            labels[n] = best
            posterior[n] = exp(logs[best] - log_total)
    return labels.base, posterior.base
