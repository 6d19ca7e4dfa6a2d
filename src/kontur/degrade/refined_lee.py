"""Refined Lee filter: against speckle, with half a window laid along the edge, so that edges lose their noise too.

Paper: Lee, "Refined filtering of image noise using local statistics", Computer Graphics and Image Processing 15(4),
1981. In the 7 x 7 window the means of nine 3 x 3 squares give the direction of the edge and the pixel's side of it; mean
and variance come from the 28 pixels of that side.

Differs from the paper: the aligned half window is used at every pixel, not only where the local variance is high.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.options import Option
from .damage import by_band, damage
from .lee import estimate

_ROW, _COLUMN = np.mgrid[-3:4, -3:4]
# Each direction of the gradient, as (down, right): the half windows that lie towards it and away from it.
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (-1, 1))


@damage
def refined_lee_filter(
    image: Image,
    *,
    looks: Annotated[float, Option("looks of the speckle: its variance is 1 / looks", 0.05, 1e9, "looks")] = 4.0,
) -> NDArray:
    """Each band on its own; beyond the border the image is mirrored."""
    return by_band(lambda band: _one(band.astype(np.float64), 1 / looks), image.pixels)


def _one(values: NDArray[np.float64], speckle: float) -> NDArray[np.float64]:
    from scipy.ndimage import correlate, uniform_filter

    middle = float(values.mean())  # taken off first, or the difference of squares would lose its digits
    centred = values - middle
    window = chosen_window(np.pad(uniform_filter(centred, 3, mode="reflect"), 2, mode="symmetric"))
    squares = centred**2
    mean, variance = np.zeros_like(values), np.zeros_like(values)
    for number in range(2 * len(_DIRECTIONS)):
        down, right = _DIRECTIONS[number // 2]
        along = down * _ROW + right * _COLUMN
        half = ((along >= 0) if number % 2 else (along <= 0)) / 28
        here = window == number
        if here.any():
            averaged = correlate(centred, half, mode="reflect")
            mean[here] = averaged[here]
            variance[here] = (correlate(squares, half, mode="reflect") - averaged**2)[here]
    return estimate(values, mean + middle, variance, speckle)


def chosen_window(means: NDArray[np.float64]) -> NDArray[np.int8]:
    """Which half window each pixel takes, (H, W): 2 * direction + 1 towards the gradient, 2 * direction away from it.

    means: (H + 4, W + 4), of the 3 x 3 squares around all pixels.
    """
    height, width = means.shape[0] - 4, means.shape[1] - 4

    def square(down: int, right: int) -> NDArray[np.float64]:
        """The mean of the square that lies so many squares away, of the nine with their centres two pixels apart."""
        return means[2 + 2 * down : 2 + 2 * down + height, 2 + 2 * right : 2 + 2 * right + width]

    steepest, window = np.full((height, width), -1.0), np.zeros((height, width), np.int8)
    near = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    for direction, (down, right) in enumerate(_DIRECTIONS):
        sides = [(i, j, np.sign(i * down + j * right)) for i, j in near]
        gradient = np.abs(sum(s * square(i, j) for i, j, s in sides if s))
        towards = np.abs(square(down, right) - square(0, 0)) < np.abs(square(-down, -right) - square(0, 0))
        steeper = gradient > steepest
        steepest = np.where(steeper, gradient, steepest)
        window = np.where(steeper, (2 * direction + towards).astype(np.int8), window)
    return window
