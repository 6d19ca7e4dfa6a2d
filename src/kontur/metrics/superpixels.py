"""How well superpixels keep the objects' outlines and the image's colours: nine numbers a label map.

    labels (H, W), truth (H, W), image (H, W[, C]) -> SuperpixelScores

Definitions: Stutz, Hermans, Leibe, "Superpixels: an evaluation of the state of the art", CVIU 166, 2018,
arXiv:1612.01601, and the papers it names; Neubert and Protzel, "Superpixel benchmark and comparison", 2012;
Levinshtein et al., "TurboPixels", TPAMI 31(12), 2009; Schick et al., "Measuring and evaluating the compactness of
superpixels", ICPR 2012.

Written S for a superpixel, G for a region of the truth, N for the number of pixels, |.| for areas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.segmentation import Segmentation
from ..kernels.overlaps import dense, overlaps
from .arrays import labels_of, same_size
from .counts import Means
from .superpixels_kernel import boundary, colour_sums, near, perimeters_of

TOLERANCE = 0.0025
"""Radius within which two boundary pixels meet, as a share of the image's diagonal."""


@dataclass(frozen=True)
class SuperpixelScores:
    """The nine numbers; NaN where one is undefined.

    boundary_recall: truth boundary pixels with a superpixel boundary inside the (2r + 1)^2 square / truth boundary
        pixels; r = round(0.0025 diagonal); NaN if the truth is one region.
    boundary_precision: those hits / (hits + superpixel boundary pixels with no truth boundary in the square).
    undersegmentation_error: sum over S of (|S| - largest overlap with one G) / N = 1 - achievable_accuracy.
    undersegmentation_error_np: Neubert and Protzel: sum over touching G, S of min(|S and G|, |S without G|) / N.
    undersegmentation_error_levinshtein: mean over the values 0..max of the truth map as it is given (a value without
        pixels counts 0) of (areas of all S touching G - |G|) / |G|; not bounded by 1.
    achievable_accuracy: share of pixels right if each S took the truth it covers most.
    explained_variation: variance of the S' mean colours / variance of the pixels, bands summed, in float64; NaN for an
        image of one colour.
    compactness: sum over S of |S| / N * 4 pi |S| / P^2, P = pixel edges to other labels and to the outside.
    contour_density: share of pixels with a 4-neighbour of another superpixel.
    """

    protocol: ClassVar[str] = (
        "superpixels: boundary pixel = a 4-neighbour has another label; near = inside the (2r+1)x(2r+1) square, "
        "r = round(0.0025 x diagonal); one label value = one superpixel; one truth map; explained variation on the "
        "image's own values in float64; perimeter with the image border"
    )

    boundary_recall: float
    boundary_precision: float
    undersegmentation_error: float
    undersegmentation_error_np: float
    undersegmentation_error_levinshtein: float
    achievable_accuracy: float
    explained_variation: float
    compactness: float
    contour_density: float

    def to_dict(self) -> dict[str, str | float]:
        """`protocol` and the nine fields."""
        return {"protocol": self.protocol} | {f.name: getattr(self, f.name) for f in fields(self)}


def superpixel_scores(
    labels: NDArray | Segmentation, truth: NDArray | Segmentation, image: NDArray | Image
) -> SuperpixelScores:
    """Score superpixels against one truth map.

    labels: (H, W) integers, each value one superpixel, connected or not.
    truth:  (H, W) integers from 0; each value one region.
    image:  (H, W) or (H, W, C) of the same size; any number of bands, in its own units.

    Raises InputError for sizes that differ (both are named), maps that are not integers (H, W), negative truth values.
    """
    superpixels, regions = labels_of(labels, "superpixel labels"), labels_of(truth, "truth")
    pixels = _pixels(image)
    same_size("superpixel labels", superpixels.shape, "truth", regions.shape)
    same_size("superpixel labels", superpixels.shape, "image", pixels.shape[:2])
    if int(regions.min()) < 0:
        raise InputError(
            f"truth: expected region numbers from 0, got {int(regions.min())}. Number the regions 0, 1, 2.."
        )

    height, width = superpixels.shape
    count = superpixels.size
    highest = int(regions.max())
    superpixels, regions = dense(superpixels), dense(regions)

    ours, theirs = boundary(superpixels), boundary(regions)
    radius = round(TOLERANCE * math.hypot(height, width))
    hits = int((near(ours, radius) & theirs).sum())
    wrong = int((ours & ~near(theirs, radius)).sum())
    outline = int(theirs.sum())

    of, region, pixels_shared = overlaps(superpixels, regions, int(superpixels.max()) + 1, int(regions.max()) + 1)
    areas = np.bincount(of, weights=pixels_shared).astype(np.int64)
    region_areas = np.bincount(region, weights=pixels_shared).astype(np.int64)
    perimeters = perimeters_of(superpixels, len(areas))
    used, present = areas > 0, region_areas > 0
    best = np.zeros(len(areas), np.int64)
    np.maximum.at(best, of, pixels_shared)
    achieved = int(best.sum()) / count
    touching = np.bincount(region, weights=areas[of])
    leaks = (touching[present] - region_areas[present]) / region_areas[present]
    return SuperpixelScores(
        boundary_recall=hits / outline if outline else math.nan,
        boundary_precision=hits / (hits + wrong) if hits + wrong else math.nan,
        undersegmentation_error=1 - achieved,
        undersegmentation_error_np=int(np.minimum(pixels_shared, areas[of] - pixels_shared).sum()) / count,
        undersegmentation_error_levinshtein=float(leaks.sum()) / (highest + 1),
        achievable_accuracy=achieved,
        explained_variation=_explained_variation(superpixels, areas, pixels),
        compactness=float((4 * math.pi * (areas[used] / perimeters[used]) ** 2).sum()) / count,
        contour_density=int(ours.sum()) / count,
    )


def mean_superpixel_scores(scores: Iterable[SuperpixelScores]) -> SuperpixelScores:
    """The mean of each number, over images or over the annotators of one image; undefined values are left out.

    For several annotators: `mean_superpixel_scores(superpixel_scores(labels, truth, image) for truth in truths)`.
    """
    means = Means([f.name for f in fields(SuperpixelScores)])
    for one in scores:
        means.update(np.array([[getattr(one, name) for name in means.names]]))
    return SuperpixelScores(**means.means())


def _pixels(image: NDArray | Image) -> NDArray:
    """(H, W, C) real and finite."""
    pixels = image.pixels if isinstance(image, Image) else np.asarray(image)
    real = np.issubdtype(pixels.dtype, np.number) and not np.iscomplexobj(pixels)
    if pixels.ndim not in (2, 3) or not (real or pixels.dtype == bool):
        raise InputError(f"image: expected real numbers (H, W) or (H, W, C), got {pixels.dtype} {pixels.shape}")
    if np.issubdtype(pixels.dtype, np.floating) and not np.isfinite(pixels).all():
        raise InputError("image: expected finite values, got NaN or infinity. Fill them first, e.g. numpy.nan_to_num")
    if pixels.dtype in (bool, np.float16):
        pixels = pixels.astype(np.float32)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _explained_variation(superpixels: NDArray[np.int32], areas: NDArray[np.int64], pixels: NDArray) -> float:
    sums, total = colour_sums(superpixels, np.ascontiguousarray(pixels), len(areas))
    used = areas > 0
    between = float(((sums[used] ** 2).sum(axis=1) / areas[used]).sum())
    return between / total if total > 0 else math.nan
