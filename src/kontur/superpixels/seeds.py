"""SEEDS: start from a grid and exchange blocks, then pixels, along the borders so that colour histograms grow peaked.

Paper: Van den Bergh, Boix, Roig, de Capitani & Van Gool, "SEEDS: Superpixels Extracted via Energy-Driven Sampling",
ECCV 2012.

    bands (H, W, C) -> colour bin of each pixel -> blocks of falling size, moved -> pixels, moved -> ids (H, W)

A block goes to a neighbouring superpixel when its histogram meets that one's better than its own (the rest of it); a
pixel when its bin is likelier there, both weighed by how many of the eight neighbours lie in each superpixel. Nothing
moves that would cut a superpixel in two, so every region stays 4-connected and their number never changes.

Differs from the paper: a move needs a small gain (`_BLOCK_GAIN`, `_PIXEL_GAIN`); more than three bands are reduced to
their three main components; block borders are those of an even division, so sides need not be multiples of a block; a
fixed number of passes instead of a time limit.
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
from .seeds_kernel import move_blocks, move_pixels

# A move must gain this much: a share of the block's pixels, and a factor of the pixel's likelihood. Without it a region
# of one bin only eats its almost even neighbours.
_BLOCK_GAIN = np.float32(0.1)
_PIXEL_GAIN = np.float32(1.1)


@method
def seeds(
    image: Image,
    *,
    segments: Segments = 400,
    bins: Annotated[int, Option("histogram bins for each colour band", 2, 16)] = 6,
    iterations: Annotated[
        int, Option("passes over the borders at each block size and at pixels", 1, 100, "passes")
    ] = 4,
    mask: NDArray[np.bool_] | None = None,
) -> Segmentation:
    """Superpixels by exchanging blocks and pixels between the cells of a grid.

    Any number of bands. The number of regions is that of the grid nearest to `segments`. Every region is 4-connected.
    Source: Van den Bergh et al., ECCV 2012.
    """
    return Segmentation.from_ids(seeds_labels(bands_of(image), segments, bins, iterations, mask=mask))


def seeds_labels(
    bands: NDArray, segments: int = 400, bins: int = 6, iterations: int = 4, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """SEEDS on an array (H, W) or (H, W, C), uint8 or float in [0, 1]; (H, W) int32 ids, 0 outside the mask.

    With a mask the pieces of the frame's superpixels inside it are the regions.
    """
    frame = Frame.of(bands, segments, mask)
    height, width = frame.shape
    if frame.area == 0:
        return np.zeros(frame.shape, np.int32)
    wanted = min(round(segments * height * width / frame.area), height * width)
    down, across = grid_shape(height, width, wanted)
    colour = colour_bins(frame.planes, bins)
    # The smallest block is about 3 pixels wide.
    levels = max(0, int(np.log2(max(1.0, min(height / down, width / across) / 3))))
    labels = np.empty((height, width), np.int32)
    row_cells, column_cells = _edges(height, down), _edges(width, across)
    for row in range(down):
        for column in range(across):
            labels[row_cells[row] : row_cells[row + 1], column_cells[column] : column_cells[column + 1]] = (
                row * across + column
            )
    histogram = np.zeros((down * across, int(colour.max()) + 1), np.int32)
    np.add.at(histogram, (labels, colour), 1)
    area = histogram.sum(axis=1).astype(np.int32)
    for level in range(1, levels + 1):
        blocks_down, blocks_across = _edges(height, down << level), _edges(width, across << level)
        move_blocks(labels, colour, histogram, area, blocks_down, blocks_across, iterations, _BLOCK_GAIN)
    move_pixels(labels, colour, histogram, area, iterations, _PIXEL_GAIN)
    if frame.mask is not None:
        from ..kernels.connectivity import connected

        labels[~frame.mask] = -1
        return connected(labels, frame.planes, None, max(1, int(frame.area / segments / 16)))
    return labels + np.int32(1)


def grid_shape(height: int, width: int, segments: int) -> tuple[int, int]:
    """Rows and columns of the grid of almost square cells whose number is nearest to `segments`."""
    ideal = np.sqrt(segments * height / width)
    choices = []
    for down in range(max(1, int(ideal * 0.85)), min(height, int(np.ceil(ideal * 1.18))) + 1):
        across = min(width, max(1, round(segments / down)))
        off = abs(down * across - segments) / segments
        stretched = abs(np.log(down / ideal))
        choices.append((off + 0.2 * stretched, down, across))
    if not choices:
        return height, min(width, max(1, round(segments / height)))
    return min(choices)[1:]


def colour_bins(planes: NDArray[np.int16], bins: int) -> NDArray[np.int32]:
    """The histogram bin of each pixel, (H, W) int32: each of at most three planes is cut into `bins` equal ranges.

    The outermost thousandth of the values on either side does not stretch the ranges.
    """
    if len(planes) > 3:
        flat = planes.reshape(len(planes), -1).astype(np.float32)
        flat -= flat.mean(axis=1, keepdims=True)
        _, vectors = np.linalg.eigh(flat @ flat.T)
        values: NDArray = (vectors[:, -3:].T @ flat).reshape(3, *planes.shape[1:])
    else:
        values = planes
    index = np.zeros(planes.shape[1:], np.int32)
    for plane in values:
        low, high = np.quantile(plane[:: max(1, plane.shape[0] // 256)], (0.001, 0.999))
        scaled = (plane - np.float32(low)) * np.float32(bins / max(high - low, 1e-6))
        index = index * bins + np.clip(scaled, 0, bins - 1).astype(np.int32)
    return index


def _edges(length: int, parts: int) -> NDArray[np.int32]:
    """Where the parts of an even division begin, and the end; those of 2n parts contain those of n."""
    return (np.arange(parts + 1, dtype=np.int64) * length // parts).astype(np.int32)
