"""The borders between segments as lines: a picture, or an SVG in which every border is one path.

Format: W3C, Scalable Vector Graphics 1.1, clause 8 (paths). One unit is one pixel.

A border runs along the sides of pixels, from one junction of three segments (or the image's rim) to the next. In the SVG
it goes straight from the middle of each side to that of the next, which turns stairs into slants and is nowhere more than
half a pixel off.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.files import atomic_write
from ..core.image import Image
from ..core.segmentation import Segmentation
from .svg import described

Point = tuple[int, int]


def outline_picture(ids: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Black lines on white, (H, W) uint8: a pixel is black when its right or lower neighbour is of another segment.

    Thicker, to the right and below, on images of more than 2400 pixels a side, so that they are seen in a small view.
    """
    line = np.zeros(ids.shape, bool)
    line[:, :-1] = ids[:, 1:] != ids[:, :-1]
    line[:-1] |= ids[1:] != ids[:-1]
    for _ in range(round(max(ids.shape) / 1600) - 1):
        wider = line.copy()
        wider[:, 1:] |= line[:, :-1]
        wider[1:] |= line[:-1]
        line = wider
    return np.where(line, np.uint8(0), np.uint8(255))


def write_outline_svg(path: str | Path, result: Segmentation, image: Image | None = None) -> None:
    """Write the borders of a result, a path each, black, without a fill. Raises OutputError."""
    height, width = result.shape
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        *described(image),
        f'<g fill="none" stroke="#000" stroke-width="{max(1.0, max(height, width) / 800):g}" stroke-linejoin="round">',
    ]
    for points, closed in borders(result.ids):
        steps = "L".join(f"{x / 2:g} {y / 2:g}" for x, y in points)
        lines.append(f'<path d="M{steps}{"Z" if closed else ""}"/>')
    lines.append("</g>\n</svg>\n")
    atomic_write(Path(path), "\n".join(lines).encode())


def borders(ids: NDArray[np.integer]) -> list[tuple[list[Point], bool]]:
    """Every border once: its points (x, y) in half pixels, and whether it is closed."""
    stride = ids.shape[1] + 1
    y, x = np.nonzero(ids[:, 1:] != ids[:, :-1])  # a side from corner (y, x + 1) down
    v, u = np.nonzero(ids[1:] != ids[:-1])  # a side from corner (v + 1, u) to the right
    first = np.concatenate([y * stride + x + 1, (v + 1) * stride + u])
    second = np.concatenate([(y + 1) * stride + x + 1, (v + 1) * stride + u + 1])
    at: dict[int, list[int]] = {}
    ends = list(zip(first.tolist(), second.tolist(), strict=True))
    for side, (a, b) in enumerate(ends):
        at.setdefault(a, []).append(side)
        at.setdefault(b, []).append(side)
    taken = bytearray(len(ends))
    found = []
    # What is left after all borders that end at a junction or the rim is closed.
    for closed in (False, True):
        for corner, sides in at.items():
            if (len(sides) == 2) != closed:
                continue
            for side in sides:
                if not taken[side]:
                    chain = _walk(corner, side, ends, at, taken)
                    found.append((_points(chain, stride, closed), closed))
    return found


def _walk(corner: int, side: int, ends: list[tuple[int, int]], at: dict[int, list[int]], taken: bytearray) -> list[int]:
    """The corners from `corner` along `side` to the next junction, or round."""
    chain = [corner]
    while True:
        taken[side] = 1
        a, b = ends[side]
        corner = b if corner == a else a
        chain.append(corner)
        ahead = [s for s in at[corner] if not taken[s]]
        if len(at[corner]) != 2 or not ahead:
            return chain
        side = ahead[0]


def _points(chain: list[int], stride: int, closed: bool) -> list[Point]:
    """The ends of a chain of corners and the middles of its sides, but for points on a straight line."""
    corners = [(corner % stride, corner // stride) for corner in chain]
    middles = [(a + c, b + d) for (a, b), (c, d) in pairwise(corners)]
    if closed:
        around = [middles[-1], *middles, middles[0]]
    else:
        (a, b), (c, d) = corners[0], corners[-1]
        around = [(2 * a, 2 * b), *middles, (2 * c, 2 * d)]
    kept = [
        q
        for p, q, r in zip(around, around[1:], around[2:], strict=False)
        if (q[0] - p[0]) * (r[1] - q[1]) != (q[1] - p[1]) * (r[0] - q[0])
    ]
    return kept if closed else [around[0], *kept, around[-1]]
