"""The compiled loops of Felzenszwalb & Huttenlocher: smoothing, edges sorted by counting, union-find."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.narrow import float_of_bits
from ..kernels.union_find import find

# Leading bits of a float32 (without its sign) that make a bucket: 8 of exponent and 6 of mantissa.
_SHIFT = 17
_INFINITE = 0x7F800000
_BATCH = 256


@njit(cache=True, nogil=True)
def smooth(band, kernel, factor, out):  # type: ignore[no-untyped-def]
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
def count_edges(planes, inside, count):  # type: ignore[no-untyped-def]
    height, width = planes.shape[1:]
    weights = np.empty(width, np.float32)
    bits = weights.view(np.uint32)
    for y in range(height):
        for direction in range(4):
            for x in range(_row_weights(planes, inside, y, direction, weights)):
                if bits[x] < _INFINITE:
                    count[bits[x] >> _SHIFT] += 1


@njit(cache=True, nogil=True)
def scatter_edges(planes, inside, start, edges):  # type: ignore[no-untyped-def]
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
def sort_buckets(edges, starts, ends):  # type: ignore[no-untyped-def]
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
def partition(edges, height, width, inside, scale, min_size, parent, pixels, limit):  # type: ignore[no-untyped-def]
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
