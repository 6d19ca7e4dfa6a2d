"""Local binary patterns: which neighbours on a circle are at least as bright, counted in a window, clustered.

Paper: Ojala, Pietikäinen & Mäenpää, "Multiresolution Gray-Scale and Rotation Invariant Texture Classification with
Local Binary Patterns", IEEE TPAMI 24(7), 2002: the operator LBP^riu2_{P,R} at (8, 1), (16, 2) and (24, 3).

    grey (H, W) -> codes 0..P+1 for each circle -> histogram in a window, square root -> (H, W, F) -> k-means -> regions

Differs from the paper: it classifies whole images by a log-likelihood; here the square roots of the local histograms
are clustered, whose distance (Hellinger's) weighs rare patterns alike. The rotated patterns count as one, so the method
cannot tell upright from lying stripes; `gabor` and `glcm` can.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation

from .lbp_kernel import codes
from .pixel_features import Clusters, Seed
from .texture_clusters import Position, grid_step, texture_segments

_CIRCLES = ((8, 1.0), (16, 2.0), (24, 3.0))


@method
def lbp(
    image: Image,
    *,
    clusters: Clusters = 4,
    window: Annotated[int, Option("side of the square in which patterns are counted", 3, 501, "pixels")] = 25,
    circles: Annotated[int, Option("circles of radius 1, 2, 3 used", 1, 3, "circles")] = 2,
    position: Position = 0.5,
    seed: Seed = 0,
) -> Segmentation:
    """Group the pixels by the small patterns around them, whatever the brightness, contrast and rotation.

    Sees the grey image only. Gives one segment a cluster, connected or not.
    """
    from scipy import ndimage

    grey = image.grey()
    step = grid_step(image.shape)
    maps = []
    for points, radius in _CIRCLES[:circles]:
        codes = uniform_codes(grey, points, radius)
        for code in range(points + 2):
            share = ndimage.uniform_filter((codes == code).astype(np.float32), window, mode="reflect")
            maps.append(np.sqrt(np.maximum(share[::step, ::step], 0)))
    return texture_segments(np.stack(maps, axis=2), step, image, clusters, position, seed)


def uniform_codes(grey: NDArray[np.float32], points: int, radius: float) -> NDArray[np.uint8]:
    """LBP^riu2: the number of neighbours at least as bright, 0..P, where they form one arc; else P + 1. (H, W) uint8.

    grey: (H, W); neighbours outside the image are those of its border.
    """
    angle = 2 * np.pi * np.arange(points) / points
    # Rounded, so that the neighbours straight above and beside lie on pixels exactly.
    rows, columns = np.round(-radius * np.sin(angle), 5), np.round(radius * np.cos(angle), 5)
    return codes(np.ascontiguousarray(grey, np.float32), rows, columns)
