"""Colour models and contrast links: the two terms of the energies of graph cut, GrabCut and their relatives.

Papers: Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004; Boykov & Jolly, ICCV 2001. The first centres: Arthur &
Vassilvitskii, "k-means++", SODA 2007.

A mixture is used as GrabCut does: each pixel belongs to the one component that explains it best. The cost of a pixel x
under component k is

    -log weight_k + log|S_k| / 2 + (x - mean_k)' S_k^-1 (x - mean_k) / 2 + noise trace(S_k^-1) / 2

The last term is the expected cost of x blurred by a noise of this variance. With it, S_k = covariance + noise I is the
exact minimiser, so learning never raises the energy, and no component can collapse to a point.
"""

# mypy: ignore-errors

from dataclasses import dataclass

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, cu8, f32, f64, i64, step_down, step_right, u8
from cython.cimports.libc.math import INFINITY, expf, sqrt
from numpy.typing import NDArray

_BLOCK = cython.declare(cython.int, 512)
_SAMPLE = 8000
"""K-means sees at most this many pixels: the start of a mixture needs no more."""


@dataclass(frozen=True, eq=False)
class ColourModel:
    """A Gaussian mixture ready for evaluation.

    constant: (K,) float32, the part of the cost without the pixel; infinite for an empty component.
    whitening: (K, C, C) float32 upper triangular W with W' W = S^-1.   shift: (K, C) float32, W mean.
    """

    constant: NDArray[np.float32]
    whitening: NDArray[np.float32]
    shift: NDArray[np.float32]

    def costs(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The cost of each pixel of (C, N) under its best component, and that component: (N,) float32, (N,) uint8."""
        return _best_component(pixels, self.constant, self.whitening, self.shift)


def learn(pixels: NDArray[np.float32], group: NDArray[np.uint8], components: int, noise: float) -> list[ColourModel]:
    """The best mixtures for pixels (C, N) with known components (N,) uint8: model m has the groups from m·components."""
    models = max(1, -(-(int(group.max(initial=0)) + 1) // components))
    count, total, product = _moments(pixels, group, models * components)
    slices = [slice(m * components, (m + 1) * components) for m in range(models)]
    return [_from_moments(count[s], total[s], product[s], noise) for s in slices]


def first_model(pixels: NDArray[np.float32], components: int, noise: float, random: np.random.Generator) -> ColourModel:
    """A mixture for pixels (C, N) with unknown components, from k-means on an even sample of them. N at least 1."""
    count = pixels.shape[1]
    sample = pixels[:, np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.int64)]
    centres = sample[:, [random.integers(sample.shape[1])]]
    nearest = ((sample - centres) ** 2).sum(0)
    while centres.shape[1] < components and nearest.max() > 0:
        chosen = random.choice(sample.shape[1], p=nearest.astype(np.float64) / nearest.sum(dtype=np.float64))
        centres = np.concatenate([centres, sample[:, [chosen]]], axis=1)
        nearest = np.minimum(nearest, ((sample - sample[:, [chosen]]) ** 2).sum(0))
    for _ in range(10):
        # |x - c|^2 without the part that is the same for all centres.
        group = ((centres**2).sum(0)[:, None] - 2 * centres.T @ sample).argmin(0).astype(np.uint8)
        sizes = np.bincount(group, minlength=centres.shape[1])
        for k in np.flatnonzero(sizes):
            centres[:, k] = sample[:, group == k].mean(1)
    return learn(np.ascontiguousarray(sample), group, components, noise)[0]


def features(pixels: NDArray[np.float32], radius: int, like: float = 50.0) -> NDArray[np.float32]:
    """What the mixtures see: (H, W, C) float32 in 0..255 -> (C', H·W). At most three bands, and half their local mean.

    More than three bands are replaced by their first three principal components. The local mean, over (2 radius + 1)²
    pixels of like colour, tells textures apart whose single pixels look alike; radius 0 leaves it out. Colours that differ
    by more than `like` (grey levels of 255, all bands together) hardly share a mean.
    """
    height, width, channels = pixels.shape
    if channels > 3:
        flat = pixels.reshape(-1, channels).astype(np.float64)
        _, vectors = np.linalg.eigh(np.cov(flat, rowvar=False) if len(flat) > 1 else np.eye(channels))
        principal = (flat - flat.mean(0)) @ vectors[:, :-4:-1]
        pixels = principal.reshape(height, width, 3).astype(np.float32)
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    if radius > 0:
        planes = np.concatenate([planes, np.float32(0.5) * _local_mean(planes, radius, np.float32(like**2))])
    return planes.reshape(len(planes), -1)


@cython.locals(
    difference=f32, share=f32, channels=i64, height=i64, width=i64, y=i64, ny=i64, dx=i64, low=i64, size=i64, c=i64,
    n=i64, x=i64, mean=f32[:, :, ::1], weights=f32[::1], weight=f32[::1], part=f32[::1], total=f32[::1],
    here=cf32[::1], there=cf32[::1]
)  # fmt: skip
def _local_mean(planes: cf32[:, :, ::1], radius: i64, square: f32):
    """The mean around each pixel of (C, H, W); a pixel whose colour differs by d has weight 1 / (1 + d² / square)²."""
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    mean = np.zeros_like(planes)
    weights, weight = np.empty(width, np.float32), np.empty(width, np.float32)
    with cython.nogil:
        for y in range(height):
            weights[:] = 0
            for ny in range(max(0, y - radius), min(height, y + radius + 1)):
                for dx in range(-radius, radius + 1):
                    # A whole row and its neighbours at once: the inner loops become vector instructions.
                    low, size = max(0, -dx), width - abs(dx)
                    part = weight[:size]
                    part[:] = square
                    for c in range(channels):
                        here, there = planes[c, y, low : low + size], planes[c, ny, low + dx : low + dx + size]
                        for n in range(size):
                            difference = there[n] - here[n]
                            part[n] += difference * difference
                    total = weights[low : low + size]
                    for n in range(size):
                        share = square / part[n]
                        part[n] = share * share
                        total[n] += part[n]
                    for c in range(channels):
                        total, there = mean[c, y, low : low + size], planes[c, ny, low + dx : low + dx + size]
                        for n in range(size):
                            total[n] += part[n] * there[n]
            for c in range(channels):
                for x in range(width):
                    mean[c, y, x] /= weights[x]
    return mean.base


def _from_moments(count: NDArray, total: NDArray, product: NDArray, noise: float) -> ColourModel:
    """The mixture of given sums: count (K,), total (K, C), product (K, C, C), float64."""
    components, channels = total.shape
    constant = np.full(components, np.inf, np.float32)
    whitening = np.zeros((components, channels, channels), np.float32)
    shift = np.zeros((components, channels), np.float32)
    for k in np.flatnonzero(count > 0):
        mean = total[k] / count[k]
        values, vectors = np.linalg.eigh(product[k] / count[k] - np.outer(mean, mean))
        values = np.maximum(values, 0) + noise
        constant[k] = -np.log(count[k] / count.sum()) + 0.5 * np.log(values).sum() + 0.5 * noise * (1 / values).sum()
        upper = np.linalg.cholesky((vectors / values) @ vectors.T).T
        whitening[k] = upper
        shift[k] = upper @ mean
    return ColourModel(constant, whitening, shift)


@cython.locals(
    x=f64, channels=i64, size=i64, n=i64, k=i64, i=i64, j=i64, count=f64[::1], total=f64[:, ::1],
    product=f64[:, :, ::1]
)  # fmt: skip
def _moments(pixels: cf32[:, ::1], group: cu8[::1], groups: i64):
    """Count (K,), sum (K, C) and sum of products (K, C, C) of each group's pixels; groups beyond K are left out."""
    channels, size = pixels.shape[0], pixels.shape[1]
    count = np.zeros(groups, np.float64)
    total = np.zeros((groups, channels), np.float64)
    product = np.zeros((groups, channels, channels), np.float64)
    with cython.nogil:
        for n in range(size):
            k = group[n]
            if k >= groups:
                continue
            count[k] += 1
            for i in range(channels):
                x = cast(f64, pixels[i, n])
                total[k, i] += x
                for j in range(i + 1):
                    product[k, i, j] += x * pixels[j, n]
        for k in range(groups):
            for i in range(channels):
                for j in range(i):
                    product[k, j, i] = product[k, i, j]
    return count.base, total.base, product.base


@cython.locals(
    w=f32, channels=i64, size=i64, block=i64, start=i64, length=i64, k=i64, n=i64, i=i64, j=i64, cost=f32[::1], value=f32[::1],
    part=f32[::1], component=u8[::1]
)  # fmt: skip
def _best_component(pixels: cf32[:, ::1], constant: cf32[::1], whitening: cf32[:, :, ::1], shift: cf32[:, ::1]):
    channels, size = pixels.shape[0], pixels.shape[1]
    cost = np.full(size, INFINITY, np.float32)
    component = np.zeros(size, np.uint8)
    value = np.empty(_BLOCK, np.float32)
    part = np.empty(_BLOCK, np.float32)
    with cython.nogil:
        for block in range((size + _BLOCK - 1) // _BLOCK):
            # Plane by plane over a block that stays in the first cache: the inner loops become vector instructions.
            start = block * _BLOCK
            length = min(_BLOCK, size - start)
            for k in range(constant.shape[0]):
                if constant[k] == INFINITY:
                    continue
                for n in range(length):
                    value[n] = constant[k]
                for i in range(channels):
                    for n in range(length):
                        part[n] = -shift[k, i]
                    for j in range(i, channels):
                        w = whitening[k, i, j]
                        for n in range(length):
                            part[n] += w * pixels[j, start + n]
                    for n in range(length):
                        value[n] += cast(f32, 0.5) * part[n] * part[n]
                for n in range(length):
                    if value[n] < cost[start + n]:
                        cost[start + n] = value[n]
                        component[start + n] = k
    return cost.base, component.base


@cython.locals(
    total=f64, row=f64, difference=f64, height=i64, width=i64, channels=i64, pairs=i64, d=i64, dy=i64, dx=i64, y=i64,
    x=i64, c=i64
)  # fmt: skip
def mean_squared_difference(pixels: cf32[:, :, ::1], directions: i64):
    """The mean over all pairs of neighbours of |x - y|^2 for pixels (H, W, C); 0 for a single pixel."""
    height, width, channels = pixels.shape[0], pixels.shape[1], pixels.shape[2]
    total, pairs = 0.0, 0
    with cython.nogil:
        for d in range(0, directions, 2):
            dy, dx = step_down(d), step_right(d)
            for y in range(height - dy):
                row = 0.0
                for x in range(max(0, -dx), width - max(0, dx)):
                    for c in range(channels):
                        difference = cast(f64, pixels[y, x, c]) - cast(f64, pixels[y + dy, x + dx, c])
                        row += difference * difference
                total += row
                pairs += max(0, width - abs(dx))
    return total / pairs if pairs else 0.0


@cython.locals(
    scale=f32, square=f32, difference=f32, price=f32, height=i64, width=i64, channels=i64, d=i64, dy=i64, dx=i64,
    y=i64, x=i64, c=i64, links=f32[:, :, ::1]
)  # fmt: skip
def _contrast_links(pixels: cf32[:, :, ::1], gamma: f64, beta: f64, directions: i64):
    height, width, channels = pixels.shape[0], pixels.shape[1], pixels.shape[2]
    links = np.zeros((directions, height, width), np.float32)
    with cython.nogil:
        for d in range(0, directions, 2):
            dy, dx = step_down(d), step_right(d)
            scale = cast(f32, gamma / sqrt(dy * dy + dx * dx))
            for y in range(height - dy):
                for x in range(max(0, -dx), width - max(0, dx)):
                    square = cast(f32, 0)
                    for c in range(channels):
                        difference = pixels[y, x, c] - pixels[y + dy, x + dx, c]
                        square += difference * difference
                    price = scale * expf(-cast(f32, beta) * square)
                    links[d, y, x] = price
                    links[d + 1, y + dy, x + dx] = price
    return links.base


def contrast_links(pixels: NDArray[np.float32], gamma: float, directions: int = 8) -> NDArray[np.float32]:
    """The price of cutting each link: gamma exp(-beta |x - y|^2) / step length, (D, H, W) float32 in the order of `STEPS`.

    pixels: (H, W, C) float32. beta = 1 / (2 mean |x - y|^2); 0 on a constant image.
    """
    mean = mean_squared_difference(pixels, directions)
    return _contrast_links(pixels, gamma, 1 / (2 * mean) if mean > 0 else 0.0, directions)
