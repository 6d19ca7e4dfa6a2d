"""SLIC: k-means on colour and position, each cluster searching near itself only; SLICO: the same without a parameter.

Paper: Achanta, Shaji, Smith, Lucchi, Fua & Süsstrunk, "SLIC Superpixels Compared to State-of-the-Art Superpixel
Methods", IEEE TPAMI 34(11), 2012. SLICO is the zero-parameter version on the authors' page.

    bands (H, W, C) -> L*a*b* planes -> grid of centres -> assign, update, assign, ... -> connected ids (H, W)

Differs from the paper: distances are city-block, |dL| + |da| + |db| + m (|dx| + |dy|) / S, on planes rounded
to 1/8 of an L* unit; until the last iteration each one looks at every third row only, in turn; the first
centres are not moved to the lowest gradient; of the pieces a label falls into, the `segments` largest stay and every
smaller one joins its most similar neighbour.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from ..kernels.connectivity import connected
from .frame import Frame, Segments, bands_of
from .slic_kernel import iterate

_ROW_STRIDE = 3
_Iterations = Annotated[int, Option("rounds of assigning pixels and moving centres", 1, 1000, "rounds")]


@method
def slic(
    image: Image,
    *,
    segments: Segments = 400,
    compactness: Annotated[float, Option("weight of position against colour", 0.001, 1000)] = 10.0,
    iterations: _Iterations = 10,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Superpixels by k-means on colour and position: compact, about equal in size, very fast.

    Any number of bands; three are taken as red, green and blue. At most as many regions as pixels. Every region is
    4-connected. Source: Achanta et al., IEEE TPAMI 34(11), 2012.
    """
    return Segmentation.from_ids(slic_labels(bands_of(image), segments, compactness, iterations, mask=mask))


@method
def slico(
    image: Image, *, segments: Segments = 400, iterations: _Iterations = 10, mask: NDArray[np.bool_] | None = None
) -> Segmentation:
    """SLIC that finds the compactness of each superpixel itself: even shapes in flat and in textured parts.

    Source: Achanta et al., IEEE TPAMI 34(11), 2012 (zero-parameter version).
    """
    return Segmentation.from_ids(slic_labels(bands_of(image), segments, None, iterations, mask=mask))


def slic_labels(
    bands: NDArray,
    segments: int = 400,
    compactness: float | None = 10.0,
    iterations: int = 10,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """SLIC on an array.

    bands:       (H, W) or (H, W, C), uint8 or float in [0, 1]; three are taken as red, green and blue.
    segments:    how many superpixels, 1 or more.
    compactness: weight m of position against colour; None adapts it to each cluster (SLICO).
    iterations:  rounds.
    mask:        (H, W) bool; superpixels lie in it only, and `segments` are spread over it.
    returns:     (H, W) int32, ids 1..n, 0 outside the mask.
    """
    frame = Frame.of(bands, segments, mask)
    if (ids := frame.trivial) is not None:
        return ids
    step = float(np.sqrt(frame.area / frame.count))
    rows, columns, labels = start_grid(*frame.shape, frame.count, frame.mask)
    narrow = labels.astype(np.int16) if len(rows) < 32_000 else labels
    stride = _ROW_STRIDE if step >= 2 * _ROW_STRIDE else 1
    weight = np.float32((10.0 if compactness is None else compactness) * frame.units)
    iterate(frame.planes, narrow, rows, columns, np.float32(step), weight, compactness is None, iterations, stride)
    return connected(narrow, frame.planes, len(rows), max(1, int(step * step / 16)))


def start_grid(
    height: int, width: int, segments: int, mask: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Rows and columns of about `segments` evenly spread centres, and the map (H, W) of the cell each pixel starts in.

    Without a mask there are exactly `segments` centres (fewer only where a side is too short); with one, the cells that
    have pixels in it, -1 outside.
    """
    if mask is None:
        return _cells(height, width, segments)
    inside = np.count_nonzero(mask)
    whole: float = segments * height * width / inside
    low, high = segments, height * width
    # The number of cells of a grid over the frame that the mask touches grows with the grid: halve towards it.
    best = None
    for _ in range(20):
        _, _, labels = _cells(height, width, int(min(max(whole, low), high)))
        found = np.unique(labels[mask])
        if best is None or abs(len(found) - segments) < abs(len(best[0]) - segments):
            best = found, labels
        if len(found) == segments or high - low <= 1:
            break
        if len(found) > segments:
            high = int(min(max(whole, low), high))
        else:
            low = int(min(max(whole, low), high))
        whole = (low + high) / 2 if high < height * width else whole * 1.5
    assert best is not None
    found, labels = best
    dense = np.full(int(labels.max()) + 1, -1, np.int32)
    dense[found] = np.arange(len(found))
    labels = np.where(mask, dense[labels], -1).astype(np.int32)
    # A centre is the mean of the cell's pixels inside the mask.
    ys, xs = np.nonzero(mask)
    cell = labels[ys, xs]
    count = np.bincount(cell)
    return (
        (np.bincount(cell, ys) / count).astype(np.int32),
        (np.bincount(cell, xs) / count).astype(np.int32),
        labels,
    )


def _cells(height: int, width: int, segments: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Rows of cells whose number of columns differs by one at most, so that their sum is `segments`."""
    across = min(max(1, round(np.sqrt(segments * height / width))), height, segments)
    counts = np.diff(np.round(np.arange(across + 1) * segments / across).astype(int))
    counts = np.minimum(counts, width)
    edges = np.round(np.arange(across + 1) * height / across).astype(int)
    labels = np.empty((height, width), np.int32)
    rows, columns, first = [], [], 0
    for count, top, bottom in zip(counts, edges[:-1], edges[1:]):
        labels[top:bottom] = first + np.arange(width) * count // width
        rows.append(np.full(count, (top + bottom - 1) // 2))
        columns.append(((np.arange(count) + 0.5) * width / count).astype(int))
        first += count
    return np.concatenate(rows).astype(np.int32), np.concatenate(columns).astype(np.int32), labels
