"""What clustering methods see of a pixel, and how their clusters become segments.

Features are made so that one unit is about "black to white": the weights of colour and position then mean the same in
every colour space and image type.

    Image -> colour_features (H, W, F) float32 -> labels (H, W) -> segments_of_clusters
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.options import Option
from kontur.core.segmentation import Provenance, Segmentation

Space = Annotated[
    Literal["lab", "rgb", "hsv"], Option("colour space of 3-band images; others use all bands as they are")
]
Position = Annotated[
    float, Option("weight of position against colour; 1: the longer side counts like black to white", 0, 100)
]
Clusters = Annotated[int, Option("number of clusters", 1, 256, "clusters")]
Seed = Annotated[int, Option("random seed", 0)]


def colour_features(image: Image, space: str = "lab", position: float = 0.0) -> tuple[NDArray[np.float32], str]:
    """Features (H, W, F) float32 of every pixel, and a note for the provenance on the bands used ("" when plain).

    lab: L*, a*, b* over 100.   rgb: in [0, 1].   hsv: its cone, (s v cos h, s v sin h, v), where close hues stay close
    round the circle and black has none.   One band: its grey value.   Other band counts: all of them in [0, 1].
    position: appends x and y, in [0, position] along the longer side.
    """
    note = ""
    if image.channels == 3:
        rgb = image.rgb()
        if space == "lab":
            from kontur.kernels.colour import rgb_to_lab

            features = rgb_to_lab(rgb) / np.float32(100)
        else:
            features = _hsv_cone(rgb) if space == "hsv" else rgb
    else:
        features = image.unit()
        if image.channels > 1:
            note = f"all {image.channels} bands used as they are"
    return with_position(features, position), note


def with_position(features: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Append x and y (H, W, F + 2), scaled to [0, weight] along the longer side; unchanged when weight is 0."""
    if weight == 0:
        return features
    height, width = features.shape[:2]
    step = np.float32(weight / max(height, width))
    y = np.broadcast_to((np.arange(height, dtype=np.float32) * step)[:, None, None], (height, width, 1))
    x = np.broadcast_to((np.arange(width, dtype=np.float32) * step)[None, :, None], (height, width, 1))
    return np.concatenate([features, x, y], axis=2)


def standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each of the last axis' features with mean 0 and standard deviation 1; a constant one becomes 0."""
    flat = features.reshape(-1, features.shape[-1])
    mean = flat.mean(axis=0, dtype=np.float64)
    deviation = flat.std(axis=0, dtype=np.float64)
    known = deviation > 1e-6 * np.maximum(1.0, np.abs(mean))
    scale = np.where(known, 1 / np.where(known, deviation, 1), 0)
    return ((features - mean.astype(np.float32)) * scale.astype(np.float32)).astype(np.float32)


def sample(points: NDArray, most: int, seed: int) -> NDArray:
    """At most `most` of the points (N, F), drawn without replacement in their order: all when there are no more."""
    if len(points) <= most:
        return points
    chosen = np.random.default_rng(seed).choice(len(points), most, replace=False, shuffle=False)
    return np.ascontiguousarray(points[np.sort(chosen)])


def segments_of_clusters(labels: NDArray[np.int32], image: Image, note: str = "") -> Segmentation:
    """One segment a cluster, connected or not: ids 1, 2, .. from the darkest to the brightest (mean grey value).

    labels: (H, W), 0.. ; a cluster without pixels gets no segment.
    """
    count = np.bincount(labels.ravel())
    light = np.bincount(labels.ravel(), weights=image.grey().ravel().astype(np.float64)) / np.maximum(count, 1)
    order = [k for k in np.argsort(light, kind="stable") if count[k]]
    table = np.zeros(len(count), np.int32)
    table[order] = np.arange(1, len(order) + 1)
    return with_note(Segmentation.from_ids(table[labels]), note)


def with_note(result: Segmentation, note: str) -> Segmentation:
    """The result with a note for its provenance, which `@method` completes; unchanged when the note is empty."""
    return replace(result, provenance=Provenance("", notes=(note,))) if note else result


def _hsv_cone(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """(s v cos h, s v sin h, v): s v is the chroma, the largest minus the smallest of the three bands."""
    value, low = rgb.max(axis=2), rgb.min(axis=2)
    chroma = value - low
    safe = np.where(chroma > 0, chroma, 1)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    sixth = np.where(
        value == red,
        ((green - blue) / safe) % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    angle = sixth * np.float32(np.pi / 3)
    return np.stack([chroma * np.cos(angle), chroma * np.sin(angle), value], axis=2).astype(np.float32)
