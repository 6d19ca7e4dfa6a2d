"""Local thresholds: every pixel has its own, from the window around it.

    image (H, W[, C]) -> grey (H, W) in [0, 1] -> mean m, deviation s in a window -> foreground = grey > T(m, s)

Papers, one a function: Niblack 1986; Sauvola & Pietikäinen 2000; the local mean and Gaussian of the textbooks.

All work on the image scaled to [0, 1], so that `r` and `offset` mean the same for 8-bit, 16-bit and float images. The
thresholds equal those of scikit-image's `threshold_niblack`, `threshold_sauvola` and `threshold_local` on that image;
like there, the first two mirror the image about its border pixels and the other two about its border. In a constant
image every pixel is background.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.segmentation import Segmentation
from .thresholds import Polarity

Window = Annotated[int, Option("side of the square window, odd", 3, 9999, "pixels")]


@method
def niblack(
    image: Image,
    *,
    window: Window = 15,
    k: Annotated[float, Option("deviations added to the mean", -5, 5)] = -0.2,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Niblack: T = m + k s.

    k: negative lowers the threshold where contrast is high. Dark print on paper: polarity dark. Flat areas are
    speckled by noise, which is the method's known weakness and what Sauvola's formula mends.

    Source: Niblack, An Introduction to Digital Image Processing, Prentice-Hall 1986, p. 115.
    """
    mean, deviation = _moments(image, window)
    return _cut(image, mean + k * deviation, polarity)


@method
def sauvola(
    image: Image,
    *,
    window: Window = 15,
    k: Annotated[float, Option("weight of the contrast", 0, 5)] = 0.2,
    r: Annotated[float, Option("largest deviation there is, on [0, 1]", 0.001, 1)] = 0.5,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Sauvola: T = m (1 + k (s / r - 1)), so that flat areas fall above the threshold.

    r: 0.5 is the paper's 128 of 8-bit images. k: the paper has 0.5, scikit-image 0.2. Dark print: polarity dark.

    Source: Sauvola & Pietikäinen, "Adaptive Document Image Binarization", Pattern Recognition 33(2), 2000.
    """
    mean, deviation = _moments(image, window)
    return _cut(image, mean * (1 + k * (deviation / r - 1)), polarity)


@method
def local_mean(
    image: Image,
    *,
    window: Window = 51,
    offset: Annotated[float, Option("taken off the mean, on [0, 1]", -1, 1)] = 0.0,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Local mean: T = m - offset.

    Source: Gonzalez & Woods, Digital Image Processing, ch. 10 (variable thresholding).
    """
    _check_odd(window)
    grey = image.grey().astype(np.float64)
    down, across = (min(window // 2, size) for size in grey.shape)
    padded = np.pad(grey, ((down, down), (across, across)), mode="symmetric")
    mean = _window_sums(padded, *grey.shape) / ((2 * down + 1) * (2 * across + 1))
    return _cut(image, mean - offset, polarity)


@method
def local_gaussian(
    image: Image,
    *,
    window: Window = 51,
    offset: Annotated[float, Option("taken off the weighted mean, on [0, 1]", -1, 1)] = 0.0,
    polarity: Polarity = "bright",
) -> Segmentation:
    """Local Gaussian mean: T = G * grey - offset; the window reaches 3 standard deviations to each side.

    Source: Gonzalez & Woods, Digital Image Processing, ch. 10 (variable thresholding).
    """
    from scipy import ndimage

    _check_odd(window)
    mean = ndimage.gaussian_filter(image.grey().astype(np.float64), (window - 1) / 6, mode="reflect")
    return _cut(image, mean - offset, polarity)


def _moments(image: Image, window: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of every window, (H, W) each, from two tables of sums."""
    _check_odd(window)
    grey = image.grey().astype(np.float64)
    height, width = grey.shape
    # A window larger than the mirrored image sees nothing new.
    down, across = (min(window // 2, size - 1) for size in grey.shape)
    padded = np.pad(grey, ((down, down), (across, across)), mode="reflect")
    count = (2 * down + 1) * (2 * across + 1)
    mean = _window_sums(padded, height, width) / count
    # Deviations from the image's mean, so that a bright flat image does not lose its digits in E[x^2] - m^2.
    centre = grey.mean()
    square = _window_sums((padded - centre) ** 2, height, width) / count
    return mean, np.sqrt(np.maximum(square - (mean - centre) ** 2, 0))


def _window_sums(padded: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    table = np.zeros((padded.shape[0] + 1, padded.shape[1] + 1))
    np.cumsum(np.cumsum(padded, axis=0), axis=1, out=table[1:, 1:])
    down, across = padded.shape[0] - height + 1, padded.shape[1] - width + 1
    return table[down:, across:] - table[:-down, across:] - table[down:, :-across] + table[:-down, :-across]


def _check_odd(window: int) -> None:
    if window % 2 == 0:
        raise OptionError(f"option window: expected an odd number of pixels, got {window}. Take {window + 1}.")


def _cut(image: Image, thresholds: NDArray[np.float64], polarity: str) -> Segmentation:
    grey = image.grey()
    if grey.min() == grey.max():
        return Segmentation.from_mask(np.zeros(image.shape, bool))
    return Segmentation.from_mask(grey > thresholds if polarity == "bright" else grey <= thresholds)
