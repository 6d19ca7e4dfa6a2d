"""How well the outline of a mask is met: Boundary IoU, the DAVIS measures, trimap IoU, Hausdorff and surface distances.

    prediction, truth (H, W) masks --> a share in [0, 1]        boundary_iou, davis_j, davis_f, trimap_iou
    masks (H, W) or (D, H, W)      --> a length                 surface_distances, hausdorff95, average_surface_distance

A mask is bool or integer; every non-zero pixel belongs to the object. A `Segmentation` gives its foreground.

Sources: Cheng et al., "Boundary IoU", CVPR 2021, arXiv:2103.16562; Perazzi et al., "A benchmark dataset and
evaluation methodology for video object segmentation" (DAVIS), CVPR 2016; Kohli, Ladicky, Torr, "Robust higher order
potentials for enforcing label consistency", IJCV 82, 2009 (the trimap); Heimann et al., "Comparison and evaluation of
methods for liver segmentation from CT datasets", TMI 28(8), 2009 (surface distances).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from .arrays import MaskLike, Scores, object_of, same_size
from .boundaries_kernel import distance_to_other, eroded, share_near
from .contours import label_boundaries

SURFACE_PROTOCOL = (
    "surface = mask voxels with a face neighbour that is off or outside; Hausdorff 95 = the greater of the two "
    "directions' 95th percentiles (linear interpolation), average = mean of both directions' distances pooled; both "
    "masks empty: NaN, one empty: infinite"
)

PROTOCOL = (
    "mask boundaries: Boundary IoU with d = max(1, round({ratio:g} x diagonal)), the image border counts, both bands "
    "empty: NaN; DAVIS J, and DAVIS F within a disk of ceil(0.008 x diagonal) pixels, both masks empty: 1; trimap IoU "
    "of the object over the pixels at most w from the other truth label; " + SURFACE_PROTOCOL
)


@dataclass(frozen=True)
class SurfaceDistances(Scores):
    """Distances between the surfaces of two masks, in the units of the spacing.

    A mask's surface are its voxels with a face neighbour (4 in the plane, 6 in space) that is off or outside the image,
    as MONAI takes it; the distance of a voxel is that to the nearest surface voxel of the other mask, centre to centre.

    hausdorff:     the greatest distance, over both directions.
    hausdorff95:   the greater of the two directions' 95th percentiles (linear interpolation; MONAI's definition, not
                   the percentile of both directions pooled).
    average:       mean over both directions' distances pooled (ASSD).
    average_prediction_to_truth, average_truth_to_prediction: each direction's mean.

    Both masks empty: all NaN. One empty: all infinite.
    """

    protocol: str
    hausdorff: float
    hausdorff95: float
    average: float
    average_prediction_to_truth: float
    average_truth_to_prediction: float


@dataclass(frozen=True)
class MaskBoundaryScores:
    """All of this file for one pair of masks (H, W). trimap_iou: by width, in the order given."""

    protocol: str
    boundary_iou: float
    davis_j: float
    davis_f: float
    trimap_iou: dict[int, float]
    hausdorff95: float
    average_surface_distance: float

    def to_dict(self) -> dict[str, object]:
        return vars(self) | {"trimap_iou": {str(w): v for w, v in self.trimap_iou.items()}}


def mask_boundary_scores(
    prediction: MaskLike,
    truth: MaskLike,
    *,
    ratio: float = 0.02,
    widths: Sequence[int] = (1, 2, 4, 8),
    spacing: float | Sequence[float] = 1.0,
) -> MaskBoundaryScores:
    """Boundary IoU, DAVIS J and F, trimap IoU, Hausdorff 95 and average surface distance of two masks (H, W)."""
    ours, theirs = _masks(prediction, truth)
    distances = surface_distances(ours, theirs, spacing=spacing)
    return MaskBoundaryScores(
        PROTOCOL.format(ratio=ratio),
        boundary_iou(ours, theirs, ratio),
        davis_j(ours, theirs),
        davis_f(ours, theirs),
        trimap_iou(ours, theirs, widths),
        distances.hausdorff95,
        distances.average,
    )


# --- shares ---------------------------------------------------------------------------------------------------------


def boundary_iou(prediction: MaskLike, truth: MaskLike, ratio: float = 0.02) -> float:
    """IoU of the two masks' boundary bands; NaN if both bands are empty.

    The band of a mask are its pixels at most d = max(1, round(ratio * diagonal)) from the outside (3x3 erosion, d
    times); outside the image is background, so an object cut by the image border has a band there.
    """
    if not (math.isfinite(ratio) and ratio > 0):
        raise OptionError(f"ratio: expected a positive share of the diagonal, got {ratio}")
    ours, theirs = _masks(prediction, truth)
    width = max(1, round(ratio * math.hypot(*ours.shape)))
    our_band, their_band = ours & ~eroded(ours, width), theirs & ~eroded(theirs, width)
    union = int((our_band | their_band).sum())
    return int((our_band & their_band).sum()) / union if union else math.nan


def davis_j(prediction: MaskLike, truth: MaskLike) -> float:
    """Region similarity: IoU of the masks; 1 if both are empty."""
    ours, theirs = _masks(prediction, truth)
    union = int((ours | theirs).sum())
    return int((ours & theirs).sum()) / union if union else 1.0


def davis_f(prediction: MaskLike, truth: MaskLike) -> float:
    """Contour accuracy: F of the boundary pixels that lie within ceil(0.008 * diagonal) pixels of the other boundary.

    A boundary pixel differs from its east, south or south-east neighbour; the last row and column compare along
    themselves, the corner never. Any number of pixels may meet the same one. One side without boundary: 0; both: 1.
    """
    ours, theirs = _masks(prediction, truth)
    radius = math.ceil(0.008 * math.hypot(*ours.shape))
    our_line, their_line = label_boundaries(ours), label_boundaries(theirs)
    if not our_line.any() or not their_line.any():
        return 1.0 if not our_line.any() and not their_line.any() else 0.0
    offsets = _disk(radius)
    precision = share_near(our_line, their_line, offsets)
    recall = share_near(their_line, our_line, offsets)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def trimap_iou(prediction: MaskLike, truth: MaskLike, widths: Sequence[int] = (1, 2, 4, 8)) -> dict[int, float]:
    """IoU of the object counted near the truth's outline only, for each width w in pixels; NaN where nothing is.

    Near: a pixel of the other truth label lies at most w away (Euclidean, between centres), so a band of width w takes
    w pixels on either side of a straight outline.
    """
    widths = [int(w) for w in widths]
    if not widths or min(widths) < 1:
        raise OptionError(f"widths: expected whole numbers of pixels from 1, got {widths}")
    ours, theirs = _masks(prediction, truth)
    reach = distance_to_other(theirs, max(widths), _disk(max(widths)))
    scores = {}
    for width in widths:
        band = reach <= width * width
        union = int((band & (ours | theirs)).sum())
        scores[width] = int((band & ours & theirs).sum()) / union if union else math.nan
    return scores


# --- lengths --------------------------------------------------------------------------------------------------------


def hausdorff95(prediction: MaskLike, truth: MaskLike, *, spacing: float | Sequence[float] = 1.0) -> float:
    """The greater of the two directions' 95th percentiles of surface distances; see `SurfaceDistances`."""
    return surface_distances(prediction, truth, spacing=spacing).hausdorff95


