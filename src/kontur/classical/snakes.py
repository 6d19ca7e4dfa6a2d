"""Snakes: an elastic closed curve pulled by the image's edges.

    grey (H, W) in [0, 1], first curve (N, 2) -> curve of least energy -> object = its inside

Paper: Kass, Witkin & Terzopoulos, "Snakes: Active Contour Models", IJCV 1(4), 1988. The energy is

    sum over points of  elasticity/2 |v_s|^2 + rigidity/2 |v_ss|^2 + line I - edge |grad G * I|^2

and a step solves (A + viscosity) v' = viscosity v + force(v): implicit in the inner forces A, explicit in the image's.

Differs from the paper: the matrix of a closed curve is circulant, so the solution is a division of Fourier
transforms, not an inverse; every tenth step the points are spread evenly along the curve, which otherwise bunch where
the edge is strongest; the image's force is scaled to a largest length of 1; points stay inside the image; no corner term
and no springs.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation


@method
def snakes(
    image: Image,
    prompts: Prompts | None = None,
    *,
    elasticity: Annotated[float, Option("resistance to stretching; shortens the curve", 0, 1000)] = 0.5,
    rigidity: Annotated[float, Option("resistance to bending", 0, 1000)] = 0.5,
    edge: Annotated[float, Option("pull of edges", -100, 100)] = 1.0,
    line: Annotated[float, Option("pull of dark (above 0) or bright (below 0) lines", -100, 100)] = 0.0,
    sigma: Annotated[
        float, Option("Gaussian of the edge image; edges pull from about 2 sigma", 0.1, 100, "pixels")
    ] = 3.0,
    viscosity: Annotated[float, Option("larger is slower; below 1 / sigma the curve may swing", 0.001, 1000)] = 0.5,
    iterations: Annotated[int, Option("steps at most", 1, 100_000, "steps")] = 1000,
) -> Segmentation:
    """One object inside each curve: background 1, objects 2..

    prompts: boxes; a curve begins as the ellipse in each, and the later box lies above the earlier.
    Without: one curve, the ellipse in the middle three quarters of the image.
    A curve has a point every 2 pixels (8 to 4000 of them) and stops once no point moves more than 0.01 pixels.

    One region on a photo: no edge holds the curve, which shortens to nothing.

    Source: Kass, Witkin & Terzopoulos 1988.
    """
    from skimage.draw import polygon2mask

    height, width = image.shape
    if prompts is None:
        boxes: tuple[tuple[float, float, float, float], ...] = ((width / 8, height / 8, width * 7 / 8, height * 7 / 8),)
    else:
        boxes = prompts.boxes
    force = _image_force(image.grey().astype(np.float64), sigma, edge, line)
    objects = np.zeros(image.shape, np.int32)
    for number, box in enumerate(boxes, start=1):
        curve = relaxed(_ellipse(box), force, elasticity, rigidity, viscosity, iterations)
        objects[polygon2mask(image.shape, curve)] = number
    return Segmentation.from_objects(objects)


def relaxed(
    curve: NDArray[np.float64],
    force: NDArray[np.float64],
    elasticity: float,
    rigidity: float,
    viscosity: float,
    iterations: int,
) -> NDArray[np.float64]:
    """The curve (N, 2), rows and columns, after it has come to rest in the force field (2, H, W)."""
    from scipy import ndimage

    waves = 2 - 2 * np.cos(2 * np.pi * np.arange(len(curve)) / len(curve))
    inner = (viscosity + elasticity * waves + rigidity * waves**2)[:, None]
    furthest = np.array(force.shape[1:], np.float64) - 1
    for turn in range(iterations):
        if turn % 10 == 9:
            curve = evenly_spaced(curve)
        pull = np.stack([ndimage.map_coordinates(part, curve.T, order=1, mode="nearest") for part in force], axis=1)
        moved = np.fft.ifft(np.fft.fft(viscosity * curve + pull, axis=0) / inner, axis=0).real
        moved = np.clip(moved, 0, furthest)
        step = float(np.abs(moved - curve).max())
        curve = moved
        if step < 0.01:
            break
    return curve


def evenly_spaced(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closed curve (N, 2) with its points at equal distances along it, the first where it was."""
    closed = np.concatenate([curve, curve[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(closed, axis=0) ** 2).sum(axis=1)))])
    places = np.arange(len(curve)) * (along[-1] / len(curve))
    return np.stack([np.interp(places, along, column) for column in closed.T], axis=1)


def _image_force(grey: NDArray[np.float64], sigma: float, edge: float, line: float) -> NDArray[np.float64]:
    """Minus the gradient of the image's energy, (2, H, W), with a largest length of 1."""
    from scipy import ndimage

    strength = ndimage.gaussian_gradient_magnitude(grey, sigma, mode="nearest") ** 2
    strength /= max(float(strength.max()), 1e-12)
    energy = line * ndimage.gaussian_filter(grey, sigma, mode="nearest") - edge * strength
    force = -np.stack([np.gradient(energy, axis=a) if grey.shape[a] > 1 else np.zeros(grey.shape) for a in (0, 1)])
    longest = float(np.sqrt((force**2).sum(axis=0)).max())
    # Below this the image is flat but for rounding, which must not be blown up.
    return force / longest if longest > 1e-9 else np.zeros_like(force)


def _ellipse(box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Points (N, 2), rows and columns, on the ellipse in a box, about 2 pixels apart."""
    x0, y0, x1, y1 = box
    radii = (y1 - y0) / 2, (x1 - x0) / 2
    count = int(np.clip(np.pi * (radii[0] + radii[1]) / 2, 8, 4000))
    angle = 2 * np.pi * np.arange(count) / count
    centre = (y0 + y1) / 2 - 0.5, (x0 + x1) / 2 - 0.5
    return np.stack([centre[0] + radii[0] * np.sin(angle), centre[1] + radii[1] * np.cos(angle)], axis=1)
