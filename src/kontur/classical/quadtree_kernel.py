"""The compiled loops of split and merge: quadtree blocks, and a union of neighbours by the range of their values."""

# mypy: ignore-errors

import cython
import numpy as np
from cython.cimports.kontur.kernels.common import cf32, ci32, f32, find, i32, i64
from cython.cimports.libc.math import INFINITY


@cython.locals(
    depth=i64, stack=i64[:, ::1], height=i64, width=i64, found=i64, top=i64, left=i64, bottom=i64, right=i64, y=i64, x=i64, middle=i64,
    centre=i64, blocks=i32[:, ::1]
)  # fmt: skip
def split(pixels: cf32[:, :, ::1], tolerance: f32):
    """Quarter blocks until max - min <= tolerance in every band; (H, W) block numbers 0... pixels: (H, W, C)."""
    height, width = pixels.shape[0], pixels.shape[1]
    blocks = np.zeros((height, width), np.int32)
    found = 0
    stack = np.empty((256, 4), np.int64)  # each quartering adds three at most, and halves the sides
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, 0, height, width
    depth = 1 if height * width > 0 else 0
    with cython.nogil:
        while depth > 0:
            depth -= 1
            top, left, bottom, right = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
            if _range(pixels, top, left, bottom, right, tolerance) <= tolerance:
                for y in range(top, bottom):
                    for x in range(left, right):
                        blocks[y, x] = found
                found += 1
                continue
            # The later quarters are pushed first, so blocks are numbered in reading order of the tree.
            middle, centre = (top + bottom + 1) // 2, (left + right + 1) // 2
            depth = _push(stack, depth, middle, centre, bottom, right)
            depth = _push(stack, depth, middle, left, bottom, centre)
            depth = _push(stack, depth, top, centre, middle, right)
            depth = _push(stack, depth, top, left, middle, centre)
    return blocks.base


@cython.cfunc
@cython.nogil
def _push(stack: i64[:, ::1], depth: i64, top: i64, left: i64, bottom: i64, right: i64) -> i64:
    """Put a block that is not empty on the stack; the new depth."""
    if top == bottom or left == right:
        return depth
    stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = top, left, bottom, right
    return depth + 1


@cython.cfunc
@cython.nogil
@cython.locals(widest=f32, low=f32, high=f32, value=f32, band=i64, y=i64, x=i64)
def _range(pixels: cf32[:, :, ::1], top: i64, left: i64, bottom: i64, right: i64, enough: f32) -> f32:
    """The largest max - min of any band in a block; stops early once above `enough`."""
    widest = 0
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


@cython.locals(
    value=f32, widest=f32, block=i32, a=i32, b=i32, root=i32, height=i64, width=i64, bands=i64, count=i64, y=i64,
    x=i64, band=i64, pairs=i64, down=i64, n=i64, index=i64, used=i64, low=f32[:, ::1], high=f32[:, ::1], first=i32[::1],
    second=i32[::1], parent=i32[::1], names=i32[::1], span=f32[::1], labels=i32[:, ::1], order=i64[::1]
)  # fmt: skip
def merge(pixels: cf32[:, :, ::1], blocks: ci32[:, ::1], tolerance: f32):
    """Join 4-neighbouring blocks, least range of the union first, while it is at most `tolerance`; (H, W), 0..."""
    height, width, bands = pixels.shape[0], pixels.shape[1], pixels.shape[2]
    if blocks.shape[0] != height or blocks.shape[1] != width:
        raise ValueError("blocks: expected the size of the image")
    count = np.max(blocks, initial=-1) + 1
    low = np.full((count, bands), INFINITY, np.float32)
    high = np.full((count, bands), -INFINITY, np.float32)
    with cython.nogil:
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
    with cython.nogil:
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
    order = np.argsort(span.base[:pairs], kind="mergesort")
    with cython.nogil:
        for n in range(pairs):
            index = order[n]
            a, b = find(parent, first[index]), find(parent, second[index])
            if a != b and _union(low, high, a, b) <= tolerance:
                a, b = min(a, b), max(a, b)
                parent[b] = a
                for band in range(bands):
                    low[a, band] = min(low[a, band], low[b, band])
                    high[a, band] = max(high[a, band], high[b, band])

    names = np.full(count, -1, np.int32)
    labels = np.empty((height, width), np.int32)
    used = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                root = find(parent, blocks[y, x])
                if names[root] < 0:
                    names[root] = used
                    used += 1
                labels[y, x] = names[root]
    return labels.base


@cython.cfunc
@cython.nogil
@cython.locals(widest=f32, band=i64)
def _union(low: cf32[:, ::1], high: cf32[:, ::1], a: i32, b: i32) -> f32:
    """The largest range of any band in the union of two regions."""
    widest = 0
    for band in range(low.shape[1]):
        widest = max(widest, max(high[a, band], high[b, band]) - min(low[a, band], low[b, band]))
    return widest
