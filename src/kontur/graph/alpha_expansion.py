"""Alpha expansion: many labels by a sequence of minimum cuts.

Paper: Boykov, Veksler & Zabih, "Fast Approximate Energy Minimization via Graph Cuts", IEEE TPAMI 23(11), 2001. The
construction without auxiliary nodes: Kolmogorov & Zabih, IEEE TPAMI 26(2), 2004.

    energy(labels) = sum of costs[label of p, p] + sum over neighbours p, q with different labels of links[p, q]

An expansion lets every pixel either keep its label or take the label alpha; the best such move is one minimum cut. The
expansions go round until none lowers the energy, which then is at most twice the minimum.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from ..kernels.colour_models import contrast_links, features, first_model, learn
from ..kernels.graph_maxflow import SparseGraph
from ..kernels.grid_maxflow import GridGraph
from .alpha_expansion_kernel import energy_of, expansion

_SCALE = 4096.0
"""Energies are floats; the cuts are made in whole 1/4096ths, so a pixel's cost is right to 1.2e-4."""
_LARGEST = 20_000.0
"""No difference of costs is taken for larger: 2^31 / 4096, less the eight links of a pixel."""

_NOISE = 2.0
_CHANGES = 5
"""How often the colour models are learnt again."""


@method
def alpha_expansion(
    image: Image,
    prompts: Prompts | None = None,
    *,
    labels: Annotated[int, Option("number of labels without seeds", 1, 64)] = 6,
    gamma: Annotated[float, Option("weight of the borders against the colours", 0, 1000)] = 15.0,
    seed: Annotated[int, Option("random seed of the first colour models", 0)] = 0,
) -> Segmentation:
    """Cut an image into `labels` colour classes with short borders along its edges.

    Each label has one Gaussian colour model; models and labels are improved in turn until nothing changes. With points or
    scribbles there is one label for each label marked (1 is one like the others), a mixture of three Gaussians learnt from
    its marks, and the marks keep their label. One segment for each label that is left, not always connected.

    Raises PromptError for marks of one label only.
    """
    pixels = image.unit() * np.float32(255)
    height, width = image.shape
    seen = features(pixels, 0)
    links = contrast_links(pixels, gamma)
    random = np.random.default_rng(seed)
    if prompts is not None:
        return _from_seeds(image, prompts, seen, links, random)
    model = first_model(seen, labels, _NOISE, random)
    chosen = model.costs(seen)[1]
    for _ in range(_CHANGES):
        models = learn(seen, chosen, 1, _NOISE)
        # Equal weights: a label should not be cheap because it is large.
        costs = np.stack([m.costs(seen)[0] for m in models]).reshape(-1, height, width)
        costs = np.where(np.isfinite(costs), costs, np.float32(_LARGEST))
        start = chosen.reshape(height, width).astype(np.int32)
        smooth = expand(costs, links, start, rounds=1).ravel().astype(np.uint8)
        if np.array_equal(smooth, chosen):
            break
        chosen = smooth
    # Dark labels come first, so that the numbers mean something and do not hang on the first centres.
    brightness = np.bincount(chosen, seen[: image.channels].mean(0), labels) / np.maximum(
        np.bincount(chosen, None, labels), 1
    )
    return Segmentation.from_labels(brightness.argsort(kind="stable").argsort()[chosen].reshape(height, width))


def _from_seeds(
    image: Image, prompts: Prompts, seen: NDArray, links: NDArray, random: np.random.Generator
) -> Segmentation:
    seeds = prompts.seeds(image.shape, radius=1)
    marked = [int(v) for v in np.unique(seeds) if v]
    if len(marked) < 2:
        raise PromptError(f"seeds: expected at least two labels, got only label {marked[0] if marked else 'none'}")
    flat = seeds.ravel()
    costs = np.stack([first_model(seen[:, flat == v], 3, 20.0, random).costs(seen)[0] for v in marked])
    # A colour that no model knows says nothing; it must not outvote the neighbours.
    costs = np.minimum(costs - costs.min(0), 10).reshape(-1, *image.shape)
    for index, label in enumerate(marked):
        costs[:, seeds == label] = _LARGEST
        costs[index][seeds == label] = 0
    labels = expand(costs, links, costs.argmin(0).astype(np.int32))
    return Segmentation.from_labels(np.array(marked)[labels])


def expand(
    costs: NDArray[np.float32], links: NDArray[np.float32], labels: NDArray[np.int32], *, rounds: int = 10
) -> NDArray[np.int32]:
    """Lower the energy of labels on a grid by expansions: (H, W) int32 in 0..L-1.

    costs: (L, H, W) float32, finite.   links: (D, H, W) float32 >= 0, D = 4 or 8 in the order of
    `kontur.kernels.grid_maxflow.STEPS`, equal both ways.   rounds: at most, over all labels.
    The result's energy is never above that of the labels given.
    """
    labels = np.ascontiguousarray(labels, np.int32).copy()
    if len(costs) == 1:
        return np.zeros_like(labels)
    best = energy(costs, links, labels)
    unchanged, turn = 0, 0
    while unchanged < len(costs) and turn < rounds * len(costs):
        alpha = turn % len(costs)
        turn += 1
        terminals, arcs = expansion(costs, links, labels, alpha, _SCALE, _LARGEST)
        moved = np.where(GridGraph(arcs).cut(terminals), np.int32(alpha), labels)
        lower = energy(costs, links, moved)
        if lower < best:
            labels, best, unchanged = moved, lower, 1
        else:
            unchanged += 1
    return labels


def expand_graph(
    costs: NDArray, edges: NDArray[np.integer], weights: NDArray, labels: NDArray[np.integer], *, rounds: int = 10
) -> NDArray[np.int32]:
    """The same on a region graph: costs (L, N), edges (M, 2), weights (M,) >= 0, labels (N,) -> (N,) int32."""
    costs, weights = np.asarray(costs, np.float64), np.asarray(weights, np.float64)
    labels = np.asarray(labels, np.int32).copy()
    p, q = np.asarray(edges, np.int64).reshape(-1, 2).T
    nodes = np.arange(costs.shape[1])

    def value(candidate: NDArray) -> float:
        return float(costs[candidate, nodes].sum() + weights[candidate[p] != candidate[q]].sum())

    best, unchanged, turn = value(labels), 0, 0
    while unchanged < len(costs) and turn < rounds * len(costs):
        alpha = turn % len(costs)
        turn += 1
        both_keep = weights * (labels[p] != labels[q])
        p_keeps, q_keeps = weights * (labels[p] != alpha), weights * (labels[q] != alpha)
        gain = costs[labels, nodes] - costs[alpha]
        gain -= np.bincount(p, q_keeps - both_keep, len(nodes)) - np.bincount(q, q_keeps, len(nodes))
        graph = SparseGraph(len(nodes), np.stack([q, p], axis=1), p_keeps + q_keeps - both_keep, np.zeros(len(p)))
        moved = np.where(graph.cut(gain), np.int32(alpha), labels).astype(np.int32)
        lower = value(moved)
        if lower < best - 1e-9 * abs(best):
            labels, best, unchanged = moved, lower, 1
        else:
            unchanged += 1
    return labels


def energy(costs: NDArray[np.float32], links: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
    """The energy of a labelling (H, W); arguments as for `expand`."""
    return float(energy_of(costs, links, np.ascontiguousarray(labels, np.int32)))
