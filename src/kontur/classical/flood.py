"""Flood: all pixels that are connected to a seed and look like it.

    image (H, W[, C]) in [0, 1], seeds -> pixels within `tolerance` of the seed's colour -> the part that holds the seed

Paper: Smith, "Tint Fill", SIGGRAPH 1979 (there: fill with a colour, up to what differs from the seed's).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation


@method
def flood(
    image: Image,
    prompts: Prompts | None = None,
    *,
    tolerance: Annotated[float, Option("largest difference from the seed in any band, on [0, 1]", 0, 1)] = 0.1,
) -> Segmentation:
    """Fill from seeds over 4-neighbours of like colour. Background 1, objects 2..

    prompts: marks of objects: each object is what its seeds flood; the rest is background. Marks of the background
             alone: what they flood is background and the rest one object. Both: a pixel that several labels reach goes
             to the nearest in colour (the lowest label among equals), one that none reaches to the background.
             Each connected stroke floods by its mean colour (of each label's strokes the 100 largest), and always
             belongs to its own label.
    Without: the four corners flood the background, the rest is the object.

    One region on a photo: everything is within `tolerance` of a corner's colour and connected to it.

    Source: Smith 1979.
    """
    unit = image.unit()
    seeds = np.zeros(image.shape, np.int32)
    if prompts is None:
        seeds[[0, 0, -1, -1], [0, -1, 0, -1]] = 1
    else:
        seeds = prompts.seeds(image.shape)
    labels = [int(v) for v in np.unique(seeds) if v > 0]
    nearest = np.full(image.shape, np.inf, np.float32)
    ids = np.full(image.shape, 2 if labels == [1] else 1, np.int32)
    for label in labels:
        for stroke in _strokes(seeds == label):
            difference = np.abs(unit - unit[stroke].mean(axis=0)).max(axis=2)
            closer = _reached((difference <= tolerance) | stroke, stroke) & (difference < nearest)
            ids[closer] = label
            nearest[closer] = difference[closer]
    ids[seeds > 0] = seeds[seeds > 0]
    return Segmentation.from_ids(ids, background=1)


def _strokes(marked: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The 8-connected parts of the marks of one label, the largest first, 100 at most; (H, W) bool each."""
    from scipy import ndimage

    parts, count = ndimage.label(marked, np.ones((3, 3), int))
    area = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    for part in np.argsort(-area, kind="stable")[:100]:
        yield parts == part + 1


def _reached(alike: NDArray[np.bool_], stroke: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The 4-connected parts of `alike` that hold a pixel of the stroke."""
    from scipy import ndimage

    parts, count = ndimage.label(alike)
    holds = np.zeros(count + 1, bool)
    holds[parts[stroke]] = True
    holds[0] = False
    return np.asarray(holds[parts])
