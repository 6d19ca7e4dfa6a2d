"""Random walker: label each pixel by the seed a random walk from it reaches first.

Paper: Grady, "Random Walks for Image Segmentation", IEEE TPAMI 28(11), 2006. The walk is never simulated: its
probabilities solve the combinatorial Dirichlet problem of the graph Laplacian, one linear system a label but one.

    image (H, W, C) + seeds (H, W) -> edge weights -> L_U x = -B^T M by multigrid -> probabilities -> the largest

Differs from the paper: squared differences are divided by ten times the standard deviation of the image and the root of
the number of bands, as scikit-image does, so that the same beta means the same; edges keep at least 10^-10.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.image import Image, as_image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import BACKGROUND, Segmentation

_WEAKEST = 1e-10  # of an edge: the graph stays connected


@method
def random_walker(
    image: Image,
    prompts: Prompts,
    *,
    beta: Annotated[float, Option("how strongly differences stop the walk", 0, 1e6)] = 90.0,
    tolerance: Annotated[float, Option("relative residual of the linear systems", 1e-14, 0.1)] = 1e-8,
) -> Segmentation:
    """Grow seeds of two or more labels into a full segmentation; segment ids are the labels (1 = background).

    Any number of bands. Fewer than two labels raise PromptError; labels may skip numbers.
    """
    seeds = prompts.seeds(image.shape)
    labels, probabilities = walker_probabilities(image, seeds, beta=beta, tolerance=tolerance)
    ids = labels[probabilities.argmax(axis=0)]
    return Segmentation.from_ids(ids, background=BACKGROUND if labels[0] == BACKGROUND else None)


def walker_probabilities(
    image: Image | NDArray, seeds: NDArray[np.integer], *, beta: float = 90.0, tolerance: float = 1e-8
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Where a walk from each pixel ends first: the K labels in rising order, and (K, H, W) probabilities that sum to 1.

    seeds: (H, W) integers, 0 = unmarked, at least two labels; else PromptError.
    """
    from ..kernels.graph_laplacian import LaplacianSolver
    from ..kernels.grid_graph import grid_rows

    image = as_image(image)
    if seeds.shape != image.shape:
        raise PromptError(f"seeds: expected the image's size {image.shape}, got {seeds.shape}")
    labels = np.unique(seeds)
    labels = labels[labels != 0].astype(np.int32)
    if len(labels) < 2:
        got = f"only label {labels[0]}" if len(labels) else "none"
        raise PromptError(f"seeds: expected at least two labels, got {got}. Mark background (1) and objects (2..).")
    right, down = _weights(image.unit(), beta)
    index = np.zeros(image.shape, np.int32)  # 0 = unmarked, else 1 + position of the label
    index[seeds != 0] = np.searchsorted(labels, seeds[seeds != 0]) + 1
    start, other, weight, pulls = grid_rows(right, down, index, len(labels))
    probabilities = (index == np.arange(1, len(labels) + 1)[:, None, None]).astype(np.float32)
    free = index == 0
    if free.any():
        solver = LaplacianSolver(start, other, weight, pulls.sum(axis=0))
        rest = np.ones(int(free.sum()))
        for k in range(len(labels) - 1):
            solution = np.clip(solver.solve(pulls[k], tolerance=tolerance), 0, 1)
            probabilities[k][free] = solution
            rest -= solution
        probabilities[-1][free] = np.maximum(rest, 0)
    return labels, probabilities


def _weights(bands: NDArray[np.float32], beta: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the edges to the right (H, W - 1) and down (H - 1, W)."""
    bands = bands.astype(np.float64)
    scale = -beta / (10 * (float(bands.std()) or 1.0) * np.sqrt(bands.shape[2]))

    def weight(differences: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.exp(scale * (differences**2).sum(axis=2)) + _WEAKEST

    return weight(np.diff(bands, axis=1)), weight(np.diff(bands, axis=0))
