"""Flooding a relief from markers, lowest pixels first: the kernel of every watershed.

Papers: Meyer, "Topographic Distance and Watershed Lines", Signal Processing 38, 1994; Barnes, Lehman & Mulla,
"Priority-Flood", Computers & Geosciences 62, 2014 (queues by level); Neubert & Protzel, "Compact Watershed and
Preemptive SLIC", ICPR 2014 (`compact_flood`).

    relief (H, W), markers (H, W) -> a first-in first-out queue a level -> ids (H, W)

A pixel belongs to the flood that reaches it first. Among pixels of one level the one that was reached first goes on
first, markers in the order of their pixels, neighbours in the order up, left, right, down.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast, void
from cython.cimports.kontur.kernels.common import ci32, ci64, cu16, cu64, cu8, f32, f64, i32, i64, lowest_bit, u64
from cython.cimports.libc.math import sqrtf
from numpy.typing import NDArray

from .door import array, indices

_WALL = np.int32(-1)

levels_of = cython.fused_type(cu8, cu16, ci32)


def priority_flood(
    relief: NDArray, markers: NDArray[np.integer], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Every pixel gets the number of the marker whose flood reaches it first; regions are 4-connected to a marker.

    relief:  (H, W) uint8, uint16 (one queue a value) or any other real type (one queue a distinct value; sorted first).
    markers: (H, W) integers; 1.. at marked pixels, 0 elsewhere.
    mask:    (H, W) bool: nothing flows outside it, markers there are ignored.
    returns: (H, W) int32; 0 outside the mask and where no flood arrives.
    """
    relief = np.asarray(relief)
    if relief.dtype in (np.bool_, np.uint8, np.uint16):
        relief = array("relief", relief, np.uint8 if relief.dtype == np.bool_ else relief.dtype, None, None)
        height, width = relief.shape
    else:
        exact = np.float64 if relief.dtype.kind == "f" else np.int64
        values, ranks = np.unique(array("relief", relief, exact, None, None), return_inverse=True)
        height, width = relief.shape
        levels = len(values)
        small = np.uint8 if levels <= 256 else np.uint16 if levels <= 65536 else np.int32
        relief = ranks.reshape(height, width).astype(small)
    ids = _walled(array("markers", markers, np.int32, height, width), mask)
    if not relief.size:
        return np.zeros((height, width), np.int32)
    # Made by NumPy, which asks the system for large pages.
    _flood(relief, ids.ravel(), width + 2, np.empty(height * width, np.int32))
    inner = ids[1:-1, 1:-1]
    return np.maximum(inner, 0) if mask is not None else np.ascontiguousarray(inner)


