"""Flooding a relief from markers, lowest pixels first: the kernel of every watershed.

Papers: Meyer, "Topographic Distance and Watershed Lines", Signal Processing 38, 1994; Barnes, Lehman & Mulla,
"Priority-Flood", Computers & Geosciences 62, 2014 (queues by level); Neubert & Protzel, "Compact Watershed and
Preemptive SLIC", ICPR 2014 (`compact_flood`).

    relief (H, W), markers (H, W) -> a first-in first-out queue a level -> ids (H, W)

A pixel belongs to the flood that reaches it first. Among pixels of one level the one that was reached first goes on
first, markers in the order of their pixels, neighbours in the order up, left, right, down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

_WALL = np.int32(-1)


def priority_flood(
    relief: NDArray, markers: NDArray[np.integer], mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Every pixel gets the number of the marker whose flood reaches it first; regions are 4-connected to a marker.

    relief:  (H, W) uint8, uint16 (one queue a value) or any other real type (one queue a distinct value; sorted first).
    markers: (H, W) integers; 1.. at marked pixels, 0 elsewhere.
    mask:    (H, W) bool: nothing flows outside it, markers there are ignored.
    returns: (H, W) int32; 0 outside the mask and where no flood arrives.
    """
    height, width = relief.shape
    if relief.dtype == np.bool_:
        relief = relief.astype(np.uint8)
    if relief.dtype not in (np.uint8, np.uint16):
        values, ranks = np.unique(relief, return_inverse=True)
        levels = len(values)
        small = np.uint8 if levels <= 256 else np.uint16 if levels <= 65536 else np.int32
        relief = ranks.reshape(height, width).astype(small)
    ids = _walled(markers, mask)
    # Made by NumPy, which asks the system for large pages.
    _flood(np.ascontiguousarray(relief), ids.ravel(), width + 2, np.empty(height * width, np.int32))
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
    markers = np.zeros(relief.shape, np.int32)
    markers[rows, columns] = np.arange(1, len(rows) + 1)
    ids = _walled(markers, mask)
    _compact_flood(
        np.ascontiguousarray(relief),
        ids.ravel(),
        ids.shape[1],
        rows.astype(np.int32),
        columns.astype(np.int32),
        compactness,
    )
    inner = ids[1:-1, 1:-1]
    return np.maximum(inner, 0) if mask is not None else np.ascontiguousarray(inner)


