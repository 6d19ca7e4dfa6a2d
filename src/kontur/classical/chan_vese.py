"""Chan-Vese: a contour that divides the image into two parts, each as even as possible, with a short border.

    image (H, W[, C]) -> intensity in [0, 1] -> level set phi (H, W), evolved -> object = phi > 0

Paper: Chan & Vese, "Active Contours Without Edges", IEEE Trans. Image Processing 10(2), 2001; the discretisation:
Getreuer, "Chan-Vese Segmentation", Image Processing On Line 2, 2012. Per step, for every pixel at once:

    phi <- (phi + d (mu sum_i C_i phi_i - lambda1 (I - c1)^2 + lambda2 (I - c2)^2)) / (1 + d mu sum_i C_i)

with c1, c2 the means inside and outside, d = dt / (1 + phi^2), phi_i the four neighbours and C_i the inverse lengths
of the gradient half way to them.

Differs from the paper: no area term (nu = 0), no reinitialisation, and all pixels are updated from the previous step,
as in scikit-image, whose `chan_vese` gives the same contour.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Provenance, Segmentation


@method
def chan_vese(
    image: Image,
    prompts: Prompts | None = None,
    *,
    mu: Annotated[float, Option("weight of the contour's length", 0, 100)] = 0.25,
    lambda1: Annotated[float, Option("weight of the unevenness inside", 0, 1000)] = 1.0,
    lambda2: Annotated[float, Option("weight of the unevenness outside", 0, 1000)] = 1.0,
    tolerance: Annotated[float, Option("stop once phi changes less, root mean square", 0, 1)] = 1e-4,
    iterations: Annotated[int, Option("steps at most", 1, 100_000, "steps")] = 500,
    dt: Annotated[float, Option("length of a step", 0.001, 100)] = 0.5,
    start: Annotated[Literal["checkerboard", "disc"], Option("first contour when there is no box")] = "checkerboard",
) -> Segmentation:
    """Two parts of even brightness: background 1, object 2.

    prompts: boxes; the contour begins as a checkerboard in the ellipse of each, with everything else outside. (From
             the bare ellipses it needs several times as many steps.) It may leave the boxes.
    Without: a checkerboard over the image. Which of the two parts is called the object, phi > 0, is then chance.

    The image is stretched to [0, 1]; a constant one is all background. tolerance: at scikit-image's 1e-3 the
    checkerboard is still seen in even parts of a photo.

    One region on a photo: the length weighs more than what the contour gains, and it vanishes.

    Source: Chan & Vese 2001; Getreuer 2012, doi 10.5201/ipol.2012.g-cv.
    """
    from .level_set_kernel import evolve_chan_vese

    values = image.intensity().astype(np.float64)
    low, high = values.min(), values.max()
    if low == high:
        return Segmentation.from_mask(np.zeros(image.shape, bool))
    values = (values - low) / (high - low)
    if prompts is not None:
        inside = np.max([ellipse(image.shape, box) for box in prompts.boxes], axis=0) > 0
        level_set = np.where(inside, checkerboard(image.shape), -0.2)
    elif start == "disc":
        level_set = ellipse(image.shape, (0, 0, image.width, image.height))
    else:
        level_set = checkerboard(image.shape)
    level_set, steps = evolve_chan_vese(values, level_set, mu, lambda1, lambda2, tolerance, iterations, dt)
    result = Segmentation.from_mask(level_set > 0)
    return replace(result, provenance=Provenance("", notes=(f"{steps} steps",)))


def checkerboard(shape: tuple[int, int], side: int = 5) -> NDArray[np.float64]:
    """sin(pi y / side) sin(pi x / side): positive and negative squares; (H, W) in [-1, 1]."""
    rows, columns = (np.sin(np.arange(size, dtype=np.float64) * (np.pi / side)) for size in shape)
    return rows[:, None] * columns


def ellipse(shape: tuple[int, int], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """1 - the distance from the centre of the ellipse in the box, 1 on its rim; (H, W), positive inside."""
    x0, y0, x1, y1 = box
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    down = (rows + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)
    across = (columns + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)
    return np.asarray(1.0 - np.sqrt(down**2 + across**2))
