"""The compiled loops of Felzenszwalb & Huttenlocher: smoothing, edges sorted by counting, union-find."""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import cf32, ci64, cu64, cu8, f32, find, float_of_bits, i32, i64, u32, u64
from cython.cimports.libc.math import INFINITY, sqrtf


# Leading bits of a float32 (without its sign) that make a bucket: 8 of exponent and 6 of mantissa.
_SHIFT = cython.declare(cython.int, 17)
_INFINITE = cython.declare(cython.uint, 0x7F800000)
_BATCH = cython.declare(cython.int, 256)

samples = cython.fused_type(cu8, cf32)


def smooth(band: samples[:, :], kernel: cf32[::1], factor: f32, out: f32[:, ::1]) -> None:
    """Columns, then rows; the border pixel repeats."""
    row: f32[::1] = np.empty(band.shape[1] + 2 * kernel.shape[0], np.float32)
    with cython.nogil:
        _smooth(band, kernel, factor, out, row)


@cython.cfunc
@cython.nogil
@cython.locals(
    weight=f32, up=i64, down=i64, height=i64, width=i64, radius=i64, y=i64, x=i64, d=i64, centre=f32[::1],
    result=f32[::1], left=cf32[::1], right=cf32[::1]
)  # fmt: skip
def _smooth(band: samples[:, :], kernel: cf32[::1], factor: f32, out: f32[:, ::1], row: f32[::1]) -> void:
    height, width = band.shape[0], band.shape[1]
    radius = kernel.shape[0] - 1
    for y in range(height):
        centre = row[radius : radius + width]
        for x in range(width):
            centre[x] = kernel[0] * cast(f32, band[y, x])
        for d in range(1, radius + 1):
            up, down, weight = max(y - d, 0), min(y + d, height - 1), kernel[d]
            for x in range(width):
                centre[x] += weight * (cast(f32, band[up, x]) + cast(f32, band[down, x]))
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


@cython.cfunc
@cython.nogil
@cython.locals(
    difference=f32, channels=i64, height=i64, width=i64, dy=i64, dx=i64, n=i64, x=i64, c=i64, here=cf32[::1],
    there=cf32[::1]
)  # fmt: skip
def _row_weights(planes: cf32[:, :, ::1], inside: cu8[:, ::1], y: i64, direction: i64, weights: f32[::1]) -> i64:
    """Squared distances along one direction for the first n pixels of row y, infinite if masked out; returns n."""
    channels, height, width = planes.shape[0], planes.shape[1], planes.shape[2]
    dy = 0 if direction == 0 else -1 if direction == 3 else 1
    dx = 0 if direction == 1 else 1
    if not 0 <= y + dy < height:
        return 0
    n = width - dx
    for x in range(n):
        weights[x] = cast(f32, 0)
    for c in range(channels):
        here, there = planes[c, y], planes[c, y + dy, dx:]
        for x in range(n):
            difference = here[x] - there[x]
            weights[x] += difference * difference
    if inside.shape[0] * inside.shape[1]:
        for x in range(n):
            if not (inside[y, x] and inside[y + dy, x + dx]):
                weights[x] = INFINITY
    return n


@cython.locals(height=i64, width=i64, y=i64, direction=i64, x=i64, weights=f32[::1], bits=u32[::1])
def count_edges(planes: cf32[:, :, ::1], inside: cu8[:, ::1], count: i64[::1]):
    height, width = planes.shape[1], planes.shape[2]
    weights = np.empty(width, np.float32)
    bits = weights.base.view(np.uint32)
    with cython.nogil:
        for y in range(height):
            for direction in range(4):
                for x in range(_row_weights(planes, inside, y, direction, weights)):
                    if bits[x] < _INFINITE:
                        count[bits[x] >> _SHIFT] += 1


@cython.locals(
    height=i64, width=i64, y=i64, direction=i64, ends=i64, x=i64, key=u32, bucket=u64, weights=f32[:, ::1],
    bits=u32[:, ::1]
)  # fmt: skip
def scatter_edges(planes: cf32[:, :, ::1], inside: cu8[:, ::1], start: i64[::1], edges: u64[::1]):
    height, width = planes.shape[1], planes.shape[2]
    weights = np.empty((4, width), np.float32)
    bits = weights.base.view(np.uint32)
    with cython.nogil:
        for y in range(height):
            for direction in range(4):
                ends = _row_weights(planes, inside, y, direction, weights[direction])
                weights[direction, ends:] = INFINITY
            for x in range(width):
                for direction in range(4):
                    key = bits[direction, x]
                    if key < _INFINITE:
                        bucket = key >> _SHIFT
                        edges[start[bucket]] = (cast(u64, key) << cast(u64, 32)) | cast(
                            u64, 4 * (y * width + x) + direction
                        )
                        start[bucket] += 1


