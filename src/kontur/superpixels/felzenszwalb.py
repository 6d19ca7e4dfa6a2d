"""Felzenszwalb & Huttenlocher: join neighbours, the most alike first, while they differ no more than each side within.

Paper: Felzenszwalb & Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 59(2), 2004.

    bands (H, W, C) -> Gaussian smoothing -> edges of the 8-neighbour grid, sorted -> union-find -> ids (H, W)

Regions are 8-connected. Edges of equal weight are taken in the order of their left (or upper) pixel, row by row, and at
a pixel right, down, down-right, up-right.

Differs from the paper: none in the algorithm. Smoothing is that of the authors' code (kernel radius 4 sigma, border
repeated). The weights are sorted by counting on the leading bits of the squared distance, then within each bucket.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from ..kernels.narrow import float_of_bits
from ..kernels.union_find import find
from .inside import check_mask

# Leading bits of a float32 (without its sign) that make a bucket: 8 of exponent and 6 of mantissa.
_SHIFT = 17
_BUCKETS = 1 << (31 - _SHIFT)
_INFINITE = 0x7F800000
_BATCH = 256


@method
def felzenszwalb(
    image: Image,
    *,
    scale: Annotated[float, Option("k of the paper: larger values give larger regions", 0, 1e9)] = 300.0,
    sigma: Annotated[float, Option("smoothing before the segmentation", 0, 100, "pixels")] = 0.8,
    min_size: Annotated[int, Option("smaller regions are joined to a neighbour", 1, 1_000_000_000, "pixels")] = 100,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Regions that follow the image: large where it is even, small where it is not.

    Any number of bands; the weight of an edge is the Euclidean distance of the two pixels' values in 0..255 (beyond
    three bands divided by sqrt(C / 3)). Source: Felzenszwalb & Huttenlocher, IJCV 59(2), 2004.
    """
    bands = image.pixels if image.pixels.dtype == np.uint8 else image.unit()
    return Segmentation.from_ids(felzenszwalb_labels(bands, scale, sigma, min_size, mask=mask))