def average_surface_distance(prediction: MaskLike, truth: MaskLike, *, spacing: float | Sequence[float] = 1.0) -> float:
    """The mean surface distance over both directions together; see `SurfaceDistances`."""
    return surface_distances(prediction, truth, spacing=spacing).average


def surface_distances(
    prediction: MaskLike, truth: MaskLike, *, spacing: float | Sequence[float] = 1.0
) -> SurfaceDistances:
    """Hausdorff and average distances between the surfaces of two masks (H, W) or (D, H, W).

    spacing: the size of a voxel along each axis, in the array's order; one number for all axes.
    """
    from scipy.spatial import cKDTree

    ours, theirs = _masks(prediction, truth, dimensions=(2, 3))
    steps = np.asarray(spacing, np.float64)
    if steps.ndim == 0:
        steps = np.full(ours.ndim, float(steps))
    if steps.shape != (ours.ndim,) or not (np.isfinite(steps) & (steps > 0)).all():
        raise OptionError(f"spacing: expected a positive number or {ours.ndim} of them (one an axis), got {spacing}")
    our_surface, their_surface = (np.argwhere(_surface(m)) * steps for m in (ours, theirs))
    protocol = f"surface distances, spacing {'x'.join(f'{s:g}' for s in steps)}: {SURFACE_PROTOCOL}"
    if not len(our_surface) or not len(their_surface):
        value = math.inf if len(our_surface) or len(their_surface) else math.nan
        return SurfaceDistances(protocol, value, value, value, value, value)
    # Nearest neighbours among the surface voxels alone: the memory grows with the surface and not with the volume.
    forward, backward = (
        np.asarray(cKDTree(there, balanced_tree=False, compact_nodes=False).query(here)[0])
        for here, there in ((our_surface, their_surface), (their_surface, our_surface))
    )
    return SurfaceDistances(
        protocol,
        float(max(forward.max(), backward.max())),
        float(max(np.percentile(forward, 95), np.percentile(backward, 95))),
        float((forward.sum() + backward.sum()) / (len(forward) + len(backward))),
        float(forward.mean()),
        float(backward.mean()),
    )


# --- the parts ------------------------------------------------------------------------------------------------------


def _masks(
    prediction: MaskLike, truth: MaskLike, dimensions: tuple[int, ...] = (2,)
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    ours, theirs = object_of(prediction, "prediction", dimensions), object_of(truth, "truth", dimensions)
    same_size("prediction", ours.shape, "truth", theirs.shape)
    return ours, theirs


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Set voxels with a face neighbour that is off or outside."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        along, core = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)
        core[1:] &= along[:-1]
        core[:-1] &= along[1:]
        core[0] = core[-1] = False
    return mask & ~inner


def _disk(radius: int) -> NDArray[np.int64]:
    """Steps (dy, dx) of length at most `radius`, the shortest first, (n, 2)."""
    steps = np.arange(-radius, radius + 1)
    length = steps[:, None] ** 2 + steps**2
    inside = np.argwhere(length <= radius * radius) - radius
    return inside[np.argsort((inside**2).sum(axis=1), kind="stable")]
