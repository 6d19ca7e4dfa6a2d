"""Gabor texture: the energy of the image in bands of frequency and direction, clustered.

Paper: Jain & Farrokhnia, "Unsupervised Texture Segmentation Using Gabor Filters", Pattern Recognition 24(12), 1991.

    grey (H, W) -> even Gabor filters, octaves x 4 directions -> those with 95 % of the energy -> |tanh(response / 4)|
    -> Gaussian window -> features (H, W, F), each with variance 1 -> k-means with position -> regions

Differs from the paper: frequencies fall in octaves from sqrt(2)/4 cycles a pixel whatever the image's size; the window
is half a wavelength but never narrower than `window`; k-means in place of CLUSTER, and the number of clusters is given.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.segmentation import Segmentation

from .pixel_features import Clusters, Seed, standardised
from .texture_clusters import Position, grid_step, texture_segments

HIGHEST = 2**0.5 / 4  # cycles a pixel
_ENERGY = 0.95
_SATURATION = 0.25  # of responses in grey levels 0..255


@method
def gabor(
    image: Image,
    *,
    clusters: Clusters = 4,
    scales: Annotated[int, Option("octaves of frequency, from 0.35 cycles a pixel down", 1, 8, "octaves")] = 5,
    window: Annotated[float, Option("smallest standard deviation of the energy window", 0.5, 200, "pixels")] = 6.0,
    position: Position = 0.5,
    seed: Seed = 0,
) -> Segmentation:
    """Group the pixels by the frequencies and directions of the pattern around them, not by their brightness.

    Sees the grey image only. Gives one segment a cluster, connected or not. Frequencies whose wavelength is over half
    the shorter side are left out.
    """
    step = grid_step(image.shape)
    return texture_segments(gabor_energies(image.grey(), scales, window, step), step, image, clusters, position, seed)


def bank(scales: int, shorter_side: int) -> list[tuple[float, float]]:
    """Each filter's (frequency in cycles a pixel, direction in radians): octaves downwards, 0, 45, 90, 135 degrees."""
    frequencies = [HIGHEST / 2**octave for octave in range(scales)]
    usable = [f for f in frequencies if 1 / f <= shorter_side / 2] or frequencies[:1]
    return [(f, quarter * np.pi / 4) for f in usable for quarter in range(4)]


def transfer(frequency: float, direction: float, y: NDArray, x: NDArray) -> NDArray[np.float32]:
    """The filter in the frequency domain, peak 1, at y and x in cycles a pixel; real, as the filter is even.

    Half-peak bandwidths of one octave and 45 degrees. No response to a constant image.
    """
    along = frequency / (3 * np.sqrt(2 * np.log(2)))
    across = frequency * np.tan(np.pi / 8) / np.sqrt(2 * np.log(2))
    u = x * np.cos(direction) + y * np.sin(direction)
    v = y * np.cos(direction) - x * np.sin(direction)
    side = np.exp(-0.5 * (v / across) ** 2)
    response = side * (np.exp(-0.5 * ((u - frequency) / along) ** 2) + np.exp(-0.5 * ((u + frequency) / along) ** 2))
    response[(y == 0) & (x == 0)] = 0
    return response.astype(np.float32)


def gabor_energies(grey: NDArray[np.float32], scales: int, window: float, step: int = 1) -> NDArray[np.float32]:
    """Features of the selected filters at every step-th pixel: (h, w, F) float32, each with mean 0, variance 1."""
    from scipy import fft

    height, width = grey.shape
    filters = bank(scales, min(height, width))
    margin = int(min(1 / filters[-1][0], 64)) + 1
    # Mirrored beyond its border, or the image's edges would be the strongest texture of all.
    shape = [fft.next_fast_len(side + 2 * margin, real=True) for side in (height, width)]
    after = [total - side - margin for total, side in zip(shape, (height, width))]
    padded = np.pad(grey * np.float32(255), [(margin, after[0]), (margin, after[1])], mode="symmetric")
    spectrum = fft.rfft2(padded)
    y, x = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    responses = [transfer(f, d, y, x) for f, d in filters]
    energy = np.array([float((np.abs(spectrum * r) ** 2).sum()) for r in responses])
    strongest = np.argsort(-energy, kind="stable")
    share = np.cumsum(energy[strongest]) / max(float(energy.sum()), 1e-12)
    kept = np.sort(strongest[: int(np.searchsorted(share, _ENERGY)) + 1])
    rows, columns = np.arange(margin, margin + height, step), np.arange(margin, margin + width, step)
    features = np.empty((len(rows), len(columns), len(kept)), np.float32)
    for i, k in enumerate(kept):
        response = fft.irfft2(spectrum * responses[k], s=shape)
        strength = fft.rfft2(np.abs(np.tanh(_SATURATION * response)))
        sigma = max(0.5 / filters[k][0], window)
        strength *= np.exp(-2 * (np.pi * sigma) ** 2 * (y**2 + x**2)).astype(np.float32)
        features[..., i] = fft.irfft2(strength, s=shape)[np.ix_(rows, columns)]
    return standardised(features)