def felzenszwalb_labels(
    bands: NDArray,
    scale: float = 300.0,
    sigma: float = 0.8,
    min_size: int = 100,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """The segmentation of an array.

    bands:    (H, W) or (H, W, C), uint8 or float in [0, 1].
    scale:    k of the paper.   sigma: pixels, 0 for none.   min_size: pixels.
    mask:     (H, W) bool; edges outside it are left out. A region cut off by it may be smaller than min_size.
    returns:  (H, W) int32, ids 1..n in the order of their first pixel, 0 outside the mask.
    """
    check_mask(mask, bands.shape[:2])
    planes = smoothed(bands, sigma)
    inside = np.empty((0, 0), bool) if mask is None else mask
    edges = sorted_edges(planes, inside)
    _, height, width = planes.shape
    del planes
    # Made by NumPy, which asks the system for large pages; these three are read in random order.
    parent = np.arange(height * width, dtype=np.int32)
    pixels = np.ones(height * width, np.int32)
    limit = np.full(height * width, scale, np.float32)
    return _partition(edges, height, width, inside, np.float32(scale), min_size, parent, pixels, limit)


def smoothed(bands: NDArray, sigma: float) -> NDArray[np.float32]:
    """Planes (C, H, W) float32 in 0..255 after Gaussian smoothing; beyond three bands divided by sqrt(C / 3)."""
    bands = bands[..., None] if bands.ndim == 2 else bands
    height, width, channels = bands.shape
    factor = (1.0 if bands.dtype == np.uint8 else 255.0) * min(1.0, (3.0 / channels) ** 0.5)
    radius = int(np.ceil(4 * sigma)) if sigma > 0 else 0
    kernel = np.exp(-0.5 * (np.arange(radius + 1) / max(sigma, 1e-6)) ** 2)
    kernel /= kernel[0] + 2 * kernel[1:].sum()
    planes = np.empty((channels, height, width), np.float32)
    for c in range(channels):
        _smooth(bands[..., c], kernel.astype(np.float32), np.float32(factor), planes[c])
    return planes


def sorted_edges(planes: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """All edges by rising weight: upper half the float32 bits of its square, lower half 4 * pixel + direction."""
    count = np.zeros(_BUCKETS + 1, np.int64)
    _count(planes, inside, count)
    edges = np.empty(int(count.sum()), np.uint64)
    ends = np.cumsum(count)
    start = ends - count
    _scatter(planes, inside, start, edges)
    _sort_buckets(edges, ends - count, ends)
    return edges


@njit(cache=True, nogil=True)
def _smooth(band, kernel, factor, out):  # type: ignore[no-untyped-def]
    """Columns, then rows; the border pixel repeats."""
    height, width = band.shape
    radius = len(kernel) - 1
    row = np.empty(width + 2 * radius, np.float32)
    for y in range(height):
        centre = row[radius : radius + width]
        for x in range(width):
            centre[x] = kernel[0] * np.float32(band[y, x])
        for d in range(1, radius + 1):
            up, down, weight = band[max(y - d, 0)], band[min(y + d, height - 1)], kernel[d]
            for x in range(width):
                centre[x] += weight * (np.float32(up[x]) + np.float32(down[x]))
        for d in range(radius):
            row[d] = row[radius]
            row[radius + width + d] = row[radius + width - 1]
        result = out[y]
        for x in range(width):
            result[x] = kernel[0] * centre[x]
        for d in range(1, radius + 1):
            left, right, weight = row[radius - d :], row[radius + d :], kernel[d]
            for x in range(width):
                result[x] += weight * (left[x] + right[x])
        for x in range(width):
            result[x] *= factor


@njit(cache=True, nogil=True)
def _row_weights(planes, inside, y, direction, weights):  # type: ignore[no-untyped-def]
    """Squared distances along one direction for the first n pixels of row y, infinite if masked out; returns n."""
    channels, height, width = planes.shape
    dy = (0, 1, 1, -1)[direction]
    dx = (1, 0, 1, 1)[direction]
    if not 0 <= y + dy < height:
        return 0
    n = width - dx
    for x in range(n):
        weights[x] = np.float32(0)
    for c in range(channels):
        here, there = planes[c, y], planes[c, y + dy, dx:]
        for x in range(n):
            difference = here[x] - there[x]
            weights[x] += difference * difference
    if inside.size:
        for x in range(n):
            if not (inside[y, x] and inside[y + dy, x + dx]):
                weights[x] = np.float32(np.inf)
    return n


@njit(cache=True, nogil=True)
def _count(planes, inside, count):  # type: ignore[no-untyped-def]
    height, width = planes.shape[1:]
    weights = np.empty(width, np.float32)
    bits = weights.view(np.uint32)
    for y in range(height):
        for direction in range(4):
            for x in range(_row_weights(planes, inside, y, direction, weights)):
                if bits[x] < _INFINITE:
                    count[bits[x] >> _SHIFT] += 1


@njit(cache=True, nogil=True)
def _scatter(planes, inside, start, edges):  # type: ignore[no-untyped-def]
    height, width = planes.shape[1:]
    weights = np.empty((4, width), np.float32)
    bits = weights.view(np.uint32)
    for y in range(height):
        for direction in range(4):
            ends = _row_weights(planes, inside, y, direction, weights[direction])
            weights[direction, ends:] = np.float32(np.inf)
        for x in range(width):
            for direction in range(4):
                key = bits[direction, x]
                if key < _INFINITE:
                    bucket = key >> _SHIFT
                    edges[start[bucket]] = (np.uint64(key) << np.uint64(32)) | np.uint64(
                        4 * (y * width + x) + direction
                    )
                    start[bucket] += 1


@njit(cache=True, nogil=True)
def _sort_buckets(edges, starts, ends):  # type: ignore[no-untyped-def]
    """Each bucket by its remaining bits, low half first. The scatter kept the order of the edges, and so do these passes."""
    spare = np.empty(0, np.uint64)
    for b in range(len(starts)):
        begin, end = starts[b], ends[b]
        n = end - begin
        bucket = edges[begin:end]
        if n < 40:
            for i in range(1, n):
                edge, j = bucket[i], i
                while j > 0 and bucket[j - 1] > edge:
                    bucket[j] = bucket[j - 1]
                    j -= 1
                bucket[j] = edge
            continue
        first = bucket[0] >> np.uint64(32)
        different = np.uint64(0)
        for i in range(n):
            different |= (bucket[i] >> np.uint64(32)) ^ first
        if different == 0:  # one weight
            continue
        if len(spare) < n:
            spare = np.empty(n + n // 2, np.uint64)
        _radix_pass(bucket, spare, n, np.uint64(32))
        _radix_pass(spare, bucket, n, np.uint64(32 + _SHIFT // 2 + 1))


@njit(cache=True, nogil=True)
def _radix_pass(source, target, n, shift):  # type: ignore[no-untyped-def]
    """Stable counting sort by _SHIFT // 2 + 1 bits from `shift` on."""
    low = np.uint64((1 << (_SHIFT // 2 + 1)) - 1)
    place = np.zeros((1 << (_SHIFT // 2 + 1)) + 1, np.int32)
    for i in range(n):
        place[((source[i] >> shift) & low) + 1] += 1
    for i in range(1, len(place)):
        place[i] += place[i - 1]
    for i in range(n):
        digit = (source[i] >> shift) & low
        target[place[digit]] = source[i]
        place[digit] += 1


@njit(cache=True, nogil=True)
def _partition(edges, height, width, inside, scale, min_size, parent, pixels, limit):  # type: ignore[no-untyped-def]
    """parent, pixels: the components. limit: the largest weight that may still join one: internal difference + k / size."""
    size = height * width
    left = 0
    # The memory is waited for once a batch: first both ends' grandparents, independent of one another, then the joins.
    above = np.empty((2, _BATCH), np.int32)
    for first in range(0, len(edges), _BATCH):
        batch = edges[first : first + _BATCH]
        for i in range(len(batch)):
            a, b = _ends(np.int64(batch[i] & np.uint64(0xFFFFFFFF)), width)
            above[0, i], above[1, i] = parent[a], parent[b]
        for i in range(len(batch)):
            above[0, i], above[1, i] = parent[above[0, i]], parent[above[1, i]]
        for i in range(len(batch)):
            if above[0, i] == above[1, i]:
                continue
            a, b = find(parent, above[0, i]), find(parent, above[1, i])
            if a == b:
                continue
            weight = np.sqrt(float_of_bits(np.int32(batch[i] >> np.uint64(32))))
            if weight <= limit[a] and weight <= limit[b]:
                _join(parent, pixels, limit, a, b, weight, scale)
            else:
                edges[left] = batch[i]
                left += 1
    for i in range(left):
        a, b = _ends(np.int64(edges[i] & np.uint64(0xFFFFFFFF)), width)
        a, b = find(parent, a), find(parent, b)
        if a != b and (pixels[a] < min_size or pixels[b] < min_size):
            _join(parent, pixels, limit, a, b, np.float32(0), scale)
    ids = np.zeros(size, np.int32)
    count = 0
    outside = inside.ravel()
    for i in range(size):
        if len(outside) and not outside[i]:
            continue
        root = find(parent, i)
        if limit[root] >= 0:  # not numbered yet: a number is kept as its negative
            count += 1
            limit[root] = np.float32(-1)
            pixels[root] = count
        ids[i] = pixels[root]
    return ids.reshape(height, width)


@njit(cache=True, nogil=True)
def _ends(number, width):  # type: ignore[no-untyped-def]
    """The two pixels of an edge."""
    pixel, direction = number >> 2, number & 3
    step = (1, width, width + 1, 1 - width)[direction]
    return pixel, pixel + step


@njit(cache=True, nogil=True)
def _join(parent, pixels, limit, a, b, weight, scale):  # type: ignore[no-untyped-def]
    if pixels[a] < pixels[b]:
        a, b = b, a
    parent[b] = a
    pixels[a] += pixels[b]
    limit[a] = weight + scale / np.float32(pixels[a])
