"""Clustering, then classification: pixels fall into many clusters, and each cluster takes a label from the marks.

Source: Duda, Hart & Stork, Pattern Classification, 2nd edition, Wiley 2001, chapter 10 (unsupervised learning: clusters
first, labels afterwards); remote sensing calls it cluster labelling.

    Image -> k-means, K clusters -> majority of the marks in each; without marks, the label of the nearest marked
    cluster
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kontur.core.image import Image
from kontur.core.method import method
from kontur.core.options import Option
from kontur.core.prompts import Prompts
from kontur.core.segmentation import BACKGROUND, Segmentation

from .kmeans import lloyd
from .pixel_features import Position, Seed, Space, colour_features, with_note
from .pixel_forest import check_labels


@method
def cluster_classify(
    image: Image,
    prompts: Prompts,
    *,
    clusters: Annotated[int, Option("number of clusters before they are labelled", 2, 4096, "clusters")] = 64,
    space: Space = "lab",
    position: Position = 0.0,
    seed: Seed = 0,
) -> Segmentation:
    """Label every pixel by the marks that its colour cluster holds.

    Gives one segment a label, connected or not: 1 background, 2.. objects; marked pixels keep their label. Points count
    as squares of 5 pixels. Needs marks of two labels or more.
    """
    seeds = prompts.seeds(image.shape, radius=2)
    check_labels("cluster_classify", seeds)
    features, note = colour_features(image, space, position)
    centres, cluster = lloyd(features.reshape(-1, features.shape[2]), clusters, seed)
    labels = cluster_labels(centres, cluster, seeds.ravel())
    ids = np.where(seeds > 0, seeds, labels[cluster].reshape(seeds.shape))
    return with_note(Segmentation.from_ids(ids, background=BACKGROUND if (seeds == BACKGROUND).any() else None), note)


def cluster_labels(
    centres: NDArray[np.float32], cluster: NDArray[np.int32], seeds: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The label of each cluster, (K,): the one most of its marks have (equal: the lower), or the nearest marked one's.

    centres: (K, F).   cluster: (N,), each pixel's.   seeds: (N,), 0 unmarked.
    """
    votes = np.zeros((len(centres), int(seeds.max()) + 1), np.int64)
    marked = seeds > 0
    np.add.at(votes, (cluster[marked], seeds[marked]), 1)
    labels = votes.argmax(axis=1).astype(np.int32)
    known = np.flatnonzero(votes.any(axis=1))
    for k in np.flatnonzero(~votes.any(axis=1)):
        labels[k] = labels[known[((centres[known] - centres[k]) ** 2).sum(axis=1).argmin()]]
    return labels
