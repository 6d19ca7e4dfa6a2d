"""Mean shift: each pixel climbs to a mode of the density of place and colour; pixels of one mode are a region.

Paper: Comaniciu & Meer, "Mean Shift: A Robust Approach Toward Feature Space Analysis", IEEE TPAMI 24(5), 2002, section
4.

    Image -> colours (H, W, C) -> _modes (H, W, C): each pixel's colour at its mode -> fused neighbours -> regions

Differs from the paper: CIELAB instead of CIELUV. A climb that comes to a pixel of known mode and like colour takes that
mode, and gives it to the pixels it passed (as in Christoudias, Georgescu & Meer, ICPR 2002). Neighbours fuse when their
modes differ by less than half the colour radius (the paper: a whole one, through which a slow shade leaks).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numba import njit

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation
from kontur.kernels.connectivity import connected
from kontur.kernels.union_find import find, unite_low

from .pixel_features import Space, colour_features, with_note

_CLIMB = 50  # steps at most


@method
def mean_shift(
    image: Image,
    *,
    spatial: Annotated[float, Option("radius of the window", 1, 64, "pixels")] = 7.0,
    colour: Annotated[float, Option("radius in colour; 100 is black to white", 0.1, 200)] = 8.0,
    smallest: Annotated[
        int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")
    ] = 50,
    space: Space = "lab",
) -> Segmentation:
    """Cut the image where the modes of position and colour change: smooth shading stays together, edges are kept.

    Gives 4-connected regions, ids in the order of their first pixel. Time grows with the square of `spatial`.
    """
    features, note = colour_features(image, space)
    colours = np.ascontiguousarray(features * np.float32(100))
    modes = _modes(colours, np.float32(spatial), np.float32(colour))
    fused = _fused(modes, np.float32((colour / 2) ** 2))
    ids = connected(fused, np.ascontiguousarray(modes.transpose(2, 0, 1)), smallest=smallest)
    return with_note(Segmentation.from_ids(ids), note)


@njit(cache=True, nogil=True)
def _modes(colours, spatial, radius):  # type: ignore[no-untyped-def]
    """The colour each pixel ends at, (H, W, C): flat kernel, disk of `spatial` pixels, ball of `radius` in colour."""
    height, width, bands = colours.shape
    modes = np.empty_like(colours)
    known = np.zeros((height, width), np.bool_)
    path = np.empty((_CLIMB + 1, 2), np.int32)
    here, total = np.empty(bands, np.float32), np.empty(bands, np.float32)
    far, unlike, alike = spatial * spatial, radius * radius, radius * radius * np.float32(0.25)
    for row in range(height):
        for column in range(width):
            if known[row, column]:
                continue
            y, x = np.float32(row), np.float32(column)
            here[:] = colours[row, column]
            path[0, 0], path[0, 1] = row, column
            passed = 1
            joined_y, joined_x = -1, -1
            for _ in range(_CLIMB):
                count = 0
                total[:] = 0
                total_y = total_x = np.float32(0)
                for v in range(max(0, int(np.ceil(y - spatial))), min(height, int(y + spatial) + 1)):
                    reach = np.sqrt(max(np.float32(0), far - (v - y) * (v - y)))
                    for u in range(max(0, int(np.ceil(x - reach))), min(width, int(x + reach) + 1)):
                        square = np.float32(0)
                        for c in range(bands):
                            difference = colours[v, u, c] - here[c]
                            square += difference * difference
                        if square <= unlike:
                            count += 1
                            total_y += np.float32(v) - y
                            total_x += np.float32(u) - x
                            for c in range(bands):
                                total[c] += colours[v, u, c]
                if count == 0:
                    break
                share = np.float32(1) / np.float32(count)
                step = (total_y * total_y + total_x * total_x) * share * share / far
                y += total_y * share
                x += total_x * share
                for c in range(bands):
                    moved = total[c] * share
                    step += (moved - here[c]) * (moved - here[c]) / unlike
                    here[c] = moved
                if step < np.float32(1e-4):
                    break
                v, u = int(y + np.float32(0.5)), int(x + np.float32(0.5))
                square = np.float32(0)
                for c in range(bands):
                    square += (colours[v, u, c] - here[c]) * (colours[v, u, c] - here[c])
                if square < alike:
                    if known[v, u]:
                        joined_y, joined_x = v, u
                        break
                    path[passed, 0], path[passed, 1] = v, u
                    passed += 1
            if joined_y >= 0:
                here[:] = modes[joined_y, joined_x]
            for i in range(passed):
                modes[path[i, 0], path[i, 1]] = here
                known[path[i, 0], path[i, 1]] = True
    return modes


@njit(cache=True, nogil=True)
def _fused(modes, nearer):  # type: ignore[no-untyped-def]
    """Each pixel's region by its root pixel, (H, W) int32: 4-neighbours join when their modes are near."""
    height, width, bands = modes.shape
    parent = np.arange(height * width).astype(np.int32)
    for y in range(height):
        for x in range(width):
            for v, u in ((y, x - 1), (y - 1, x)):
                if v < 0 or u < 0:
                    continue
                square = np.float32(0)
                for c in range(bands):
                    square += (modes[y, x, c] - modes[v, u, c]) * (modes[y, x, c] - modes[v, u, c])
                if square < nearer:
                    unite_low(parent, y * width + x, v * width + u)
    labels = np.empty((height, width), np.int32)
    for i in range(height * width):
        labels[i // width, i % width] = find(parent, i)
    return labels
