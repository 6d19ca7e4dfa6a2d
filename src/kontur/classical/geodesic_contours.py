"""Morphological geodesic active contours: a contour that shrinks or grows until it lies on edges.

    grey (H, W) in [0, 1] -> g = 1 / sqrt(1 + alpha |grad G * grey|), low on edges -> binary u (H, W), evolved -> object

Papers: Marquez-Neila, Baumela & Alvarez, "A Morphological Approach to Curvature-Based Evolution of Curves and
Surfaces", IEEE TPAMI 36(1), 2014; what it solves: Caselles, Kimmel & Sapiro, "Geodesic Active Contours", IJCV 22, 1997.
Each step is

    balloon      u grows (or shrinks) by a 3x3 square where g is above the threshold
    attachment   u moves along -grad g, to the bottom of the valley that an edge makes in g
    smoothing    curvature by lines of three pixels, sup-inf and inf-sup in turn

The evolution is that of scikit-image's `morphological_geodesic_active_contour`, pixel for pixel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Provenance, Segmentation
from .chan_vese import ellipse


@method
def geodesic_contours(
    image: Image,
    prompts: Prompts | None = None,
    *,
    iterations: Annotated[int, Option("steps", 0, 100_000, "steps")] = 200,
    smoothing: Annotated[int, Option("curvature passes a step", 0, 10, "passes")] = 1,
    balloon: Annotated[float, Option("below 0 shrinks, above 0 grows, 0 neither", -10, 10)] = -1.0,
    threshold: Annotated[float | None, Option("g above which the balloon works; none: by percentile", 0, 1)] = None,
    sigma: Annotated[float, Option("Gaussian of the edge image", 0.1, 50, "pixels")] = 2.0,
    alpha: Annotated[float, Option("steepness of g", 0, 1_000_000)] = 1000.0,
) -> Segmentation:
    """One object, background 1 and object 2, bounded by edges where there are any.

    prompts: boxes; the first contour is the ellipses in them. Without: the ellipse in the whole image.
    A balloon below 0 needs a start around the object, one above 0 a start inside it.
    threshold: without one the 40th percentile of g, as in scikit-image; where that is g's maximum, because most of the
    image is flat and nothing would move, half way between its extremes.

    One region on a photo: no closed edge holds the shrinking contour, and it vanishes.

    Source: Marquez-Neila, Baumela & Alvarez 2014.
    """
    from scipy import ndimage

    boxes = prompts.boxes if prompts is not None else ((0, 0, image.width, image.height),)
    inside = np.max([ellipse(image.shape, box) for box in boxes], axis=0) > 0
    gradient = ndimage.gaussian_gradient_magnitude(image.grey().astype(np.float64), sigma, mode="nearest")
    edges = 1.0 / np.sqrt(1.0 + alpha * gradient)
    level = _balloon_threshold(edges) if threshold is None else threshold
    contour = evolve(edges, inside, iterations=iterations, smoothing=smoothing, threshold=level, balloon=balloon)
    result = Segmentation.from_mask(contour)
    return replace(result, provenance=Provenance("", notes=(f"balloon threshold {level:.9g}",)))


def _balloon_threshold(edges: NDArray[np.float64]) -> float:
    level, highest = float(np.percentile(edges, 40)), float(edges.max())
    return level if level < 0.99 * highest else (float(edges.min()) + highest) / 2


def evolve(
    edges: NDArray[np.float64],
    inside: NDArray[np.bool_],
    *,
    iterations: int,
    smoothing: int = 1,
    threshold: float,
    balloon: float = 0.0,
) -> NDArray[np.bool_]:
    """The contour after so many steps. edges: g (H, W), low on edges. inside: the first contour, (H, W) bool."""
    from .level_set_kernel import evolve_geodesic

    # A border of one-pixel images has no gradient along that axis.
    down, across = (
        np.gradient(edges, axis=axis) if edges.shape[axis] > 1 else np.zeros(edges.shape) for axis in (0, 1)
    )
    free = edges > threshold / abs(balloon) if balloon else np.zeros(edges.shape, bool)
    grown = evolve_geodesic(
        np.ascontiguousarray(down),
        np.ascontiguousarray(across),
        free,
        inside,
        iterations,
        smoothing,
        int(np.sign(balloon)),
    )
    return np.asarray(grown)
