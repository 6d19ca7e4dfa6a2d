"""The compiled loops of split and merge: quadtree blocks, and a union of neighbours by the range of their values."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..kernels.union_find import find


@njit(cache=True, nogil=True)
def split(pixels: NDArray[np.float32], tolerance: np.float32) -> NDArray[np.int32]:
    """Quarter blocks until max - min <= tolerance in every band; (H, W) block numbers 0... pixels: (H, W, C)."""
    height, width = pixels.shape[:2]
    blocks = np.zeros((height, width), np.int32)
    found = np.int32(0)
    stack = [(0, 0, height, width)]
    while len(stack) > 0:
        top, left, bottom, right = stack.pop()
        if _range(pixels, top, left, bottom, right, tolerance) <= tolerance:
            for y in range(top, bottom):
                for x in range(left, right):
                    blocks[y, x] = found
            found += 1
            continue
        # The later half is pushed first, so blocks are numbered in reading order of the tree.
        middle, centre = (top + bottom + 1) // 2, (left + right + 1) // 2
        if middle < bottom and centre < right:
            stack.append((middle, centre, bottom, right))
        if middle < bottom:
            stack.append((middle, left, bottom, centre))
        if centre < right:
            stack.append((top, centre, middle, right))
        stack.append((top, left, middle, centre))
    return blocks


@njit(cache=True, nogil=True)
def _range(pixels: NDArray[np.float32], top: int, left: int, bottom: int, right: int, enough: np.float32) -> np.float32:
    """The largest max - min of any band in a block; stops early once above `enough`."""
    widest = np.float32(0)
    for band in range(pixels.shape[2]):
        low = high = pixels[top, left, band]
        for y in range(top, bottom):
            for x in range(left, right):
                value = pixels[y, x, band]
                low, high = min(low, value), max(high, value)
            if high - low > enough:
                return high - low
        widest = max(widest, high - low)
    return widest


@njit(cache=True, nogil=True)
def merge(pixels: NDArray[np.float32], blocks: NDArray[np.int32], tolerance: np.float32) -> NDArray[np.int32]:
    """Join 4-neighbouring blocks, least range of the union first, while it is at most `tolerance`; (H, W), 0..."""
    height, width, bands = pixels.shape
    count = blocks.max() + 1
    low = np.full((count, bands), np.inf, np.float32)
    high = np.full((count, bands), -np.inf, np.float32)
    for y in range(height):
        for x in range(width):
            block = blocks[y, x]
            for band in range(bands):
                value = pixels[y, x, band]
                low[block, band] = min(low[block, band], value)
                high[block, band] = max(high[block, band], value)

    first = np.empty(2 * height * width, np.int32)
    second = np.empty(2 * height * width, np.int32)
    span = np.empty(2 * height * width, np.float32)
    pairs = 0
    for y in range(height):
        for x in range(width):
            for down in range(2):
                if y + down >= height or x + 1 - down >= width:
                    continue
                a, b = blocks[y, x], blocks[y + down, x + 1 - down]
                if a != b:
                    widest = _union(low, high, a, b)
                    if widest <= tolerance:
                        first[pairs], second[pairs], span[pairs] = a, b, widest
                        pairs += 1

    parent = np.arange(count).astype(np.int32)
    for index in np.argsort(span[:pairs], kind="mergesort"):
        a, b = find(parent, first[index]), find(parent, second[index])
        if a != b and _union(low, high, a, b) <= tolerance:
            a, b = min(a, b), max(a, b)
            parent[b] = a
            for band in range(bands):
                low[a, band] = min(low[a, band], low[b, band])
                high[a, band] = max(high[a, band], high[b, band])

    names = np.full(count, -1, np.int32)
    labels = np.empty((height, width), np.int32)
    used = np.int32(0)
    for y in range(height):
        for x in range(width):
            root = find(parent, blocks[y, x])
            if names[root] < 0:
                names[root] = used
                used += 1
            labels[y, x] = names[root]
    return labels


@njit(cache=True, nogil=True)
def _union(low: NDArray[np.float32], high: NDArray[np.float32], a: int, b: int) -> np.float32:
    """The largest range of any band in the union of two regions."""
    widest = np.float32(0)
    for band in range(low.shape[1]):
        widest = max(widest, max(high[a, band], high[b, band]) - min(low[a, band], low[b, band]))
    return widest
