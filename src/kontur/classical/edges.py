"""Sobel, Scharr and Prewitt: gradient masks whose edges are closed into regions.

    image (H, W[, C]) -> smoothed -> gradient magnitude (H, W) in [0, 1] -> watershed from its deep minima
        -> weak borders removed -> small regions absorbed -> regions (H, W)

A gradient alone gives broken lines. Its watershed gives closed ones, of which the weak are then taken away, so a border
that stays is an edge of mean strength `strength` or more along its whole length. Papers: Sobel & Feldman 1968, Scharr
2000, Prewitt 1970; the closing: Meyer & Beucher, "Morphological Segmentation", J. Vis. Commun. Image Repr. 1(1), 1990.
"""

from __future__ import annotations

from typing import Annotated

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .gradients import PREWITT, SCHARR, SOBEL, strongest_gradient
from .gradients import gradient_magnitude as gradient_magnitude
from .region_adjacency import absorb_small, cracks_of, merge_weak_borders

Sigma = Annotated[float, Option("Gaussian smoothing before the gradient", 0, 50, "pixels")]
Strength = Annotated[float, Option("least mean gradient along a border, on [0, 1]", 0, 1)]
Depth = Annotated[float, Option("least depth of a minimum of the gradient", 0, 1)]
MinArea = Annotated[int, Option("smaller regions join their most similar neighbour", 1, 1_000_000_000, "pixels")]


@method
def sobel(
    image: Image, *, sigma: Sigma = 1.0, strength: Strength = 0.08, depth: Depth = 0.01, min_area: MinArea = 50
) -> Segmentation:
    """Sobel gradient, mask [1 2 1] x [1 0 -1], closed into connected regions.

    The gradient of a colour image is that of its strongest band. A step of height 1 has magnitude 0.71, as in
    scikit-image's `filters.sobel`.

    Source: Sobel & Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing", Stanford AI Project, 1968.
    """
    return _closed(image, SOBEL, sigma, strength, depth, min_area)


@method
def scharr(
    image: Image, *, sigma: Sigma = 1.0, strength: Strength = 0.08, depth: Depth = 0.01, min_area: MinArea = 50
) -> Segmentation:
    """Scharr gradient, mask [3 10 3] x [1 0 -1], closed into connected regions.

    The least dependent on the edge's direction of the three. Scale and colour as in `sobel`.

    Source: Scharr, "Optimale Operatoren in der Digitalen Bildverarbeitung", Dissertation, Heidelberg, 2000.
    """
    return _closed(image, SCHARR, sigma, strength, depth, min_area)


@method
def prewitt(
    image: Image, *, sigma: Sigma = 1.0, strength: Strength = 0.08, depth: Depth = 0.01, min_area: MinArea = 50
) -> Segmentation:
    """Prewitt gradient, mask [1 1 1] x [1 0 -1], closed into connected regions.

    Scale and colour as in `sobel`.

    Source: Prewitt, "Object Enhancement and Extraction", in Picture Processing and Psychopictorics, 1970.
    """
    return _closed(image, PREWITT, sigma, strength, depth, min_area)


def _closed(
    image: Image, across: tuple[float, float, float], sigma: float, strength: float, depth: float, min_area: int
) -> Segmentation:
    from ..kernels.priority_flood import priority_flood
    from .watershed import deep_minima

    gradient = strongest_gradient(image, across, sigma)
    basins = priority_flood(gradient, deep_minima(gradient, depth)) - 1
    labels = merge_weak_borders(basins, cracks_of(gradient), strength)
    return Segmentation.from_labels(absorb_small(labels, image.unit(), min_area))
