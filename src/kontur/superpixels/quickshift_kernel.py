"""The compiled loops of quick shift: densities, nearest higher pixels, roots."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels.narrow import float_of_bits


@njit(cache=True, nogil=True)
def add_density(planes, inside, reach, rate, density):  # type: ignore[no-untyped-def]
    """Each pair of pixels is weighed once, for both."""
    channels, height, width = planes.shape
    weight = np.empty(width, np.float32)
    for y in range(height):
        for x in range(width):
            density[y, x] += inside[y, x]
        for dy in range(min(reach, height - 1 - y) + 1):
            for dx in range(1 if dy == 0 else -min(reach, width - 1), min(reach, width - 1) + 1):
                begin, n = max(0, -dx), width - abs(dx)
                there = begin + dx
                space = np.float32(dy * dy + dx * dx)
                if channels == 3:
                    _weights3(
                        planes[0, y, begin:], planes[1, y, begin:], planes[2, y, begin:],
                        planes[0, y + dy, there:], planes[1, y + dy, there:], planes[2, y + dy, there:],
                        space, rate, weight, n,
                    )  # fmt: skip
                else:
                    for x in range(n):
                        d = space
                        for c in range(channels):
                            difference = planes[c, y, begin + x] - planes[c, y + dy, there + x]
                            d += difference * difference
                        weight[x] = _power_of_two(d * rate)
                _share(weight, inside[y, begin:], inside[y + dy, there:], density[y, begin:], n)
                _share(weight, inside[y + dy, there:], inside[y, begin:], density[y + dy, there:], n)


@njit(nogil=True)
def _weights3(p, q, r, s, t, u, space, rate, weight, n):  # type: ignore[no-untyped-def]
    for x in range(n):
        i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
        weight[x] = _power_of_two((space + i * i + j * j + k * k) * rate)


@njit(nogil=True)
def _share(weight, here, there, density, n):  # type: ignore[no-untyped-def]
    for x in range(n):
        density[x] += weight[x] * here[x] * there[x]


@njit(nogil=True, inline="always")
def _power_of_two(t):  # type: ignore[no-untyped-def]
    """2^t for t <= 0, relative error below 1e-6; 0 below 2^-126. Free of branches, so that a loop of it is vectorised."""
    t = max(t, np.float32(-126))
    whole = np.int32(t)  # towards 0: the fraction lies in (-1, 0]
    f = t - np.float32(whole)
    # Taylor's polynomial of 2^f around -1/2, with ln 2 worked in.
    g = (f + np.float32(0.5)) * np.float32(0.6931471805599453)
    p = np.float32(1 / 720) * g + np.float32(1 / 120)
    p = p * g + np.float32(1 / 24)
    p = p * g + np.float32(1 / 6)
    p = p * g + np.float32(0.5)
    p = p * g + np.float32(1)
    p = p * g + np.float32(1)
    return p * np.float32(0.7071067811865476) * float_of_bits(np.int32((whole + np.int32(127)) << np.int32(23)))


@njit(cache=True, nogil=True)
def find_parents(planes, density, reach, farthest, root):  # type: ignore[no-untyped-def]
    """The flat index of the nearest higher pixel within the distance, or the pixel itself."""
    channels, height, width = planes.shape
    best = np.empty(width, np.float32)
    above = np.nextafter(farthest, np.float32(np.inf))  # a pointer may be as long as the limit
    for y in range(height):
        for x in range(width):
            best[x] = above
            root[y, x] = y * width + x
        for dy in range(-min(reach, y), min(reach, height - 1 - y) + 1):
            for dx in range(-min(reach, width - 1), min(reach, width - 1) + 1):
                space = np.float32(dy * dy + dx * dx)
                if space > farthest or (dy == 0 and dx == 0):
                    continue
                begin, n = max(0, -dx), width - abs(dx)
                there = begin + dx
                earlier = dy < 0 or (dy == 0 and dx < 0)
                first = np.int32((y + dy) * width + there)
                if channels == 3:
                    _nearer3(
                        planes[0, y, begin:], planes[1, y, begin:], planes[2, y, begin:],
                        planes[0, y + dy, there:], planes[1, y + dy, there:], planes[2, y + dy, there:],
                        density[y, begin:], density[y + dy, there:], earlier, space, first,
                        best[begin:], root[y, begin:], n,
                    )  # fmt: skip
                else:
                    for x in range(n):
                        d = space
                        for c in range(channels):
                            difference = planes[c, y, begin + x] - planes[c, y + dy, there + x]
                            d += difference * difference
                        mine, other = density[y, begin + x], density[y + dy, there + x]
                        if d < best[begin + x] and (other > mine or (earlier and other == mine)):
                            best[begin + x] = d
                            root[y, begin + x] = first + x


@njit(nogil=True)
def _nearer3(p, q, r, s, t, u, mine, other, earlier, space, first, best, root, n):  # type: ignore[no-untyped-def]
    if earlier:
        for x in range(n):
            i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
            d = space + i * i + j * j + k * k
            take = (d < best[x]) & (other[x] >= mine[x])
            best[x] = d if take else best[x]
            root[x] = first + np.int32(x) if take else root[x]
    else:
        for x in range(n):
            i, j, k = p[x] - s[x], q[x] - t[x], r[x] - u[x]
            d = space + i * i + j * j + k * k
            take = (d < best[x]) & (other[x] > mine[x])
            best[x] = d if take else best[x]
            root[x] = first + np.int32(x) if take else root[x]


@njit(cache=True, nogil=True)
def climb(root):  # type: ignore[no-untyped-def]
    """Pointers to parents become pointers to roots."""
    for i in range(len(root)):
        top = i
        while root[top] != top:
            top = root[top]
        while root[i] != top:
            following = root[i]
            root[i] = top
            i = following
