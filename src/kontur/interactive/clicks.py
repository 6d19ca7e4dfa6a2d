"""Clicks on superpixels: a click labels a whole superpixel, and labels grow by merging the most similar neighbours.

Paper: Ning, Zhang, Zhang & Wu, "Interactive Image Segmentation by Maximal Similarity Based Region Merging", Pattern
Recognition 43(2), 2010.

    SLIC superpixels -> colour histograms; clicked ones are labelled -> a region joins its neighbour if no neighbour of that one
    is more similar to it -> labels (H, W)

Differs from the paper: SLIC instead of mean shift; several objects, with the rule of the background for each label in turn;
at the end a region that nobody took joins its most similar labelled neighbour, instead of counting as object.
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

_LEVELS = 16
"""Histogram cells a band; three bands make 4096, as in the paper."""


@method
def clicks(
    image: Image,
    prompts: Prompts,
    *,
    segments: Annotated[int, Option("number of superpixels", 1, 20_000, "regions")] = 300,
    compactness: Annotated[float, Option("weight of position against colour in the superpixels", 0.001, 1000)] = 10.0,
) -> Segmentation:
    """Label whole superpixels by clicks or strokes and let the labels grow (Ning 2010): background 1, objects 2, 3, ..

    Without a mark of the background, the superpixels at the image's border that nobody marked are background. A superpixel
    with marks of several labels takes the most frequent one.

    Raises PromptError where no object is marked, and where only objects are and they cover the whole border.
    """
    from ..superpixels.slic import slic

    seeds = prompts.seeds(image.shape)
    objects = int(seeds.max()) - 1
    if objects < 1:
        raise PromptError("clicks: expected a mark of an object (label 2), got only background")
    regions = slic(image, segments=segments, compactness=compactness).ids - 1
    count = int(regions.max()) + 1
    votes = np.zeros((count, objects + 2), np.int64)
    np.add.at(votes, (regions.ravel(), seeds.ravel()), 1)
    labels = np.where(votes[:, 1:].any(1), votes[:, 1:].argmax(1) + 1, 0)
    if not (seeds == 1).any():
        rim = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
        labels[rim[labels[rim] == 0]] = 1
        if not (labels == 1).any():
            raise PromptError(
                "clicks: expected a mark of the background (label 1), got only objects, which cover the border"
            )
    neighbours = _adjacency(regions, count)
    labels = _grow(labels, neighbours, _histograms(image.rgb(), regions, count))
    return Segmentation.from_objects(labels[regions] - 1)


def _histograms(rgb: NDArray[np.float32], regions: NDArray, count: int) -> NDArray[np.float64]:
    """Colour histograms (N, 4096); each row adds up to the region's area."""
    cells = np.minimum((rgb * _LEVELS).astype(np.int64), _LEVELS - 1)
    cell = (cells[..., 0] * _LEVELS + cells[..., 1]) * _LEVELS + cells[..., 2]
    # Only the colours that occur get a column.
    used, column = np.unique(cell.ravel(), return_inverse=True)
    flat = regions.ravel().astype(np.int64) * len(used) + column
    return np.bincount(flat, minlength=count * len(used)).reshape(count, -1).astype(np.float64)


def _adjacency(regions: NDArray, count: int) -> list[set[int]]:
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for a, b in ((regions[:, 1:], regions[:, :-1]), (regions[1:], regions[:-1])):
        different = a != b
        for p, q in np.unique(np.stack([a[different], b[different]], axis=1), axis=0):
            neighbours[p].add(int(q))
            neighbours[q].add(int(p))
    return neighbours


def _grow(labels: NDArray, neighbours: list[set[int]], histograms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Labels (N,) > 0 for all regions: the paper's two stages until nothing merges, then the rest by similarity."""
    count = len(labels)
    owner = np.arange(count)  # which merged region an original one is part of
    labels = labels.copy()
    roots = np.sqrt(histograms / histograms.sum(1, keepdims=True))
    sums = histograms.copy()
    alive = np.ones(count, bool)

    def similarity(a: int, b: int) -> float:
        return float(roots[a] @ roots[b])  # the Bhattacharyya coefficient

    def join(kept: int, gone: int) -> None:
        sums[kept] += sums[gone]
        roots[kept] = np.sqrt(sums[kept] / sums[kept].sum())
        owner[owner == gone] = kept
        alive[gone] = False
        for n in neighbours[gone]:
            neighbours[n].discard(gone)
            if n != kept:
                neighbours[n].add(kept)
                neighbours[kept].add(n)
        neighbours[gone] = set()

    def merge_round(kind: int) -> bool:
        """Regions of a label (0: unmarked ones) take the unmarked neighbours that are most similar to them."""
        merged = False
        for region in np.flatnonzero(alive & (labels == kind)):
            if not alive[region]:
                continue
            for other in sorted(neighbours[region]):
                if other not in neighbours[region] or labels[other] != 0:
                    continue
                if max(sorted(neighbours[other]), key=lambda n: similarity(other, n)) == region:
                    join(int(region), other)
                    merged = True
        return merged

    while True:
        moved = False
        for label in range(1, int(labels.max()) + 1):
            while merge_round(label):
                moved = True
        if not merge_round(0) and not moved:
            break
    while (waiting := np.flatnonzero(alive & (labels == 0))).size:
        pairs = [(similarity(a, b), -a, -b) for a in map(int, waiting) for b in neighbours[a] if labels[b] > 0]
        _, a, b = max(pairs)
        join(-b, -a)
    return labels[owner]