def _walled(markers: NDArray[np.integer], mask: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """The markers inside a frame of walls, so that no neighbour needs a check; walls outside the mask too."""
    height, width = markers.shape
    ids = np.full((height + 2, width + 2), _WALL, np.int32)
    ids[1:-1, 1:-1] = markers if mask is None else np.where(mask, markers, _WALL)
    return ids


@intrinsic
def _lowest_bit(typing_context: Any, word: Any) -> Any:
    """The position of the lowest set bit of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.int64(types.uint64), generate


@njit(cache=True, nogil=True)
def _make_bits(levels):  # type: ignore[no-untyped-def]
    """An empty set of levels: words of 64 bits, above them words that tell which words are not 0, and so on to one word."""
    offset = np.zeros(8, np.int64)
    depth, size, total = 0, levels, 0
    while True:
        size = (size + 63) >> 6
        offset[depth] = total
        total += size
        depth += 1
        if size == 1:
            break
    return np.zeros(total, np.uint64), offset[:depth]


@njit(nogil=True, inline="always")
def _add_level(bits, offset, level):  # type: ignore[no-untyped-def]
    for d in range(len(offset)):
        word = offset[d] + (level >> 6)
        before = bits[word]
        bits[word] = before | (np.uint64(1) << np.uint64(level & 63))
        if before:
            break
        level >>= 6


@njit(nogil=True, inline="always")
def _drop_level(bits, offset, level):  # type: ignore[no-untyped-def]
    for d in range(len(offset)):
        word = offset[d] + (level >> 6)
        bits[word] &= ~(np.uint64(1) << np.uint64(level & 63))
        if bits[word]:
            break
        level >>= 6


@njit(nogil=True, inline="always")
def _lowest_level(bits, offset):  # type: ignore[no-untyped-def]
    """The lowest level of the set, -1 when it is empty."""
    level = 0
    for d in range(len(offset) - 1, -1, -1):
        word = bits[offset[d] + level]
        if word == 0:
            return -1
        level = (level << 6) + _lowest_bit(word)
    return level


@njit(cache=True, nogil=True)
def _flood(relief, ids, stride, queue):  # type: ignore[no-untyped-def]
    """ids: the framed map, flat. Each pixel enters one queue once, so the queues lie behind one another in one array."""
    height, width = relief.shape
    flat = relief.ravel()
    levels = np.int64(flat.max()) + 1
    tail = np.zeros(levels + 1, np.int64)
    for i in range(len(flat)):
        tail[np.int64(flat[i]) + 1] += 1
    for i in range(levels):
        tail[i + 1] += tail[i]
    head = tail[:levels].copy()
    tail = tail[:levels]
    bits, offset = _make_bits(levels)
    for y in range(height):
        for x in range(width):
            p = (y + 1) * stride + x + 1
            # A marked pixel whose neighbours are all decided has nothing to flood.
            if ids[p] > 0 and (ids[p - stride] == 0 or ids[p - 1] == 0 or ids[p + 1] == 0 or ids[p + stride] == 0):
                level = np.int64(relief[y, x])
                if head[level] == tail[level]:
                    _add_level(bits, offset, level)
                queue[tail[level]] = p
                tail[level] += 1
    steps = (-stride, -1, 1, stride)
    lowest = _lowest_level(bits, offset)
    while lowest >= 0:
        p = queue[head[lowest]]
        head[lowest] += 1
        if head[lowest] == tail[lowest]:
            _drop_level(bits, offset, lowest)
        number = ids[p]
        below = lowest
        for step in steps:
            q = p + step
            if ids[q] == 0:
                ids[q] = number
                # In the unframed relief a row is two pixels shorter and starts a frame later.
                level = np.int64(flat[q - stride - 1 - 2 * (q // stride - 1)])
                if head[level] == tail[level]:
                    _add_level(bits, offset, level)
                queue[tail[level]] = q
                tail[level] += 1
                below = min(below, level)
        if below < lowest:
            lowest = below
        elif head[lowest] == tail[lowest]:
            lowest = _lowest_level(bits, offset)


@njit(cache=True, nogil=True)
def _compact_flood(relief, ids, stride, rows, columns, compactness):  # type: ignore[no-untyped-def]
    """A queue entry is 4 * pixel + the step it was reached by; entries of a level are chained in `following`."""
    following = np.empty(4 * len(ids), np.int32)
    levels = 65536
    head = np.full(levels, -1, np.int32)
    tail = np.full(levels, -1, np.int32)
    bits, offset = _make_bits(levels)
    steps = (-stride, -1, 1, stride)
    for n in range(len(rows)):
        p = (rows[n] + 1) * stride + columns[n] + 1
        if ids[p] == n + 1:
            _spread(relief, ids, stride, p, rows[n], columns[n], compactness, head, tail, following, bits, offset)
    while True:
        level = _lowest_level(bits, offset)
        if level < 0:
            return
        entry = head[level]
        head[level] = following[entry]
        if head[level] < 0:
            tail[level] = -1
            _drop_level(bits, offset, level)
        p = entry >> 2
        if ids[p] == 0:
            number = ids[p - steps[entry & 3]]
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


@njit(nogil=True, inline="always")
def _spread(relief, ids, stride, p, row, column, compactness, head, tail, following, bits, offset):  # type: ignore[no-untyped-def]
    """Queue the undecided neighbours of p for the flood whose marker is at (row, column)."""
    steps = (-stride, -1, 1, stride)
    for d in range(4):
        q = p + steps[d]
        if ids[q] != 0:
            continue
        y, x = q // stride - 1, q % stride - 1
        dy, dx = y - row, x - column
        distance = np.sqrt(np.float32(dy * dy + dx * dx))
        level = np.int64(min(np.float32(relief[y, x]) + np.float32(compactness) * distance, np.float32(65535)))
        entry = 4 * q + d
        following[entry] = -1
        if tail[level] < 0:
            head[level] = entry
            _add_level(bits, offset, level)
        else:
            following[tail[level]] = entry
        tail[level] = entry