@cython.locals(
    b=i64, begin=i64, end=i64, n=i64, i=i64, j=i64, edge=u64, first=u64, different=u64, most=i64, place=i32[::1], spare=u64[::1],
    bucket=u64[::1]
)  # fmt: skip
def sort_buckets(edges: u64[::1], starts: ci64[::1], ends: ci64[::1]):
    """Each bucket by its remaining bits, low half first. The scatter kept the order of the edges, and so do these passes."""
    most = 0
    for b in range(starts.shape[0]):
        most = max(most, ends[b] - starts[b])
    spare = np.empty(most, np.uint64)
    place = np.empty((1 << (_SHIFT // 2 + 1)) + 1, np.int32)
    with cython.nogil:
        for b in range(starts.shape[0]):
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
            first = bucket[0] >> cast(u64, 32)
            different = cast(u64, 0)
            for i in range(n):
                different |= (bucket[i] >> cast(u64, 32)) ^ first
            if different == 0:  # one weight
                continue
            _radix_pass(bucket, spare, place, n, cast(u64, 32))
            _radix_pass(spare, bucket, place, n, cast(u64, 32 + _SHIFT // 2 + 1))


@cython.cfunc
@cython.nogil
@cython.locals(i=i64, low=u64, digit=u64)
def _radix_pass(source: cu64[::1], target: u64[::1], place: i32[::1], n: i64, shift: u64) -> void:
    """Stable counting sort by _SHIFT // 2 + 1 bits from `shift` on."""
    low = (cast(u64, 1) << (_SHIFT // 2 + 1)) - 1
    place[:] = 0
    for i in range(n):
        place[((source[i] >> shift) & low) + 1] += 1
    for i in range(1, place.shape[0]):
        place[i] += place[i - 1]
    for i in range(n):
        digit = (source[i] >> shift) & low
        target[place[digit]] = source[i]
        place[digit] += 1


@cython.locals(
    weight=f32, number=i64, size=i64, left=i64, first=i64, i=i64, a=i64, b=i64, count=i64, root=i64, above=i32[:, ::1],
    batch=cu64[::1], ids=i32[::1], outside=cu8[::1]
)  # fmt: skip
def partition(
    edges: u64[::1], height: i64, width: i64, inside: cu8[:, ::1], scale: f32, min_size: i64, parent: i32[::1],
    pixels: i32[::1], limit: f32[::1]
):  # fmt: skip
    """parent, pixels: the components. limit: the largest weight that may still join one: internal difference + k / size."""
    size = height * width
    left = 0
    # The memory is waited for once a batch: first both ends' grandparents, independent of one another, then the joins.
    above = np.empty((2, _BATCH), np.int32)
    with cython.nogil:
        for number in range((edges.shape[0] + _BATCH - 1) // _BATCH):
            first = number * _BATCH
            batch = edges[first : min(first + _BATCH, edges.shape[0])]
            for i in range(batch.shape[0]):
                a, b = _ends(cast(i64, batch[i] & cast(u64, 0xFFFFFFFF)), width)
                above[0, i], above[1, i] = parent[a], parent[b]
            for i in range(batch.shape[0]):
                above[0, i], above[1, i] = parent[above[0, i]], parent[above[1, i]]
            for i in range(batch.shape[0]):
                if above[0, i] == above[1, i]:
                    continue
                a, b = find(parent, above[0, i]), find(parent, above[1, i])
                if a == b:
                    continue
                weight = sqrtf(float_of_bits(cast(i32, batch[i] >> cast(u64, 32))))
                if weight <= limit[a] and weight <= limit[b]:
                    _join(parent, pixels, limit, a, b, weight, scale)
                else:
                    edges[left] = batch[i]
                    left += 1
        for i in range(left):
            a, b = _ends(cast(i64, edges[i] & cast(u64, 0xFFFFFFFF)), width)
            a, b = find(parent, a), find(parent, b)
            if a != b and (pixels[a] < min_size or pixels[b] < min_size):
                _join(parent, pixels, limit, a, b, cast(f32, 0), scale)
    ids = np.zeros(size, np.int32)
    count = 0
    outside = np.ravel(inside)
    with cython.nogil:
        for i in range(size):
            if outside.shape[0] and not outside[i]:
                continue
            root = find(parent, i)
            if limit[root] >= 0:  # not numbered yet: a number is kept as its negative
                count += 1
                limit[root] = cast(f32, -1)
                pixels[root] = count
            ids[i] = pixels[root]
    return ids.base.reshape(height, width)


@cython.cfunc
@cython.nogil
@cython.locals(pixel=i64, direction=i64, step=i64)
def _ends(number: i64, width: i64) -> tuple[i64, i64]:
    """The two pixels of an edge."""
    pixel, direction = number >> 2, number & 3
    step = 1 if direction == 0 else width if direction == 1 else width + 1 if direction == 2 else 1 - width
    return pixel, pixel + step


@cython.cfunc
@cython.nogil
def _join(parent: i32[::1], pixels: i32[::1], limit: f32[::1], a: i64, b: i64, weight: f32, scale: f32) -> void:
    if pixels[a] < pixels[b]:
        a, b = b, a
    parent[b] = a
    pixels[a] += pixels[b]
    limit[a] = weight + scale / cast(f32, pixels[a])
