"""Colours for segments: far apart to the eye, never the same on two neighbours, the same in every run.

Distances are Euclidean in OKLab (Ottosson, "A perceptual color space for image processing", 2020), whose axes are
lightness, green-red and blue-yellow; one step there looks about equally large everywhere.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kontur.core.segmentation import Segmentation

USUAL = 12  # colours a map normally needs; more are used only where a segment touches all of these
MOST = 64
BACKGROUND_COLOUR = (60, 60, 60)
_FIRST = (66, 133, 244)  # the palette grows outwards from a clear blue


def oklab(rgb: NDArray) -> NDArray[np.float64]:
    """OKLab of sRGB colours (..., 3) in 0..255: lightness in [0, 1], then two axes of about -0.3..0.3."""
    value = np.asarray(rgb, np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(cones) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


@lru_cache(maxsize=4)
def distinct_colours(count: int) -> NDArray[np.uint8]:
    """The first `count` (1..64) colours of the palette, (count, 3) RGB; each is the farthest from all before it.

    Only fairly bright colours of medium saturation take part: no neon, and a dark or a light line is seen on every one.
    """
    axis = np.arange(0, 256, 15)
    candidates = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = oklab(candidates)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    usable = (lab[:, 0] > 0.5) & (lab[:, 0] < 0.87) & (chroma > 0.09) & (chroma < 0.18)
    candidates, lab = candidates[usable], lab[usable]
    chosen = np.empty((count, 3), np.uint8)
    chosen[0] = _FIRST
    distance = np.linalg.norm(lab - oklab(np.array(_FIRST)), axis=1)
    for i in range(1, count):
        farthest = int(distance.argmax())
        chosen[i] = candidates[farthest]
        distance = np.minimum(distance, np.linalg.norm(lab - lab[farthest], axis=1))
    chosen.flags.writeable = False
    return chosen


def neighbours(ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pairs (a, b), a < b, of segments that touch by a side or a corner, (P, 2); void (0) touches nobody.

    Where there is void, segments on the two sides of a one-pixel line of it count as touching.
    """
    ahead = [
        (ids[:, 1:], ids[:, :-1]),
        (ids[1:], ids[:-1]),
        (ids[1:, 1:], ids[:-1, :-1]),
        (ids[1:, :-1], ids[:-1, 1:]),
    ]
    if ids.size and not ids.all():
        ahead += [(ids[:, 2:], ids[:, :-2]), (ids[2:], ids[:-2])]
    found = []
    for one, other in ahead:
        differ = one != other
        first, second = one[differ].astype(np.int64), other[differ].astype(np.int64)
        keys = (np.minimum(first, second) << 32) | np.maximum(first, second)
        # Along a border the same pair comes again and again: dropping repeats here spares most of the sort.
        found.append(keys[np.flatnonzero(np.diff(keys, prepend=-1))])
    keys = np.unique(np.concatenate(found))
    pairs = np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1)
    return pairs[pairs[:, 0] > 0]


def colour_numbers(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """For segments 1..count a position in `distinct_colours(64)`, (count,); a pair's differ while there are enough.

    Greedy in the order of the ids: each segment takes the colour that is farthest from those of its neighbours, and
    among equals the one used least so far. The first 12 colours are tried before the rest.
    """
    lab = oklab(distinct_colours(MOST))
    # How badly two colours go side by side: falls with distance; for the same colour far above any sum of others.
    gap = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    closeness = np.exp(-gap / 0.05) + 1e6 * np.eye(MOST)
    order = np.argsort(np.concatenate([pairs[:, 0], pairs[:, 1]]), kind="stable")
    touching = np.concatenate([pairs[:, 1], pairs[:, 0]])[order] - 1
    ends = np.cumsum(np.bincount(pairs.ravel(), minlength=count + 1)) if len(pairs) else np.zeros(count + 1, np.int64)
    numbers = np.full(count, -1, np.int64)
    used = np.zeros(MOST)
    for segment in range(count):
        around = touching[ends[segment] : ends[segment + 1]]
        taken = numbers[around[around < segment]]
        cost = used * (0.5 / (segment + 1))
        if len(taken) > MOST:
            cost = cost + np.bincount(taken, minlength=MOST) @ closeness
        elif len(taken):
            cost = cost + closeness[taken].sum(axis=0)
        best = int(cost[:USUAL].argmin())
        if cost[best] > 1e5:
            best = int(cost.argmin())
        numbers[segment] = best
        used[best] += 1
    return numbers


def segment_colours(segmentation: Segmentation) -> NDArray[np.uint8]:
    """The colour of each segment, in the order of `segmentation.segments`: (n, 3) RGB; a background is dark grey.

    A category's own colour where the result has a taxonomy; several segments of one category get lighter and darker
    versions of it. Otherwise colours of the palette that differ between neighbours.
    """
    segments = segmentation.segments
    if not segments:
        return np.zeros((0, 3), np.uint8)
    pairs = neighbours(dense_ids(segmentation))
    background = [i for i, s in enumerate(segments, 1) if s.id == segmentation.background]
    if background:
        pairs = pairs[(pairs != background[0]).all(axis=1)]
    numbers = colour_numbers(len(segments), pairs)
    colours = distinct_colours(MOST)[numbers]
    colours[[i - 1 for i in background]] = BACKGROUND_COLOUR
    if segmentation.taxonomy is None:
        return colours
    known = {category.id: category.colour for category in segmentation.taxonomy}
    own = [known.get(s.category) if s.category is not None else None for s in segments]
    sharing: dict[int, int] = {}
    for s in segments:
        if s.category is not None:
            sharing[s.category] = sharing.get(s.category, 0) + 1
    for i, (segment, colour) in enumerate(zip(segments, own)):
        if colour is None or segment.category is None:
            continue
        base = np.array(colour, np.float64)
        if (
            sharing[segment.category] > 1
        ):  # towards white or black, by the colour number that differs between neighbours
            share = (0.0, 0.4, -0.35, 0.2, -0.2, 0.55, -0.5, 0.1, -0.1, 0.3, -0.3, 0.48)[int(numbers[i]) % USUAL]
            base += ((255 if share > 0 else 0) - base) * abs(share)
        colours[i] = base.round()
    return colours


def dense_ids(segmentation: Segmentation) -> NDArray[np.int32]:
    """The ids renumbered 1..n in the order of the segments, void 0: (H, W) int32."""
    ids = segmentation.ids
    present = np.array([s.id for s in segmentation.segments], np.int64)
    if len(present) == 0:
        return np.zeros(ids.shape, np.int32)
    if present[-1] == len(present):
        return ids
    if present[-1] > 4 * ids.size + 1000:  # far-apart ids: a table would not fit
        return np.where(ids == 0, 0, np.searchsorted(present, ids) + 1).astype(np.int32)
    table = np.zeros(present[-1] + 1, np.int32)
    table[present] = np.arange(1, len(present) + 1)
    return table[ids]
