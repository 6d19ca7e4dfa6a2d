"""Objects from offsets: every foreground pixel walks to its object's centre, and those that arrive together are one object.

    foreground (H, W) bool, offsets (2, H, W) pixels -> places of arrival -> heaps of them -> ids (H, W)

A pixel goes where its offset leads, looks at the offset there, goes on, a few times: the walk corrects itself, so that places of arrival
lie closer than the first step's. Arrivals are counted, their counts smoothed, and every cell climbs to the highest of its
neighbours until a summit; a summit nearer to a larger one than a share of that one's radius is part of it.
"""

# mypy: ignore-errors

import cython
import numpy as np
from cython import cast
from cython.cimports.kontur.kernels.common import cf32, ci32, cu8, f64, i32, i64, within
from cython.cimports.libc.math import floor, sqrt
from numpy.typing import NDArray

from .door import array

STRAY = 12
"""Pixels; fewer that arrive together are strays of the objects around them, whatever size is asked for."""


def objects_of(
    foreground: NDArray[np.bool_], offsets: NDArray[np.float32], *, steps: int, merge: float, least: int
) -> NDArray[np.int32]:
    """Ids (H, W) int32: 0 background, 1.. objects in the order of their first pixel, each 4-connected and without holes.

    offsets: (2, H, W) down and across, in pixels; finite. steps: of each walk. merge: summits nearer than this share of the
    larger one's radius are one. least: pixels; smaller objects are left out.
    """
    foreground = array("foreground", foreground, np.bool_, None, None)
    height, width = foreground.shape
    offsets = array("offsets", offsets, np.float32, 2, height, width)
    ends = _arrivals(foreground, offsets[0], offsets[1], steps)
    heap = _heaps(ends, height, width, merge, min(least, STRAY))
    ids = np.zeros((height, width), np.int32)
    _assign(ends, heap, ids)
    _keep_largest_piece(ids, int(ids.max(initial=0)))
    _spread(ids, foreground)
    return _finished(ids, foreground, least)


