"""Entropy rate superpixels: the edges that keep a random walk most uncertain, with parts of even size.

Paper: Liu, Tuzel, Ramalingam & Chellappa, "Entropy Rate Superpixel Segmentation", CVPR 2011:

    pixel graph, weights by colour -> add edges greedily: entropy rate + lambda · balance -> K trees = K superpixels

Gains only shrink as edges are added (the objective is submodular), so a queue of stale gains is enough.

Differs from the paper: 4 neighbours, so that every superpixel is 4-connected; distances in L*a*b* for three bands.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .ers_kernel import grow
from .frame import Frame, Segments, bands_of


@method
def ers(
    image: Image,
    *,
    segments: Segments = 400,
    balance: Annotated[float, Option("weight of even sizes (lambda' of the paper)", 0, 1000)] = 0.5,
    sigma: Annotated[
        float, Option("colour difference at which an edge has weight 0.6", 0.01, 1000, "units of L*")
    ] = 5.0,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Superpixels that follow edges closely; exactly the number asked for (at most one a pixel).

    Every region is 4-connected. Any number of bands; three are taken as red, green and blue.
    """
    return Segmentation.from_ids(ers_labels(bands_of(image), segments, balance, sigma, mask=mask))


def ers_labels(
    bands: NDArray,
    segments: int,
    balance: float = 0.5,
    sigma: float = 5.0,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """ERS on an array (H, W) or (H, W, C), uint8 or float in [0, 1]: ids 1..n (H, W) in the order of first pixels.

    mask: (H, W) bool; superpixels lie in it only, 0 outside; each of its connected pieces gets one at least.
    """
    frame = Frame.of(bands, segments, mask)
    if frame.area == 0:
        return np.zeros(frame.shape, np.int32)
    across = _similarity(np.diff(frame.planes.astype(np.float32), axis=2), sigma * frame.units)
    down = _similarity(np.diff(frame.planes.astype(np.float32), axis=1), sigma * frame.units)
    return grow(across, down, frame.inside, frame.count, balance)


def _similarity(differences: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.exp((differences**2).sum(axis=0) / np.float32(-2 * sigma * sigma)).astype(np.float32)
