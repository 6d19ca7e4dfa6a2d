"""Seeded region growing: the pixel most like the region it touches joins next.

    image (H, W[, C]), seeds (H, W) -> queue of border pixels by |colour - region mean| -> regions (H, W)

Paper: Adams & Bischof, "Seeded Region Growing", IEEE TPAMI 16(6), 1994. As there, a pixel's priority is its difference
from the mean of the region that it touches at the moment it enters the queue (the sequentially sorted list); equals
leave the queue in the order in which they came.

Differs from the paper: 4-neighbours, and no boundary pixels: a pixel between two regions joins the one of nearer mean.
A pixel already queued is queued again when a nearer region comes to touch it; with the paper's one entry the corners of
an even region fall to its neighbour. Colour is an extension: the Euclidean distance over all bands in the place of the
grey difference.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation


@method
def region_growing(
    image: Image,
    prompts: Prompts | None = None,
    *,
    spacing: Annotated[int, Option("least distance of automatic seeds", 2, 10_000, "pixels")] = 30,
    sigma: Annotated[
        float, Option("smoothing of the gradient whose minima are the automatic seeds", 0, 50, "pixels")
    ] = 3.0,
) -> Segmentation:
    """Grow connected regions from seeds until every pixel has one.

    prompts: points or scribbles, one region a label (1 background, 2.. objects); marks of at least two labels.
    Without: the seeds are the lowest points of the smoothed Sobel gradient that have no lower one within `spacing`.

    Raises PromptError for prompts with one label only: everything would join it.

    Source: Adams & Bischof 1994.
    """
    from .growing_kernel import grow

    if prompts is None:
        seeds, background = automatic_seeds(image, spacing, sigma), None
    else:
        seeds = prompts.seeds(image.shape)
        if len(np.unique(seeds[seeds > 0])) < 2:
            raise PromptError(
                "region_growing: expected marks of at least two labels, got one. "
                "Mark the background (label 1) and each object (2..)."
            )
        background = 1 if (seeds == 1).any() else None
    return Segmentation.from_ids(grow(image.unit(), seeds), background=background)


def automatic_seeds(image: Image, spacing: int, sigma: float) -> NDArray[np.int32]:
    """(H, W): 1.. at the seeds, squares of 3x3 pixels numbered in reading order; 0 elsewhere. At least one seed."""
    from scipy import ndimage

    from .gradients import SOBEL, strongest_gradient

    gradient = strongest_gradient(image, SOBEL, sigma)
    lowest = ndimage.minimum_filter(gradient, 2 * spacing + 1, mode="nearest") == gradient
    # A flat stretch is one seed, at its first pixel, however large.
    parts, count = ndimage.label(lowest, np.ones((3, 3), int))
    _, first = np.unique(parts, return_index=True)
    rows, columns = np.divmod(first[-count:], image.width)
    seeds = np.zeros(image.shape, np.int32)
    for number, (y, x) in enumerate(zip(rows, columns), start=1):
        window = seeds[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        window[window == 0] = number
    return seeds
