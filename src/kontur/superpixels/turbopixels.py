"""TurboPixels: fronts that spread from a grid of seeds, slow down at edges and stop where they meet.

Paper: Levinshtein et al., "TurboPixels: Fast Superpixels Using Geometric Flows", IEEE TPAMI 31(12), 2009:

    gradient -> affinity phi = exp(-E / nu); speed of a front = (1 - alpha · curvature) · phi - beta · N · grad phi

Differs from the paper: a front is carried by how far each pixel is filled (0..1) and its normal and curvature come from
a small window of filled pixels, not from a signed distance; the skeleton that keeps fronts apart is where they meet, so
no pixel stays without a superpixel.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .frame import Frame, Segments, bands_of
from .slic import start_grid
from .turbopixels_kernel import flow

_STEP = 0.5  # of time; the fastest front crosses a pixel in two steps
_SLOWEST = 0.01  # speed that a front keeps inside edges, so that every pixel is reached


@method
def turbopixels(
    image: Image,
    *,
    segments: Segments = 400,
    curvature: Annotated[float, Option("how strongly bends of the front are smoothed (alpha)", 0, 10)] = 0.3,
    doublet: Annotated[float, Option("how strongly fronts are drawn to edges (beta)", 0, 10)] = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Compact superpixels of even size by a geometric flow; at most one a pixel.

    Every region is 4-connected; their number is that of the nearest grid of seeds. Any number of bands; three are taken
    as red, green and blue.
    """
    return Segmentation.from_ids(turbopixel_labels(bands_of(image), segments, curvature, doublet, mask=mask))


def turbopixel_labels(
    bands: NDArray,
    segments: int,
    curvature: float = 0.3,
    doublet: float = 1.0,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """TurboPixels of an array (H, W) or (H, W, C), uint8 or float in [0, 1]: ids 1..n (H, W).

    mask: (H, W) bool; superpixels lie in it only, 0 outside; each of its connected pieces gets one at least.
    """
    from scipy import ndimage

    frame = Frame.of(bands, segments, mask)
    if (trivial := frame.trivial) is not None:
        return trivial
    height, width = frame.shape
    inside = frame.inside
    rows, columns, _ = start_grid(height, width, frame.count, frame.mask)
    within = inside[rows.astype(np.intp), columns.astype(np.intp)]  # a cell's middle may lie outside the mask
    rows, columns = rows[within], columns[within]
    smooth = [
        ndimage.gaussian_filter(plane.astype(np.float32), 0.5) / np.float32(frame.units) for plane in frame.planes
    ]
    slope = np.zeros((height, width), np.float32)
    for plane in smooth:
        for axis, size in enumerate((height, width)):
            if size > 1:
                slope += np.gradient(plane, axis=axis) ** 2
    slope = np.sqrt(slope)
    # Contrast counts relative to its surroundings, as in the paper: weak edges stop fronts in flat parts too.
    spacing = float(np.sqrt(frame.area / max(1, len(rows))))
    local = slope / (ndimage.gaussian_filter(slope, spacing / 2) + np.float32(1))
    phi = np.exp(-local * np.float32(3)).astype(np.float32)
    drift = [np.gradient(phi, axis=a) if n > 1 else np.zeros_like(phi) for a, n in enumerate((height, width))]
    ids = np.where(inside, 0, -1).astype(np.int32)
    ids[rows.astype(np.intp), columns.astype(np.intp)] = np.arange(1, len(rows) + 1)
    fields = phi, drift[0].astype(np.float32), drift[1].astype(np.float32)
    numbers = [np.float32(value) for value in (curvature, doublet, _STEP, _SLOWEST)]
    flow(ids, *fields, *numbers)
    while (dry := ids == 0).any():  # a piece of the mask that holds no seed
        ids.ravel()[np.argmax(dry)] = ids.max() + 1
        flow(ids, *fields, *numbers)
    return np.maximum(ids, 0)
