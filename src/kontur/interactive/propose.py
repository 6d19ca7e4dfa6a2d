"""Boxes around what stands out, so that nobody has to draw one.

Papers: Wei, Wen, Zhu & Sun, "Geodesic Saliency Using Background Priors", ECCV 2012 (what is far from the image's border,
over paths without edges, is object); the best box as a maximum-sum rectangle: Bentley, "Programming Pearls", CACM 27(9), 1984.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image, as_image
from ..kernels.colour_models import features, first_model
from ..kernels.geodesic_distance import geodesic_distance
from .propose_kernel import best_box

_SIDE = 160
"""Saliency is found on an image whose longer side is about this."""
_LEVEL = 1.0
"""A box must be salient by more than this times the mean, at each of its pixels on average."""


def propose_boxes(image: Image | NDArray, *, count: int = 1) -> list[tuple[int, int, int, int]]:
    """Up to `count` boxes (x0, y0, x1, y1), the best first; at least one, always with background around it if there is room.

    An image without anything salient gives its centre: the middle half of each side.
    """
    image = as_image(image)
    height, width = image.shape
    factor = max(1, round(max(height, width) / _SIDE))
    score = saliency(image.unit()[::1] * np.float32(255), factor)
    boxes = []
    gain = score - _LEVEL * score.mean()
    for _ in range(count):
        value, x0, y0, x1, y1 = best_box(gain)
        if value <= 1e-6 * gain.size:
            break
        boxes.append((x0, y0, x1, y1))
        gain[y0:y1, x0:x1] = -1
    grown = [_at_full_size(box, factor, height, width) for box in boxes]
    return grown or [_at_full_size((0, 0, width, height), 1, height, width, shrink=4)]


def saliency(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """How much each pixel differs from the border of the image, in [0, 1]: (H / factor, W / factor) float32."""
    height, width, channels = pixels.shape
    rows, columns = max(1, height // factor), max(1, width // factor)
    small = pixels[: rows * factor, : columns * factor]
    if factor > 1:
        small = small.reshape(rows, factor, columns, factor, channels).mean((1, 3))
    small = np.ascontiguousarray(small)
    margin = max(1, min(rows, columns) // 20)
    border = np.ones((rows, columns), bool)
    border[margin : rows - margin, margin : columns - margin] = False
    if border.all():
        return np.zeros((rows, columns), np.float32)
    far = geodesic_distance(small, np.where(border, np.float32(0), np.float32(np.inf)), 1.0)
    seen = features(small, 1)
    model = first_model(np.ascontiguousarray(seen[:, border.ravel()]), 5, 20.0, np.random.default_rng(0))
    strange = np.minimum(model.costs(seen)[0].reshape(rows, columns), 60)
    y, x = np.indices((rows, columns), np.float32)
    centre = np.exp(-(((2 * y + 1) / rows - 1) ** 2 + ((2 * x + 1) / columns - 1) ** 2) / 0.8)
    return (_stretched(far) * _stretched(strange)) ** 0.5 * centre.astype(np.float32)


def _stretched(values: NDArray) -> NDArray[np.float32]:
    low, high = np.quantile(values, [0.02, 0.98])
    return np.clip((values - low) / (high - low if high > low else 1), 0, 1).astype(np.float32)


def _at_full_size(
    box: tuple[int, int, int, int], factor: int, height: int, width: int, shrink: int = 0
) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (v * factor for v in box)
    if shrink:
        return width // shrink, height // shrink, max(width - width // shrink, 1), max(height - height // shrink, 1)
    # One pixel of background stays on each side where the image is large enough for it.
    x1, y1 = min(x1 + factor, width), min(y1 + factor, height)
    left, top = min(1, width // 3), min(1, height // 3)
    return max(x0 - factor, left), max(y0 - factor, top), min(x1, width - left), min(y1, height - top)
