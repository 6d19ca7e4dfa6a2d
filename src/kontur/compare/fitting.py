"""Bring images and their label maps to one size, so that all methods see the same pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image


def fit_image(image: Image, size: tuple[int, int] | None) -> Image:
    """The image at `size` = (H, W), bilinear with the filter widened when it shrinks; any bands, its own type."""
    if size is None or size == image.shape:
        return image
    from PIL import Image as Pillow

    pixels = image.pixels if image.pixels.ndim == 3 else image.pixels[..., None]
    bands = []
    for band in np.moveaxis(pixels, -1, 0):
        whole = np.ascontiguousarray(band) if band.dtype == np.uint8 else band.astype(np.float32)
        drawn = np.asarray(Pillow.fromarray(whole).resize(size[::-1], Pillow.Resampling.BILINEAR))
        bands.append(np.rint(drawn).astype(band.dtype) if band.dtype == np.uint16 else drawn)
    return Image(np.stack(bands, axis=-1), bands=image.bands, path=image.path, notes=image.notes)


def fit_labels(labels: NDArray, size: tuple[int, int] | None) -> NDArray:
    """Labels (h, w) at `size` = (H, W): of each new pixel, the label under its centre."""
    if size is None or size == labels.shape:
        return labels
    rows, columns = ((np.arange(new) * 2 + 1) * old // (2 * new) for new, old in zip(size, labels.shape, strict=True))
    return labels[rows[:, None], columns]
