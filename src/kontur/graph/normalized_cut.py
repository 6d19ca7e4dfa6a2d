"""Normalised cut: the partition whose parts are tied to themselves much more than to each other.

Paper: Shi & Malik, "Normalized Cuts and Image Segmentation", IEEE TPAMI 22(8), 2000:

    image -> superpixels -> weights by colour and distance -> cut where Ncut is smallest, again and again -> regions

Differs from the paper: nodes are superpixels, not pixels; both sides of every cut are kept connected; the cut to make
next is the cheapest of all parts, so that a number of regions can be asked for.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation

_RADIUS = 3.0  # reach of a weight, in superpixel spacings


@method
def normalized_cut(
    image: Image,
    *,
    regions: Annotated[int, Option("number of regions", 1, 10_000, "regions")] = 12,
    superpixels: Annotated[int, Option("number of graph nodes", 2, 20_000, "superpixels")] = 500,
    sigma: Annotated[float, Option("colour difference at which a weight is 0.6", 0.01, 1000, "units of L*")] = 10.0,
    dearest: Annotated[float, Option("Ncut above which nothing is cut", 0, 2)] = 2.0,
) -> Segmentation:
    """Cut a graph of superpixels by recursive normalised cuts into `regions` parts, fewer if cuts get too dear.

    Every region is 4-connected. Any number of bands; three are taken as red, green and blue.
    """
    from ..kernels.region_graph import region_graph, region_sums
    from ..kernels.spectral_cut import cheapest_cuts
    from ..superpixels.frame import lab_planes
    from ..superpixels.slic import slic_labels

    bands = image.pixels if image.pixels.dtype == np.uint8 else image.unit()
    fine = slic_labels(bands, max(superpixels, regions), 10.0)
    planes, units = lab_planes(bands)
    area, sums = region_sums(fine, planes.astype(np.float32) / np.float32(units))
    rows, columns = np.indices(fine.shape)
    centres = region_sums(fine, np.stack([rows, columns]))[1] / area[:, None]
    touching = _contacts(region_graph(fine).ends, len(area))
    affinity = _affinity(sums / area[:, None], centres, touching, float(np.sqrt(fine.size / len(area))), sigma)
    parts = cheapest_cuts(affinity, touching, regions, dearest)
    return Segmentation.from_labels(parts[fine - 1])


def _contacts(ends: NDArray[np.int32], nodes: int) -> Any:
    from scipy import sparse

    i, j = ends.T
    return sparse.csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), (nodes, nodes))


def _affinity(
    colours: NDArray[np.float64], centres: NDArray[np.float64], touching: Any, spacing: float, sigma: float
) -> Any:
    """exp(-d² / 2 sigma²) · exp(-r² / 2 (R/2)²) of all nodes at most R = 3 spacings apart, and of all that touch: CSR (n, n)."""
    from scipy import sparse
    from scipy.spatial import cKDTree

    reach = _RADIUS * spacing
    pairs = cKDTree(centres).query_pairs(reach, output_type="ndarray")
    contact = sparse.triu(touching, 1).tocoo()
    pairs = np.unique(np.concatenate([pairs, np.stack([contact.row, contact.col], 1)]).astype(np.int64), axis=0)
    i, j = pairs.T
    colour = ((colours[i] - colours[j]) ** 2).sum(axis=1) / (2 * sigma**2)
    place = ((centres[i] - centres[j]) ** 2).sum(axis=1) / (2 * (reach / 2) ** 2)
    weight = np.exp(-colour - place) + 1e-6
    return sparse.csr_matrix((np.tile(weight, 2), (np.r_[i, j], np.r_[j, i])), (len(colours), len(colours)))