@cython.locals(height=i64, width=i64, y=i64, x=i64, _=i64, at_y=i64, at_x=i64, to_y=i64, to_x=i64, ends=i32[:, ::1])
def _arrivals(foreground: cu8[:, ::1], down: cf32[:, ::1], across: cf32[:, ::1], steps: i64):
    """The flat index of the cell in which each pixel ends, -1 on the background."""
    height, width = foreground.shape[0], foreground.shape[1]
    ends = np.full((height, width), -1, np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if not foreground[y, x]:
                    continue
                at_y, at_x = y, x
                for _ in range(steps):
                    to_y = within(floor(cast(f64, at_y) + down[at_y, at_x] + 0.5), height)
                    to_x = within(floor(cast(f64, at_x) + across[at_y, at_x] + 0.5), width)
                    if to_y == at_y and to_x == at_x:
                        break
                    at_y, at_x = to_y, to_x
                    if not foreground[at_y, at_x]:  # nobody has learnt offsets there
                        break
                ends[y, x] = at_y * width + at_x
    return ends.base


@cython.locals(
    earlier=cython.bint, changed=cython.bint, reach=f64, size=i64, y=i64, x=i64, end=i64, total=i64, best_y=i64,
    best_x=i64, best=i64, dy=i64, dx=i64, value=i64, cell=i64, top=i64, following=i64, summits=i64, count=i64,
    place=i64, rank=i64, summit=i64, window=i64, y0=i64, x0=i64, other=i64, number=i64, last=i64, _=i64,
    votes=i32[:, ::1], smooth=i32[:, ::1], parent=i32[::1], owner=i32[::1], heap=i32[::1], mass=i64[::1],
    places=i64[::1], order=i64[::1]
)  # fmt: skip
def _heaps(ends: ci32[:, ::1], height: i64, width: i64, merge: f64, least: i64):
    """(H * W,) int32: the heap's number of each cell of arrival, 1.., and 0 where too few arrived."""
    size = height * width
    votes = np.zeros((height + 2, width + 2), np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                end = ends[y, x]
                if end >= 0:
                    votes[end // width + 1, end % width + 1] += 1
    smooth = np.zeros((height + 2, width + 2), np.int32)
    with cython.nogil:
        for y in range(1, height + 1):
            for x in range(1, width + 1):
                total = 4 * votes[y, x]
                total += 2 * (votes[y - 1, x] + votes[y + 1, x] + votes[y, x - 1] + votes[y, x + 1])
                total += votes[y - 1, x - 1] + votes[y - 1, x + 1] + votes[y + 1, x - 1] + votes[y + 1, x + 1]
                smooth[y, x] = total
    # Every cell with arrivals points to the highest of its neighbours; of equal ones to the first, which makes no circle.
    parent = np.full(size, -1, np.int32)
    with cython.nogil:
        for y in range(1, height + 1):
            for x in range(1, width + 1):
                if smooth[y, x] == 0:
                    continue
                best_y, best_x, best = y, x, smooth[y, x]
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        value = smooth[y + dy, x + dx]
                        earlier = (y + dy) * (width + 2) + x + dx < best_y * (width + 2) + best_x
                        if value > best or (value == best and value > 0 and earlier):
                            best_y, best_x, best = y + dy, x + dx, value
                parent[(y - 1) * width + x - 1] = (best_y - 1) * width + best_x - 1
    mass = np.zeros(size, np.int64)
    with cython.nogil:
        for cell in range(size):
            if parent[cell] < 0:
                continue
            top = cell
            while parent[top] != top:
                top = parent[top]
            place = cell
            while parent[place] != top:  # those on the way need not climb again
                following = parent[place]
                parent[place] = top
                place = following
        summits = 0
        for cell in range(size):
            if parent[cell] >= 0:
                mass[parent[cell]] += votes[cell // width + 1, cell % width + 1]
                summits += parent[cell] == cell
    places = np.empty(summits, np.int64)
    count = 0
    with cython.nogil:
        for cell in range(size):
            if parent[cell] == cell:
                places[count] = cell
                count += 1
    owner = np.full(size, -1, np.int32)  # the summit that a summit belongs to
    with cython.nogil:
        for rank in range(summits):
            owner[places[rank]] = places[rank]
    for _ in range(3):
        order = np.argsort(-mass.base[places.base], kind="mergesort")
        changed = False
        with cython.nogil:
            for rank in range(summits):
                summit = places[order[rank]]
                if owner[summit] != summit or mass[summit] == 0:
                    continue
                reach = merge * sqrt(mass[summit] / 3.141592653589793)
                window = cast(i64, reach)
                y0, x0 = summit // width, summit % width
                for y in range(max(0, y0 - window), min(height, y0 + window + 1)):
                    for x in range(max(0, x0 - window), min(width, x0 + window + 1)):
                        other = y * width + x
                        if other == summit or owner[other] != other or mass[other] > mass[summit]:
                            continue
                        if ((y - y0) * (y - y0)) + ((x - x0) * (x - x0)) <= reach * reach:
                            owner[other] = summit
                            mass[summit] += mass[other]
                            mass[other] = 0
                            changed = True
        if not changed:
            break
    heap = np.zeros(size, np.int32)
    number = 0
    with cython.nogil:
        for rank in range(summits):
            place = places[rank]
            if owner[place] == place and mass[place] >= least:
                number += 1
                heap[place] = number
        for rank in range(summits):
            place = places[rank]
            last = place
            while owner[last] != last:
                last = owner[last]
            heap[place] = heap[last]
        for cell in range(size):
            if parent[cell] >= 0:
                heap[cell] = heap[parent[cell]]
    return heap.base


@cython.locals(height=i64, width=i64, y=i64, x=i64)
def _assign(ends: ci32[:, ::1], heap: ci32[::1], ids: i32[:, ::1]):
    height, width = ids.shape[0], ids.shape[1]
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if ends[y, x] >= 0:
                    ids[y, x] = heap[ends[y, x]]


@cython.locals(
    height=i64, width=i64, piece=i64, pixel=i64, own=i64, area=i64, y=i64, x=i64, seen=i32[:, ::1], largest=i64[::1],
    chosen=i64[::1], stack=i64[::1]
)  # fmt: skip
def _keep_largest_piece(ids: i32[:, ::1], number: i64):
    """Of each object the largest 4-connected piece stays; the pixels of the others become 0."""
    height, width = ids.shape[0], ids.shape[1]
    largest = np.zeros(number + 1, np.int64)
    chosen = np.full(number + 1, -1)
    seen = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    piece = 0
    with cython.nogil:
        for pixel in range(height * width):
            own = ids[pixel // width, pixel % width]
            if own == 0 or seen[pixel // width, pixel % width]:
                continue
            piece += 1
            area = _fill(ids, seen, stack, pixel, own, piece)
            if area > largest[own]:
                largest[own], chosen[own] = area, piece
        for y in range(height):
            for x in range(width):
                if ids[y, x] and chosen[ids[y, x]] != seen[y, x]:
                    ids[y, x] = 0


@cython.cfunc
@cython.nogil
@cython.locals(height=i64, width=i64, area=i64, done=i64, k=i64, y=i64, x=i64, dy=i64, dx=i64, v=i64, u=i64)
def _fill(ids: ci32[:, ::1], seen: i32[:, ::1], stack: i64[::1], pixel: i64, own: i64, piece: i64) -> i64:
    """Mark the 4-connected pixels of `own` around a pixel; how many there are. They stay on the stack's first places."""
    height, width = ids.shape[0], ids.shape[1]
    stack[0] = pixel
    seen[pixel // width, pixel % width] = piece
    area, done = 1, 0
    while done < area:
        y, x = stack[done] // width, stack[done] % width
        done += 1
        for k in range(4):
            dy, dx = (k == 3) - (k == 0), (k == 2) - (k == 1)
            v, u = y + dy, x + dx
            if 0 <= v < height and 0 <= u < width and ids[v, u] == own and seen[v, u] == 0:
                seen[v, u] = piece
                stack[area] = v * width + u
                area += 1
    return area


@cython.locals(
    height=i64, width=i64, head=i64, tail=i64, k=i64, y=i64, x=i64, dy=i64, dx=i64, v=i64, u=i64, queue=i64[::1]
)
def _spread(ids: i32[:, ::1], foreground: cu8[:, ::1]):
    """Foreground pixels without an object get that of the nearest one along foreground pixels, breadth first."""
    height, width = ids.shape[0], ids.shape[1]
    queue = np.empty(height * width, np.int64)
    head = tail = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if ids[y, x]:
                    queue[tail] = y * width + x
                    tail += 1
        while head < tail:
            y, x = queue[head] // width, queue[head] % width
            head += 1
            for k in range(4):
                dy, dx = (k == 3) - (k == 0), (k == 2) - (k == 1)
                v, u = y + dy, x + dx
                if 0 <= v < height and 0 <= u < width and foreground[v, u] and ids[v, u] == 0:
                    ids[v, u] = ids[y, x]
                    queue[tail] = v * width + u
                    tail += 1


@cython.locals(
    height=i64, width=i64, number=i64, i=i64, k=i64, y=i64, x=i64, piece=i64, pixel=i64, kind=i64, area=i64, place=i64, around=i64,
    dy=i64, dx=i64, other=i64, count=i64, own=i64, seen=i32[:, ::1], unclaimed=i32[:, ::1], stack=i64[::1],
    areas=i64[::1], renamed=i32[::1]
)  # fmt: skip
def _finished(ids: i32[:, ::1], foreground: cu8[:, ::1], least: i64):
    """Pieces of foreground that no heap claimed become objects, holes are filled, small objects go, ids are counted anew."""
    height, width = ids.shape[0], ids.shape[1]
    seen = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    number = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                number = max(number, ids[y, x])
    # One pass over the pixels without object: foreground ones are objects of their own, others may be a hole.
    unclaimed = np.zeros((height, width), np.int32)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                unclaimed[y, x] = 0 if ids[y, x] else (2 if foreground[y, x] else 1)
        piece = 0
        for pixel in range(height * width):
            kind = unclaimed[pixel // width, pixel % width]
            if kind == 0 or seen[pixel // width, pixel % width]:
                continue
            piece += 1
            area = _fill(unclaimed, seen, stack, pixel, kind, piece)
            if kind == 2:
                number += 1
                for i in range(area):
                    place = stack[i]
                    ids[place // width, place % width] = number
        seen[:] = 0
        for pixel in range(height * width):
            if ids[pixel // width, pixel % width] or seen[pixel // width, pixel % width]:
                continue
            piece += 1
            area = _fill(ids, seen, stack, pixel, 0, piece)
            around = 0
            for i in range(area):
                place = stack[i]
                y, x = place // width, place % width
                if y == 0 or x == 0 or y == height - 1 or x == width - 1:
                    around = -1
                    break
                for k in range(4):
                    dy, dx = (k == 3) - (k == 0), (k == 2) - (k == 1)
                    other = ids[y + dy, x + dx]
                    if other and other != around:
                        around = other if around == 0 else -1
                if around < 0:
                    break
            if around > 0:
                for i in range(area):
                    place = stack[i]
                    ids[place // width, place % width] = around
    areas = np.zeros(number + 1, np.int64)
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                areas[ids[y, x]] += 1
    renamed = np.zeros(number + 1, np.int32)
    count = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                own = ids[y, x]
                if own == 0:
                    continue
                if areas[own] < least:
                    ids[y, x] = 0
                    continue
                if renamed[own] == 0:
                    count += 1
                    renamed[own] = count
                ids[y, x] = renamed[own]
    return ids.base


@cython.locals(
    height=i64, width=i64, head=i64, tail=i64, k=i64, y=i64, x=i64, own=i64, _=i64, end=i64, dy=i64, dx=i64, v=i64, u=i64,
    near=i32[:, ::1], inside=f64[::1], area=f64[::1], outside=f64[::1], centre=f64[::1], queue=i64[::1],
    result=f64[:, ::1]
)  # fmt: skip
def certainty(ids: ci32[:, ::1], number: i64, foreground: cf32[:, ::1], centredness: cf32[:, ::1], reach: i64):
    """(n, 2) float64: of each object the expected overlap with the true one, and its highest centredness.

    foreground, centredness: probabilities (H, W). The overlap is Σ p inside / (pixels inside + Σ p outside), the outside being
    the pixels without object that are `reach` steps or less from it and no nearer to another.
    """
    height, width = ids.shape[0], ids.shape[1]
    inside, area, outside, centre = (
        np.zeros(number + 1),
        np.zeros(number + 1),
        np.zeros(number + 1),
        np.zeros(number + 1),
    )
    near = np.zeros((height, width), np.int32)
    queue = np.empty(height * width, np.int64)
    head = tail = 0
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                own = ids[y, x]
                near[y, x] = own
                if own:
                    inside[own] += foreground[y, x]
                    area[own] += 1
                    centre[own] = max(centre[own], centredness[y, x])
                    queue[tail] = y * width + x
                    tail += 1
        for _ in range(reach):
            end = tail
            while head < end:
                y, x = queue[head] // width, queue[head] % width
                head += 1
                for k in range(4):
                    dy, dx = (k == 3) - (k == 0), (k == 2) - (k == 1)
                    v, u = y + dy, x + dx
                    if 0 <= v < height and 0 <= u < width and near[v, u] == 0:
                        near[v, u] = near[y, x]
                        outside[near[y, x]] += foreground[v, u]
                        queue[tail] = v * width + u
                        tail += 1
    result = np.empty((number, 2))
    with cython.nogil:
        for own in range(1, number + 1):
            result[own - 1, 0] = inside[own] / (area[own] + outside[own])
            result[own - 1, 1] = centre[own]
    return result.base
