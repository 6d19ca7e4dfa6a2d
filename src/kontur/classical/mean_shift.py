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

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation
from kontur.kernels.connectivity import connected

from .mean_shift_kernel import fuse, modes_of
from .pixel_features import Space, colour_features, with_note


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
    modes = modes_of(colours, np.float32(spatial), np.float32(colour))
    fused = fuse(modes, np.float32((colour / 2) ** 2))
    ids = connected(fused, np.ascontiguousarray(modes.transpose(2, 0, 1)), smallest=smallest)
    return with_note(Segmentation.from_ids(ids), note)