def compact_flood(
    relief: NDArray[np.uint16],
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    compactness: float,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Flooding where a pixel's level is its relief + compactness * distance to the marker of the flood.

    relief:  (H, W) uint16.   rows, columns: the marked pixels; the n-th gets number n + 1.
    compactness: levels a pixel of distance; levels are rounded and end at 65535.
    returns: (H, W) int32 as in `priority_flood`. A pixel is decided when its level comes, not when it is first seen.
    """
    relief = array("relief", relief, np.uint16, None, None)
    height, width = relief.shape
    rows = indices("rows", rows, np.int32, height, None)
    columns = indices("columns", columns, np.int32, width, len(rows))
    if not compactness >= 0:
        raise ValueError(f"compactness: expected 0 or more, got {compactness}")
    markers = np.zeros(relief.shape, np.int32)
    markers[rows, columns] = np.arange(1, len(rows) + 1)
    ids = _walled(markers, mask)
    _compact_flood(
        relief,
        ids.ravel(),
        ids.shape[1],
        rows,
        columns,
        compactness,
    )
    inner = ids[1:-1, 1:-1]
    return np.maximum(inner, 0) if mask is not None else np.ascontiguousarray(inner)


def _walled(markers: NDArray[np.integer], mask: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """The markers inside a frame of walls, so that no neighbour needs a check; walls outside the mask too."""
    height, width = markers.shape
    mask = None if mask is None else array("mask", mask, np.bool_, height, width)
    ids = np.full((height + 2, width + 2), _WALL, np.int32)
    ids[1:-1, 1:-1] = markers if mask is None else np.where(mask, markers, _WALL)
    return ids


@cython.locals(depth=i64, size=i64, total=i64, offset=i64[::1])
def _make_bits(levels: i64):
    """An empty set of levels: words of 64 bits, above them words that tell which words are not 0, and so on to one word."""
    offset = np.zeros(8, np.int64)
    depth, size, total = 0, levels, 0
    with cython.nogil:
        while True:
            size = (size + 63) >> 6
            offset[depth] = total
            total += size
            depth += 1
            if size == 1:
                break
    return np.zeros(total, np.uint64), offset.base[:depth]


@cython.cfunc
@cython.nogil
@cython.locals(d=i64, word=i64, before=u64)
def _add_level(bits: u64[::1], offset: ci64[::1], level: i64) -> void:
    for d in range(offset.shape[0]):
        word = offset[d] + (level >> 6)
        before = bits[word]
        bits[word] = before | (cast(u64, 1) << cast(u64, level & 63))
        if before:
            break
        level >>= 6


@cython.cfunc
@cython.nogil
@cython.locals(d=i64, word=i64)
def _drop_level(bits: u64[::1], offset: ci64[::1], level: i64) -> void:
    for d in range(offset.shape[0]):
        word = offset[d] + (level >> 6)
        bits[word] &= ~(cast(u64, 1) << cast(u64, level & 63))
        if bits[word]:
            break
        level >>= 6


@cython.cfunc
@cython.nogil
@cython.locals(level=i64, d=i64, word=u64)
def _lowest_level(bits: cu64[::1], offset: ci64[::1]) -> i64:
    """The lowest level of the set, -1 when it is empty."""
    level = 0
    for d in range(offset.shape[0] - 1, -1, -1):
        word = bits[offset[d] + level]
        if word == 0:
            return -1
        level = (level << 6) + lowest_bit(word)
    return level


def _flood(relief: levels_of[:, ::1], ids: i32[::1], stride: i64, queue: i32[::1]) -> None:
    """ids: the framed map, flat. Each pixel enters one queue once, so the queues lie behind one another in one array."""
    levels: i64 = int(np.max(relief)) + 1
    tail: i64[::1] = np.zeros(levels + 1, np.int64)
    head: i64[::1] = np.zeros(levels + 1, np.int64)
    bits, offset = _make_bits(levels)
    set_bits: u64[::1] = bits
    set_offset: i64[::1] = offset
    with cython.nogil:
        _flood_levels(relief, ids, stride, queue, head, tail, set_bits, set_offset)


@cython.cfunc
@cython.nogil
@cython.locals(
    number=i32, height=i64, width=i64, i=i64, y=i64, x=i64, p=i64, level=i64, lowest=i64, below=i64, k=i64, q=i64
)  # fmt: skip
def _flood_levels(
    relief: levels_of[:, ::1], ids: i32[::1], stride: i64, queue: i32[::1], head: i64[::1], tail: i64[::1],
    bits: u64[::1], offset: ci64[::1]
) -> void:  # fmt: skip
    """head, tail: zeros, one more than levels; become where each level's queue begins and ends."""
    height, width = relief.shape[0], relief.shape[1]
    for y in range(height):
        for x in range(width):
            tail[relief[y, x] + 1] += 1
    for i in range(1, tail.shape[0]):
        tail[i] += tail[i - 1]
    head[:] = tail
    for y in range(height):
        for x in range(width):
            p = (y + 1) * stride + x + 1
            # A marked pixel whose neighbours are all decided has nothing to flood.
            if ids[p] > 0 and (ids[p - stride] == 0 or ids[p - 1] == 0 or ids[p + 1] == 0 or ids[p + stride] == 0):
                level = relief[y, x]
                if head[level] == tail[level]:
                    _add_level(bits, offset, level)
                queue[tail[level]] = p
                tail[level] += 1
    lowest = _lowest_level(bits, offset)
    while lowest >= 0:
        p = queue[head[lowest]]
        head[lowest] += 1
        if head[lowest] == tail[lowest]:
            _drop_level(bits, offset, lowest)
        number = ids[p]
        below = lowest
        for k in range(4):
            q = p + (-stride if k == 0 else -1 if k == 1 else 1 if k == 2 else stride)
            if ids[q] == 0:
                ids[q] = number
                level = relief[q // stride - 1, q % stride - 1]
                if head[level] == tail[level]:
                    _add_level(bits, offset, level)
                queue[tail[level]] = q
                tail[level] += 1
                below = min(below, level)
        if below < lowest:
            lowest = below
        elif head[lowest] == tail[lowest]:
            lowest = _lowest_level(bits, offset)


@cython.locals(
    k=i64, entry=i32, number=i32, levels=i64, n=i64, p=i64, level=i64, following=i32[::1], head=i32[::1],
    tail=i32[::1], bits=u64[::1], offset=i64[::1]
)  # fmt: skip
def _compact_flood(
    relief: cu16[:, ::1], ids: i32[::1], stride: i64, rows: ci32[::1], columns: ci32[::1], compactness: f64
):  # fmt: skip
    """A queue entry is 4 * pixel + the step it was reached by; entries of a level are chained in `following`."""
    following = np.empty(4 * ids.shape[0], np.int32)
    levels = 65536
    head = np.full(levels, -1, np.int32)
    tail = np.full(levels, -1, np.int32)
    bits, offset = _make_bits(levels)
    with cython.nogil:
        for n in range(rows.shape[0]):
            p = (rows[n] + 1) * stride + columns[n] + 1
            if ids[p] == n + 1:
                _spread(relief, ids, stride, p, rows[n], columns[n], compactness, head, tail, following, bits, offset)
        while True:
            level = _lowest_level(bits, offset)
            if level < 0:
                break
            entry = head[level]
            head[level] = following[entry]
            if head[level] < 0:
                tail[level] = -1
                _drop_level(bits, offset, level)
            p = entry >> 2
            if ids[p] == 0:
                k = entry & 3
                number = ids[p - (-stride if k == 0 else -1 if k == 1 else 1 if k == 2 else stride)]
                ids[p] = number
                _spread(
                    relief,
                    ids,
                    stride,
                    p,
                    rows[number - 1],
                    columns[number - 1],
                    compactness,
                    head,
                    tail,
                    following,
                    bits,
                    offset,
                )


@cython.cfunc
@cython.nogil
@cython.locals(distance=f32, d=i64, q=i64, y=i64, x=i64, dy=i64, dx=i64, level=i64, entry=i64)
def _spread(
    relief: cu16[:, ::1], ids: ci32[::1], stride: i64, p: i64, row: i64, column: i64, compactness: f64,
    head: i32[::1], tail: i32[::1], following: i32[::1], bits: u64[::1], offset: ci64[::1]
) -> void:  # fmt: skip
    """Queue the undecided neighbours of p for the flood whose marker is at (row, column)."""
    for d in range(4):
        q = p + (-stride if d == 0 else -1 if d == 1 else 1 if d == 2 else stride)
        if ids[q] != 0:
            continue
        y, x = q // stride - 1, q % stride - 1
        dy, dx = y - row, x - column
        distance = sqrtf(cast(f32, dy * dy + dx * dx))
        level = cast(i64, min(cast(f32, relief[y, x]) + cast(f32, compactness) * distance, cast(f32, 65535)))
        entry = 4 * q + d
        following[entry] = -1
        if tail[level] < 0:
            head[level] = entry
            _add_level(bits, offset, level)
        else:
            following[tail[level]] = entry
        tail[level] = entry
