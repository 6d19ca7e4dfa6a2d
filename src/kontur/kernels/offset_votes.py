"""Objects from offsets: every foreground pixel walks to its object's centre, and those that arrive together are one object.

    foreground (H, W) bool, offsets (2, H, W) pixels -> places of arrival -> heaps of them -> ids (H, W)

A pixel goes where its offset leads, looks at the offset there, goes on, a few times: the walk corrects itself, so that places of arrival
lie closer than the first step's. Arrivals are counted, their counts smoothed, and every cell climbs to the highest of its
neighbours until a summit; a summit nearer to a larger one than a share of that one's radius is part of it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

STRAY = 12
"""Pixels; fewer that arrive together are strays of the objects around them, whatever size is asked for."""


def objects_of(
    foreground: NDArray[np.bool_], offsets: NDArray[np.float32], *, steps: int, merge: float, least: int
) -> NDArray[np.int32]:
    """Ids (H, W) int32: 0 background, 1.. objects in the order of their first pixel, each 4-connected and without holes.

    offsets: (2, H, W) down and across, in pixels; finite. steps: of each walk. merge: summits nearer than this share of the
    larger one's radius are one. least: pixels; smaller objects are left out.
    """
    height, width = foreground.shape
    ends = _arrivals(foreground, offsets[0], offsets[1], steps)
    heap = _heaps(ends, height, width, merge, min(least, STRAY))
    ids = np.zeros((height, width), np.int32)
    _assign(ends, heap, ids)
    _keep_largest_piece(ids, int(ids.max(initial=0)))
    _spread(ids, foreground)
    return _finished(ids, foreground, least)


@njit(cache=True, nogil=True)
def _arrivals(foreground, down, across, steps):  # type: ignore[no-untyped-def]
    """The flat index of the cell in which each pixel ends, -1 on the background."""
    height, width = foreground.shape
    ends = np.full((height, width), np.int32(-1), np.int32)
    for y in range(height):
        for x in range(width):
            if not foreground[y, x]:
                continue
            at_y, at_x = y, x
            for _ in range(steps):
                to_y = int(np.floor(at_y + down[at_y, at_x] + np.float32(0.5)))
                to_x = int(np.floor(at_x + across[at_y, at_x] + np.float32(0.5)))
                to_y = min(max(to_y, 0), height - 1)
                to_x = min(max(to_x, 0), width - 1)
                if to_y == at_y and to_x == at_x:
                    break
                at_y, at_x = to_y, to_x
                if not foreground[at_y, at_x]:  # nobody has learnt offsets there
                    break
            ends[y, x] = at_y * width + at_x
    return ends


@njit(cache=True, nogil=True)
def _heaps(ends, height, width, merge, least):  # type: ignore[no-untyped-def]
    """(H * W,) int32: the heap's number of each cell of arrival, 1.., and 0 where too few arrived."""
    size = height * width
    votes = np.zeros((height + 2, width + 2), np.int32)
    for y in range(height):
        for x in range(width):
            end = ends[y, x]
            if end >= 0:
                votes[end // width + 1, end % width + 1] += 1
    smooth = np.zeros((height + 2, width + 2), np.int32)
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            total = 4 * votes[y, x]
            total += 2 * (votes[y - 1, x] + votes[y + 1, x] + votes[y, x - 1] + votes[y, x + 1])
            total += votes[y - 1, x - 1] + votes[y - 1, x + 1] + votes[y + 1, x - 1] + votes[y + 1, x + 1]
            smooth[y, x] = total
    # Every cell with arrivals points to the highest of its neighbours; of equal ones to the first, which makes no circle.
    parent = np.full(size, np.int32(-1), np.int32)
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
    for cell in range(size):
        if parent[cell] < 0:
            continue
        top = cell
        while parent[top] != top:
            top = parent[top]
        while parent[cell] != top:  # those on the way need not climb again
            following = parent[cell]
            parent[cell] = top
            cell = following
    summits = 0
    for cell in range(size):
        if parent[cell] >= 0:
            mass[parent[cell]] += votes[cell // width + 1, cell % width + 1]
            summits += parent[cell] == cell
    places = np.empty(summits, np.int64)
    count = 0
    for cell in range(size):
        if parent[cell] == cell:
            places[count] = cell
            count += 1
    owner = np.full(size, np.int32(-1), np.int32)  # the summit that a summit belongs to
    for place in places:
        owner[place] = place
    for _ in range(3):
        order = np.argsort(-mass[places], kind="mergesort")
        changed = False
        for rank in range(summits):
            summit = places[order[rank]]
            if owner[summit] != summit or mass[summit] == 0:
                continue
            reach = merge * np.sqrt(mass[summit] / np.pi)
            window = int(reach)
            y0, x0 = summit // width, summit % width
            for y in range(max(0, y0 - window), min(height, y0 + window + 1)):
                for x in range(max(0, x0 - window), min(width, x0 + window + 1)):
                    other = y * width + x
                    if other == summit or owner[other] != other or mass[other] > mass[summit]:
                        continue
                    if (y - y0) ** 2 + (x - x0) ** 2 <= reach * reach:
                        owner[other] = summit
                        mass[summit] += mass[other]
                        mass[other] = 0
                        changed = True
        if not changed:
            break
    heap = np.zeros(size, np.int32)
    number = 0
    for place in places:
        if owner[place] == place and mass[place] >= least:
            number += 1
            heap[place] = number
    for place in places:
        last = place
        while owner[last] != last:
            last = owner[last]
        heap[place] = heap[last]
    for cell in range(size):
        if parent[cell] >= 0:
            heap[cell] = heap[parent[cell]]
    return heap


@njit(cache=True, nogil=True)
def _assign(ends, heap, ids):  # type: ignore[no-untyped-def]
    height, width = ids.shape
    for y in range(height):
        for x in range(width):
            if ends[y, x] >= 0:
                ids[y, x] = heap[ends[y, x]]


@njit(cache=True, nogil=True)
def _keep_largest_piece(ids, number):  # type: ignore[no-untyped-def]
    """Of each object the largest 4-connected piece stays; the pixels of the others become 0."""
    height, width = ids.shape
    largest = np.zeros(number + 1, np.int64)
    chosen = np.full(number + 1, np.int64(-1))
    seen = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    piece = 0
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


@njit(cache=True, nogil=True)
def _fill(ids, seen, stack, pixel, own, piece):  # type: ignore[no-untyped-def]
    """Mark the 4-connected pixels of `own` around a pixel; how many there are. They stay on the stack's first places."""
    height, width = ids.shape
    stack[0] = pixel
    seen[pixel // width, pixel % width] = piece
    area, done = 1, 0
    while done < area:
        y, x = stack[done] // width, stack[done] % width
        done += 1
        for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            v, u = y + dy, x + dx
            if 0 <= v < height and 0 <= u < width and ids[v, u] == own and seen[v, u] == 0:
                seen[v, u] = piece
                stack[area] = v * width + u
                area += 1
    return area


@njit(cache=True, nogil=True)
def _spread(ids, foreground):  # type: ignore[no-untyped-def]
    """Foreground pixels without an object get that of the nearest one along foreground pixels, breadth first."""
    height, width = ids.shape
    queue = np.empty(height * width, np.int64)
    head = tail = 0
    for y in range(height):
        for x in range(width):
            if ids[y, x]:
                queue[tail] = y * width + x
                tail += 1
    while head < tail:
        y, x = queue[head] // width, queue[head] % width
        head += 1
        for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            v, u = y + dy, x + dx
            if 0 <= v < height and 0 <= u < width and foreground[v, u] and ids[v, u] == 0:
                ids[v, u] = ids[y, x]
                queue[tail] = v * width + u
                tail += 1


@njit(cache=True, nogil=True)
def _finished(ids, foreground, least):  # type: ignore[no-untyped-def]
    """Pieces of foreground that no heap claimed become objects, holes are filled, small objects go, ids are counted anew."""
    height, width = ids.shape
    seen = np.zeros((height, width), np.int32)
    stack = np.empty(height * width, np.int64)
    number = 0
    for y in range(height):
        for x in range(width):
            number = max(number, ids[y, x])
    # One pass over the pixels without object: foreground ones are objects of their own, others may be a hole.
    unclaimed = np.zeros((height, width), np.int32)
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
            for place in stack[:area]:
                ids[place // width, place % width] = number
    seen[:] = 0
    for pixel in range(height * width):
        if ids[pixel // width, pixel % width] or seen[pixel // width, pixel % width]:
            continue
        piece += 1
        area = _fill(ids, seen, stack, pixel, 0, piece)
        around = 0
        for place in stack[:area]:
            y, x = place // width, place % width
            if y == 0 or x == 0 or y == height - 1 or x == width - 1:
                around = -1
                break
            for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
                other = ids[y + dy, x + dx]
                if other and other != around:
                    around = other if around == 0 else -1
            if around < 0:
                break
        if around > 0:
            for place in stack[:area]:
                ids[place // width, place % width] = around
    areas = np.zeros(number + 1, np.int64)
    for y in range(height):
        for x in range(width):
            areas[ids[y, x]] += 1
    renamed = np.zeros(number + 1, np.int32)
    count = 0
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
    return ids


@njit(cache=True, nogil=True)
def certainty(ids, number, foreground, centredness, reach):  # type: ignore[no-untyped-def]
    """(n, 2) float64: of each object the expected overlap with the true one, and its highest centredness.

    foreground, centredness: probabilities (H, W). The overlap is Σ p inside / (pixels inside + Σ p outside), the outside being
    the pixels without object that are `reach` steps or less from it and no nearer to another.
    """
    height, width = ids.shape
    inside, area, outside, centre = (
        np.zeros(number + 1),
        np.zeros(number + 1),
        np.zeros(number + 1),
        np.zeros(number + 1),
    )
    near = np.zeros((height, width), np.int32)
    queue = np.empty(height * width, np.int64)
    head = tail = 0
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
            for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
                v, u = y + dy, x + dx
                if 0 <= v < height and 0 <= u < width and near[v, u] == 0:
                    near[v, u] = near[y, x]
                    outside[near[y, x]] += foreground[v, u]
                    queue[tail] = v * width + u
                    tail += 1
    result = np.empty((number, 2))
    for own in range(1, number + 1):
        result[own - 1, 0] = inside[own] / (area[own] + outside[own])
        result[own - 1, 1] = centre[own]
    return result
