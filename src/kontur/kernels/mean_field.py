"""Mean-field steps of a fully connected CRF with Potts compatibility: the loops of `graph.dense_crf`.

One pass a step: each pixel reads what its neighbourhood sends from the blurred lattices, takes its softmax, and sends
the new probabilities on into the lattices of the next step, so that probabilities are held for one pixel at a time.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf32, ci32, f32, float_of_bits, i32, i64
from cython.cimports.libc.math import expf, logf, sqrtf

from cython.cimports.kontur.kernels.permutohedral import blurred


@cython.locals(total=f32, factor=f32, n=i64, d1=i64, m=i64, p=i64, k=i64, table=f32[:, ::1], spare=f32[:, ::1])
def norms(corners: ci32[:, ::1], neighbours: ci32[:, :, ::1], weights: f32[:, ::1], strength: f32):
    """Scale weights (N, D + 1) in place: splat, blur and slice then give strength · K, symmetrically normalised."""
    n, d1 = corners.shape[0], corners.shape[1]
    m = neighbours.shape[1]
    table = np.zeros((m + 1, 1), np.float32)
    with cython.nogil:
        for p in range(n):
            for k in range(d1):
                table[corners[p, k], 0] += weights[p, k]
    spare = np.empty_like(table)
    blurred(table, spare, neighbours)
    with cython.nogil:
        for p in range(n):
            total = cast(f32, 0)
            for k in range(d1):
                total += weights[p, k] * spare[corners[p, k], 0]
            # The lattice's gain would multiply both sides of the fraction.
            factor = sqrtf(strength / (total + cast(f32, 1e-20)))
            for k in range(d1):
                weights[p, k] *= factor


@cython.locals(
    least=f32, total=f32, share=f32, labels=i64, n=i64, start=i64, stop=i64, p=i64, c=i64, energies=f32[:, ::1]
)
def as_energies(probabilities: cf32[:, ::1], width: i64):
    """-log of (K, N) scaled to sum 1 a pixel, as (N, width) float32: a pixel's labels side by side, 10^4 beyond K."""
    labels, n = probabilities.shape[0], probabilities.shape[1]
    energies = np.empty((n, width), np.float32)
    least = 1e-10
    with cython.nogil:
        for start in range(0, n, 64):
            stop = min(start + 64, n)
            for p in range(start, stop):
                for c in range(labels, width):
                    energies[p, c] = 1e4
            for c in range(labels):
                for p in range(start, stop):
                    energies[p, c] = probabilities[c, p]
            for p in range(start, stop):
                total = cast(f32, 0)
                for c in range(labels):
                    total += energies[p, c]
                share = cast(f32, 1) / total if total > 0 else cast(f32, 0)
                for c in range(labels):
                    energies[p, c] = -logf(max(energies[p, c] * share, least))
    return energies.base


@cython.locals(
    last=cython.bint, one=f32, logit=f32, q=f32, sent=f32, n=i64, near_count=i64, far_count=i64, step=i64, p=i64,
    k=i64, probability=f32[::1], near_table=f32[:, ::1], far_table=f32[:, ::1], near_spare=f32[:, ::1],
    far_spare=f32[:, ::1]
)  # fmt: skip
def two_labels(
    margin: cf32[::1], near: ci32[:, ::1], near_weights: cf32[:, ::1], near_blur: ci32[:, :, ::1], far: ci32[:, ::1],
    far_weights: cf32[:, ::1], far_blur: ci32[:, :, ::1], iterations: i64
):  # fmt: skip
    """Mean field with two labels: margin (N,) float32 is unary[0] - unary[1]; returns P(label 1), (N,) float32.

    The two probabilities sum to 1, so the difference of the two messages is all a pixel needs: one channel is enough.
    """
    n = margin.shape[0]
    one = 1
    probability = np.empty(n, np.float32)
    near_table = np.zeros((near_blur.shape[1] + 1, 1), np.float32)
    far_table = np.zeros((far_blur.shape[1] + 1, 1), np.float32)
    near_spare, far_spare = np.zeros_like(near_table), np.zeros_like(far_table)
    near_count, far_count = near.shape[1], far.shape[1]
    with cython.nogil:
        for step in range(iterations + 1):
            last = step == iterations
            if step:
                blurred(near_table, near_spare, near_blur)
                blurred(far_table, far_spare, far_blur)
            near_table[:] = 0
            far_table[:] = 0
            for p in range(n):
                logit = margin[p]
                if step:
                    for k in range(near_count):
                        logit += near_weights[p, k] * near_spare[near[p, k], 0]
                    for k in range(far_count):
                        logit += far_weights[p, k] * far_spare[far[p, k], 0]
                q = one / (one + expf(-logit))
                if last:
                    probability[p] = q
                else:
                    sent = q + q - one
                    for k in range(near_count):
                        near_table[near[p, k], 0] += near_weights[p, k] * sent
                    for k in range(far_count):
                        far_table[far[p, k], 0] += far_weights[p, k] * sent
    return probability.base


