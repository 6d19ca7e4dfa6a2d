"""Several views of one image, their probabilities averaged: the image mirrored, and the image at other scales.

A common practice of the field, for example Chen et al., DeepLab, TPAMI 2018, arXiv:1606.00915, section 4.3 (there the
maximum over scales; here the mean over all views).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def ensemble(
    network: Network, activation: Network, image: NDArray[np.float32], scales: tuple[float, ...], flips: bool
) -> NDArray[np.float32]:
    """(C, H, W) -> mean probabilities (K, H, W), over the scales, and over left and right where `flips`.

    activation: logits (K, h, w), which it may overwrite, -> probabilities.
    """
    total: NDArray[np.float32] | None = None
    for scale in scales:
        scaled = resized(image, _scaled(image.shape[1], scale), _scaled(image.shape[2], scale))
        seen = activation(network(scaled))
        if flips:
            seen += activation(network(np.ascontiguousarray(scaled[:, :, ::-1])))[:, :, ::-1]
        seen = resized(seen, *image.shape[1:])
        total = seen if total is None else np.add(total, seen, out=total)
    assert total is not None
    total /= np.float32(len(scales) * (2 if flips else 1))
    return total


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the first axis of (K, H, W), in place."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits


def sigmoid(logits: NDArray[np.float32], calibration: tuple[float, float] = (1.0, 0.0)) -> NDArray[np.float32]:
    """1 / (1 + exp(-(a logit + b))) with calibration (a, b), a new array."""
    from scipy.special import expit

    a, b = calibration
    return expit(np.float32(a) * logits + np.float32(b))


def resized(planes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """(N, h, w) -> (N, height, width), bilinear, averaged where it shrinks; the same array when the size is right."""
    if planes.shape[1:] == (height, width):
        return planes
    from PIL import Image as Pillow

    out = np.empty((len(planes), height, width), np.float32)
    for plane, target in zip(planes, out, strict=True):
        picture = Pillow.fromarray(np.ascontiguousarray(plane))
        target[...] = np.asarray(picture.resize((width, height), Pillow.Resampling.BILINEAR))
    return out


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))
