"""Watershed: flood a relief from markers; lines where two floods meet divide the regions.

    image -> relief (H, W) -> markers (H, W) -> flooding in rising order of the relief -> regions (H, W)

Papers: Vincent & Soille, "Watersheds in Digital Spaces: An Efficient Algorithm Based on Immersion Simulations", IEEE
TPAMI 13(6), 1991; flooding by a priority queue: Meyer, "Topographic Distance and Watershed Lines", Signal
Processing 38, 1994.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Provenance, Segmentation


@method
def watershed(
    image: Image,
    prompts: Prompts | None = None,
    *,
    markers: Annotated[
        Literal["h_minima", "distance"],
        Option("where floods begin without prompts: minima of the gradient, or blob centres"),
    ] = "h_minima",
    depth: Annotated[float, Option("least depth of a minimum of the gradient, on [0, 1]", 0, 1)] = 0.04,
    sigma: Annotated[float, Option("Gaussian smoothing before the gradient", 0, 50, "pixels")] = 1.0,
    blob_depth: Annotated[float, Option("least height of a blob's centre above its necks", 0, 1000, "pixels")] = 1.0,
    polarity: Annotated[
        Literal["bright", "dark"], Option("which side of Otsu's threshold is the blob (distance only)")
    ] = ("bright"),
) -> Segmentation:
    """Regions around markers, divided along the crests of the gradient; no pixel is left over as a line.

    prompts:    points or scribbles are the markers, one region a label (1 background, 2.. objects).
    h_minima:   floods begin in every minimum of the Sobel gradient more than `depth` deep.
    distance:   for touching blobs: Otsu's foreground is cut at its necks by flooding the negative distance to the
                background. The background is segment 1; the blobs are 2...

    Sobel's gradient is scaled as in `sobel`. Raises PromptError for prompts with one label only.

    Source: Vincent & Soille 1991; Meyer 1994.
    """
    from ..kernels.priority_flood import priority_flood
    from .gradients import SOBEL, strongest_gradient

    if prompts is not None:
        seeds = prompts.seeds(image.shape)
        if len(np.unique(seeds[seeds > 0])) < 2:
            raise PromptError(
                "watershed: expected marks of at least two labels, got one. "
                "Mark the background (label 1) and each object (2..)."
            )
        relief = strongest_gradient(image, SOBEL, sigma)
        return Segmentation.from_ids(priority_flood(relief, seeds), background=1 if (seeds == 1).any() else None)
    if markers == "distance":
        return _blobs(image, blob_depth, polarity)
    relief = strongest_gradient(image, SOBEL, sigma)
    return Segmentation.from_ids(priority_flood(relief, deep_minima(relief, depth)))


def deep_minima(relief: NDArray[np.float64], depth: float) -> NDArray[np.int32]:
    """Minima more than `depth` deep, each an 8-connected component numbered from 1; 0 elsewhere. At least one."""
    from scipy import ndimage
    from skimage.morphology import local_minima, reconstruction

    square = np.ones((3, 3), bool)
    if depth > 0:
        # Raised by `depth` and lowered again onto the relief, every shallower pool is level with its outlet.
        relief = reconstruction(relief + depth, relief, method="erosion", footprint=square)
    markers, count = ndimage.label(local_minima(relief, footprint=square), square)
    return markers.astype(np.int32) if count else np.ones(relief.shape, np.int32)


def _blobs(image: Image, blob_depth: float, polarity: str) -> Segmentation:
    from scipy import ndimage

    from ..kernels.priority_flood import priority_flood
    from .thresholds import otsu_threshold

    values = image.intensity()
    level = otsu_threshold(values)
    blobs = values > level if polarity == "bright" else values <= level
    if blobs.all() or not blobs.any():  # constant: nothing stands out
        return Segmentation.from_mask(np.zeros(image.shape, bool))
    height = ndimage.distance_transform_edt(blobs)
    markers = deep_minima(-height, blob_depth)
    markers[~blobs] = 0
    # A blob narrower than `blob_depth` has no deep minimum; it is one object whole.
    parts, count = ndimage.label(blobs)
    marked = np.zeros(count + 1, bool)
    marked[parts[markers > 0]] = True
    markers = np.where(marked[parts], markers, np.where(blobs, parts + markers.max(), 0)).astype(np.int32)
    objects = priority_flood(-height, markers, blobs)
    result = Segmentation.from_objects(np.unique(objects, return_inverse=True)[1].reshape(objects.shape))
    return replace(result, provenance=Provenance("", notes=(f"threshold {level:.9g}",)))
