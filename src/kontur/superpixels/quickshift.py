"""Quick shift: every pixel points to the nearest pixel of higher density; long pointers are cut, the trees are the regions.

Paper: Vedaldi & Soatto, "Quick Shift and Kernel Methods for Mode Seeking", ECCV 2008.

    bands (H, W, C) -> L*a*b* * ratio -> density (H, W) -> parent of each pixel -> trees -> connected ids (H, W)

Densities are sums over a window of 3 kernel sizes each way. Of pixels of equal density the earlier one (row by row)
counts as higher; of equally near parents the first in the window is taken: nothing is random.

Differs from the paper: parents are sought within `max_distance` only, where the cut would keep them. Trees need not be
connected on the grid, so at the end the largest pieces, as many as there are trees, stay, and smaller ones join their
most similar neighbour.
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
from ..kernels.colour import rgb_to_lab
from ..kernels.connectivity import connected
from ..kernels.narrow import float_of_bits
from .inside import check_mask


@method
def quickshift(
    image: Image,
    *,
    kernel_size: Annotated[float, Option("width of the Gaussian density", 0.1, 50, "pixels")] = 5.0,
    max_distance: Annotated[
        float, Option("longest pointer that is kept; larger: fewer regions", 0, 1000, "pixels")
    ] = 10.0,
    ratio: Annotated[float, Option("weight of colour (L*a*b*) against position", 0, 100)] = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Regions by mode seeking in colour and position: no number to choose, shapes free.

    Any number of bands; three are taken as red, green and blue, one as L*, more weigh together as much as three. The cost
    grows with the square of `kernel_size` and `max_distance`. Source: Vedaldi & Soatto, ECCV 2008.
    """
    bands = image.pixels if image.pixels.dtype == np.uint8 else image.unit()
    return Segmentation.from_ids(quickshift_labels(bands, kernel_size, max_distance, ratio, mask=mask))


def quickshift_labels(
    bands: NDArray,
    kernel_size: float = 5.0,
    max_distance: float = 10.0,
    ratio: float = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Quick shift on an array (H, W) or (H, W, C), uint8 or float in [0, 1]; (H, W) int32 ids, 0 outside the mask."""
    check_mask(mask, bands.shape[:2])
    planes = _colour_planes(bands, ratio)
    root = trees(planes, kernel_size, max_distance, mask)
    count = int(np.count_nonzero(root == np.arange(root.size).reshape(root.shape)))
    return connected(root, planes, count)


def trees(
    planes: NDArray[np.float32], kernel_size: float, max_distance: float, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """The flat index of the root of each pixel's tree, (H, W) int32; -1 outside the mask. planes: (C, H, W)."""
    height, width = planes.shape[1:]
    longest = max(height, width) - 1  # no window needs to be larger than the image
    reach = min(int(np.ceil(3 * kernel_size)), longest)
    inside = np.ones((height, width), np.float32) if mask is None else mask.astype(np.float32)
    density = np.zeros((height, width), np.float32)
    # exp(-d / 2 k^2) = 2^(d * rate)
    _density(planes, inside, reach, np.float32(-0.5 / (kernel_size * kernel_size * np.log(2))), density)
    if mask is not None:
        density[~mask] = -1.0
    reach = min(int(np.floor(max_distance)), longest)
    root = np.empty((height, width), np.int32)
    _parents(planes, density, reach, np.float32(min(max_distance, 1e9) ** 2), root)
    _climb(root.ravel())
    if mask is not None:
        root[~mask] = -1
    return root


def _colour_planes(bands: NDArray, ratio: float) -> NDArray[np.float32]:
    bands = bands[..., None] if bands.ndim == 2 else bands
    channels = bands.shape[2]
    if channels == 3:
        values = rgb_to_lab(bands)
    else:
        whole = 255.0 if bands.dtype == np.uint8 else 1.0
        values = bands.astype(np.float32) * np.float32(100 / whole * min(1.0, (3 / channels) ** 0.5))
    return np.ascontiguousarray(np.moveaxis(values * np.float32(ratio), 2, 0))


@njit(cache=True, nogil=True)
def _density(planes, inside, reach, rate, density):  # type: ignore[no-untyped-def]
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
def _parents(planes, density, reach, farthest, root):  # type: ignore[no-untyped-def]
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
def _climb(root):  # type: ignore[no-untyped-def]
    """Pointers to parents become pointers to roots."""
    for i in range(len(root)):
        top = i
        while root[top] != top:
            top = root[top]
        while root[i] != top:
            following = root[i]
            root[i] = top
            i = following
