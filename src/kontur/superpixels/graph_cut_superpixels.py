"""Superpixels by graph cuts: overlapping square patches compete for pixels by alpha expansion.

Paper: Veksler, Boykov & Mehrani, "Superpixels and Supervoxels in an Energy Optimization Framework", ECCV 2010.

    patches (labels) -> energy: price of borders, cheap along edges [+ distance of colour to the patch's centre]
                     -> expansions, each inside its own patch -> connected ids (H, W)

A superpixel lies inside its patch, which bounds its size. With the price of borders alone superpixels become compact
(`graph_cut_a`); the colour term makes their colour constant (`graph_cut_b`).

Differs from the paper: the side of the patches is found from the number of superpixels asked for, and the smallest of too
many superpixels join their neighbours; a patch's colour is the mean of the 3 x 3 pixels at its centre.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from ..kernels.colour_models import contrast_links
from ..kernels.connectivity import connected
from .frame import Segments, each_its_own
from .graph_cut_superpixels_kernel import expansions

_Rounds = Annotated[int, Option("rounds over all patches at most", 1, 50, "rounds")]
_BORDER = 1000.0
"""The price of a border between equal neighbours; only ratios matter, so it sets the resolution of whole numbers."""
_SURVIVORS = 0.9
"""A patch of side p leaves about this many superpixels for each p² pixels (BSDS500 train photos)."""
_TRIES = 4


@method
def graph_cut_a(
    image: Image, *, segments: Segments = 400, rounds: _Rounds = 3, mask: NDArray[np.bool_] | None = None
) -> Segmentation:
    """Compact superpixels by graph cuts ("Graph-cut a" of Veksler 2010).

    Any number of bands. Every region is 4-connected, at most `segments` of them, at most as many as pixels.
    """
    return _cut(image, segments, rounds, 0.0, mask)


@method
def graph_cut_b(
    image: Image,
    *,
    segments: Segments = 400,
    colour: Annotated[float, Option("weight of constant colour against short borders", 0, 100)] = 1.0,
    rounds: _Rounds = 3,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Superpixels of constant intensity by graph cuts ("Graph-cut b" of Veksler 2010).

    Any number of bands. Every region is 4-connected, at most `segments` of them, at most as many as pixels.
    """
    return _cut(image, segments, rounds, colour, mask)


def _cut(image: Image, segments: int, rounds: int, colour: float, mask: NDArray[np.bool_] | None) -> Segmentation:
    inside = np.ones(image.shape, bool) if mask is None else mask
    area = int(inside.sum())
    pixels = image.unit() * np.float32(255)
    if segments >= area:
        return Segmentation.from_ids(each_its_own(inside))
    planes = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    if segments == 1:
        one = np.where(inside, 0, -1).astype(np.int32)
        return Segmentation.from_ids(connected(one, planes))
    links = np.rint(contrast_links(pixels, _BORDER)).astype(np.int32) + np.int32(1)
    # A tenth of a border's price for each grey level in the mean of the bands, at weight 1.
    weight = np.float32(colour * _BORDER / 10 / image.channels)
    side = max(1.0, (_SURVIVORS * area / segments) ** 0.5)
    for _ in range(_TRIES):
        labels = _compete(planes, links, side, weight, rounds)
        labels[~inside] = -1
        ids = connected(labels, planes, keep=segments, smallest=1)
        found = int(ids.max())
        if found >= 0.95 * segments or side <= 1:
            break
        side = max(1.0, side * 0.97 * (found / segments) ** 0.5)
    return Segmentation.from_ids(ids)


def _compete(
    planes: NDArray[np.float32], links: NDArray[np.int32], side: float, weight: np.float32, rounds: int
) -> NDArray[np.int32]:
    """Labels (H, W) of patches of this side, whose centres lie half a side apart."""
    height, width = planes.shape[1:]
    down, across = max(1, round(2 * height / side)), max(1, round(2 * width / side))
    y = ((np.arange(down) + 0.5) * height / down).astype(np.int64)
    x = ((np.arange(across) + 0.5) * width / across).astype(np.int64)
    centres = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    rows = np.arange(height) * down // height
    columns = np.arange(width) * across // width
    labels = (rows[:, None] * across + columns[None]).astype(np.int32)
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    nine = [padded[:, centres[:, 0] + dy, centres[:, 1] + dx] for dy in range(3) for dx in range(3)]
    colours = np.ascontiguousarray(np.mean(nine, axis=0).T)  # (L, C)
    # A patch must hold the cells it starts with, also where the rounding of the grid makes them wide.
    reach = max(int(np.ceil(side / 2)), -(-height // down), -(-width // across))
    expansions(labels, planes, links, centres, colours, reach, weight, rounds)
    return labels
