"""The human segmentations of BSDS500 and BSDS300: MATLAB files, several annotators an image.

groundTruth/{train,val,test}/<image>.mat    groundTruth{i}.Segmentation (H, W) region numbers from 1
                                            groundTruth{i}.Boundaries   (H, W) 0/1, one pixel wide
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UnreadableFile


@dataclass(frozen=True, eq=False)
class HumanSegmentation:
    """One annotator's drawing: regions (H, W) uint16 from 1, boundaries (H, W) bool."""

    regions: NDArray[np.uint16]
    boundaries: NDArray[np.bool_]


def read_bsds_truth(path: str | Path) -> tuple[HumanSegmentation, ...]:
    """Every annotator of one image. Raises UnreadableFile for a file that is missing, damaged or of another kind."""
    from scipy.io import loadmat

    try:
        with open(path, "rb") as file:
            content = loadmat(file, variable_names=["groundTruth"])  # type: ignore[arg-type]
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except Exception as error:  # loadmat raises many kinds for damaged files, zlib.error and TypeError among them
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableFile(
            f"{path}: expected a BSDS ground truth file (.mat, version 7 or older), got: {reason}"
        ) from None
    try:
        drawings = tuple(
            HumanSegmentation(_map(cell["Segmentation"]).astype(np.uint16), _map(cell["Boundaries"]) != 0)
            for cell in np.ravel(content["groundTruth"])
        )
    except (KeyError, IndexError, ValueError, TypeError):
        raise UnreadableFile(
            f"{path}: expected groundTruth{{i}}.Segmentation and .Boundaries, got other contents. "
            "Take the .mat files of the BSDS folder groundTruth/."
        ) from None
    shapes = {m.shape for d in drawings for m in (d.regions, d.boundaries)}
    if len(shapes) != 1:
        raise UnreadableFile(f"{path}: expected one size (H, W) for all annotators, got {sorted(shapes) or 'none'}")
    return drawings


def boundary_percent(drawings: Sequence[HumanSegmentation]) -> NDArray[np.uint8]:
    """How many percent of the annotators drew a boundary at each pixel, rounded: (H, W) uint8, 0..100.

    The target of `kontur.losses.edge_loss`. A pixel that anyone drew has at least 1 for up to 200 annotators.
    """
    return np.rint(100 * np.mean([d.boundaries for d in drawings], axis=0)).astype(np.uint8)


def _map(cell: NDArray) -> NDArray:
    """The (H, W) array inside MATLAB's nested cells and structures."""
    while cell.dtype == object:
        cell = cell.item()
    if cell.ndim != 2 or not cell.size:
        raise ValueError
    return cell
