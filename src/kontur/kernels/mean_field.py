"""Mean-field steps of a fully connected CRF with Potts compatibility: the loops of `graph.dense_crf`.

One pass a step: each pixel reads what its neighbourhood sends from the blurred lattices, takes its softmax, and sends
the new probabilities on into the lattices of the next step, so that probabilities are held for one pixel at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .permutohedral import blur
from .vectors import receive_8, receive_24, send_8, send_24, softmax


@njit(cache=True, nogil=True)
def norms(corners, neighbours, weights, strength):  # type: ignore[no-untyped-def]
    """Scale weights (N, D + 1) in place: splat, blur and slice then give strength · K, symmetrically normalised."""
    n, d1 = corners.shape
    m = neighbours.shape[1]
    table = np.zeros((m + 1, 1), np.float32)
    for p in range(n):
        for k in range(d1):
            table[corners[p, k], 0] += weights[p, k]
    table = blur(table, np.empty_like(table), neighbours)
    for p in range(n):
        total = np.float32(0)
        for k in range(d1):
            total += weights[p, k] * table[corners[p, k], 0]
        # The lattice's gain would multiply both sides of the fraction.
        factor = np.float32(np.sqrt(strength / (total + np.float32(1e-20))))
        for k in range(d1):
            weights[p, k] *= factor


@njit(cache=True, nogil=True)
def as_energies(probabilities, width):  # type: ignore[no-untyped-def]
    """-log of (K, N) scaled to sum 1 a pixel, as (N, width) float32: a pixel's labels side by side, 10^4 beyond K."""
    labels, n = probabilities.shape
    energies = np.empty((n, width), np.float32)
    least = np.float32(1e-10)
    for start in range(0, n, 64):
        stop = min(start + 64, n)
        for p in range(start, stop):
            for c in range(labels, width):
                energies[p, c] = 1e4
        for c in range(labels):
            for p in range(start, stop):
                energies[p, c] = probabilities[c, p]
        for p in range(start, stop):
            total = np.float32(0)
            for c in range(labels):
                total += energies[p, c]
            share = np.float32(1) / total if total > 0 else np.float32(0)
            for c in range(labels):
                energies[p, c] = -np.log(max(energies[p, c] * share, least))
    return energies


@njit(cache=True, nogil=True)
def two_labels(margin, near, near_weights, near_blur, far, far_weights, far_blur, iterations):  # type: ignore[no-untyped-def]
    """Mean field with two labels: margin (N,) float32 is unary[0] - unary[1]; returns P(label 1), (N,) float32.

    The two probabilities sum to 1, so the difference of the two messages is all a pixel needs: one channel is enough.
    """
    n = margin.size
    one = np.float32(1)
    probability = np.empty(n, np.float32)
    near_table = np.zeros((near_blur.shape[1] + 1, 1), np.float32)
    far_table = np.zeros((far_blur.shape[1] + 1, 1), np.float32)
    near_spare, far_spare = np.zeros_like(near_table), np.zeros_like(far_table)
    near_count, far_count = near.shape[1], far.shape[1]
    for step in range(iterations + 1):
        last = step == iterations
        if step:
            near_result = blur(near_table, near_spare, near_blur)
            far_result = blur(far_table, far_spare, far_blur)
            near_table = near_spare if near_result is near_table else near_table
            near_spare = near_result
            far_table = far_spare if far_result is far_table else far_table
            far_spare = far_result
        near_table[:] = 0
        far_table[:] = 0
        for p in range(n):
            logit = margin[p]
            if step:
                for k in range(near_count):
                    logit += near_weights[p, k] * near_spare[near[p, k], 0]
                for k in range(far_count):
                    logit += far_weights[p, k] * far_spare[far[p, k], 0]
            q = one / (one + np.exp(-logit))
            if last:
                probability[p] = q
            else:
                sent = q + q - one
                for k in range(near_count):
                    near_table[near[p, k], 0] += near_weights[p, k] * sent
                for k in range(far_count):
                    far_table[far[p, k], 0] += far_weights[p, k] * sent
    return probability


@njit(cache=True, nogil=True, fastmath=True)
def many_labels(unary, near, near_weights, near_blur, far, far_weights, far_blur, iterations):  # type: ignore[no-untyped-def]
    """Mean field with any number of labels: unary (N, width) float32, -log p, becomes the probabilities, in place.

    width is a multiple of 8 (whole vector registers); columns that only fill it hold a large unary, so probability 0.
    """
    n, width = unary.shape
    threes = width - width % 24
    near_table = np.zeros((near_blur.shape[1] + 1, width), np.float32)
    far_table = np.zeros((far_blur.shape[1] + 1, width), np.float32)
    near_spare, far_spare = np.zeros_like(near_table), np.zeros_like(far_table)
    energy = np.empty(width, np.float32)
    for step in range(iterations + 1):
        last = step == iterations
        if step:
            near_result = blur(near_table, near_spare, near_blur)
            far_result = blur(far_table, far_spare, far_blur)
            near_table = near_spare if near_result is near_table else near_table
            near_spare = near_result
            far_table = far_spare if far_result is far_table else far_table
            far_spare = far_result
        near_table[:] = 0
        far_table[:] = 0
        for p in range(n):
            costs = unary[p]
            for c in range(width):
                energy[c] = -costs[c]
            if step:
                for block in range(0, threes, 24):
                    receive_24(energy, block, near_spare, near, near_weights, p)
                    receive_24(energy, block, far_spare, far, far_weights, p)
                for block in range(threes, width, 8):
                    receive_8(energy, block, near_spare, near, near_weights, p)
                    receive_8(energy, block, far_spare, far, far_weights, p)
            softmax(energy)
            if last:
                for c in range(width):
                    costs[c] = energy[c]
            else:
                for block in range(0, threes, 24):
                    send_24(energy, block, near_table, near, near_weights, p)
                    send_24(energy, block, far_table, far, far_weights, p)
                for block in range(threes, width, 8):
                    send_8(energy, block, near_table, near, near_weights, p)
                    send_8(energy, block, far_table, far, far_weights, p)