@cython.locals(
    last=cython.bint, n=i64, width=i64, step=i64, p=i64, c=i64, near_table=f32[:, ::1],
    far_table=f32[:, ::1], near_spare=f32[:, ::1], far_spare=f32[:, ::1], energy=f32[::1], costs=f32[::1]
)  # fmt: skip
def many_labels(
    unary: f32[:, ::1], near: ci32[:, ::1], near_weights: cf32[:, ::1], near_blur: ci32[:, :, ::1], far: ci32[:, ::1],
    far_weights: cf32[:, ::1], far_blur: ci32[:, :, ::1], iterations: i64
):  # fmt: skip
    """Mean field with any number of labels: unary (N, width) float32, -log p, becomes the probabilities, in place.

    width is a multiple of 8 (whole vector registers); columns that only fill it hold a large unary, so probability 0.
    """
    n, width = unary.shape[0], unary.shape[1]
    near_table = np.zeros((near_blur.shape[1] + 1, width), np.float32)
    far_table = np.zeros((far_blur.shape[1] + 1, width), np.float32)
    near_spare, far_spare = np.zeros_like(near_table), np.zeros_like(far_table)
    energy = np.empty(width, np.float32)
    with cython.nogil:
        for step in range(iterations + 1):
            last = step == iterations
            if step:
                blurred(near_table, near_spare, near_blur)
                blurred(far_table, far_spare, far_blur)
            near_table[:] = 0
            far_table[:] = 0
            for p in range(n):
                costs = unary[p]
                for c in range(width):
                    energy[c] = -costs[c]
                if step:
                    _receive(energy, near_spare, near, near_weights, p)
                    _receive(energy, far_spare, far, far_weights, p)
                _softmax(energy)
                if last:
                    for c in range(width):
                        costs[c] = energy[c]
                else:
                    _send(energy, near_table, near, near_weights, p)
                    _send(energy, far_table, far, far_weights, p)


@cython.cfunc
@cython.nogil
@cython.locals(weight=f32, k=i64, c=i64, row=cf32[::1])
def _receive(total: f32[::1], table: cf32[:, ::1], corners: ci32[:, ::1], weights: cf32[:, ::1], p: i64) -> void:
    """total (width,) += sum over the corners k of weights[p, k] * table[corners[p, k]]."""
    for k in range(corners.shape[1]):
        weight, row = weights[p, k], table[corners[p, k]]
        for c in range(total.shape[0]):
            total[c] += weight * row[c]


@cython.cfunc
@cython.nogil
@cython.locals(weight=f32, k=i64, c=i64, row=f32[::1])
def _send(values: cf32[::1], table: f32[:, ::1], corners: ci32[:, ::1], weights: cf32[:, ::1], p: i64) -> void:
    """table[corners[p, k]] += weights[p, k] * values (width,) for every corner k."""
    for k in range(corners.shape[1]):
        weight, row = weights[p, k], table[corners[p, k]]
        for c in range(values.shape[0]):
            row[c] += weight * values[c]


@cython.cfunc
@cython.nogil
@cython.locals(highest=f32, total=f32, x=f32, part=f32, series=f32, whole=i32, c=i64)
def _softmax(row: f32[::1]) -> void:
    """exp(row) / sum exp(row) in place, row finite. Relative error under 3e-6.

    Nothing falls below e^-60 of the largest, so that no slow denormal numbers arise.

    exp(x) = 2^whole e^part: whole goes into the exponent bits, e^part with |part| <= ln 2 / 2 is a polynomial.
    """
    highest = row[0]
    for c in range(row.shape[0]):
        highest = max(highest, row[c])
    total = 0
    for c in range(row.shape[0]):
        x = max(row[c] - highest, cast(f32, -60))
        whole = cast(i32, x * cast(f32, 1.4426950408889634) - cast(f32, 0.5))
        part = x - cast(f32, whole) * cast(f32, 0.6931471805599453)
        series = cast(f32, 1.0 / 720.0)
        series = series * part + cast(f32, 1.0 / 120.0)
        series = series * part + cast(f32, 1.0 / 24.0)
        series = series * part + cast(f32, 1.0 / 6.0)
        series = series * part + cast(f32, 0.5)
        series = series * part + cast(f32, 1)
        series = series * part + cast(f32, 1)
        row[c] = series * float_of_bits((whole + 127) << 23)
        total += row[c]
    for c in range(row.shape[0]):
        row[c] /= total
