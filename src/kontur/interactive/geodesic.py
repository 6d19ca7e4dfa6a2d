"""Geodesic segmentation: each pixel belongs to the stroke it is nearest to, over paths along which the colour model is steady.

Paper: Bai & Sapiro, "Geodesic Matting: A Framework for Fast Interactive Image and Video Segmentation and Matting",
IJCV 82(2), 2009.

    strokes -> P(label | colour) (L, H, W) -> distance to the strokes of each label over |grad P| -> nearest label (H, W)

Differs from the paper: Gaussian mixtures instead of kernel densities; a small price for length, without which regions of
equal probability have no nearest stroke; several objects, each against all other labels.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from ..kernels.colour_models import features
from ..kernels.geodesic_distance import geodesic_distance
from .prompt_labels import marked_seeds, obeying, seed_costs


@method
def geodesic(
    image: Image,
    prompts: Prompts,
    *,
    length: Annotated[
        float, Option("price of one pixel of path beside a change of probability from 0 to 1", 1e-6, 10)
    ] = 0.005,
    seed: Annotated[int, Option("random seed of the colour models", 0)] = 0,
) -> Segmentation:
    """Label each pixel by its geodesically nearest stroke (Bai & Sapiro 2009): background 1, objects 2, 3, ..

    Each object is connected to its strokes. A box marks everything outside it as background; without strokes for its object,
    the middle fifth of each of its sides marks the object.

    Raises PromptError for strokes of one label only without a box, and for a box without background around it.
    """
    pixels = image.unit() * np.float32(255)
    seeds, allowed, examples = marked_seeds(prompts, image.shape, middle=0.2)
    costs = seed_costs(features(pixels, 0), examples, len(allowed), seed)
    likelihood = np.exp(-costs)
    probability = likelihood / likelihood.sum(0)
    distance = np.stack(
        [
            geodesic_distance(
                np.ascontiguousarray(probability[label][..., None]),
                np.where(seeds == label + 1, np.float32(0), np.float32(np.inf)),
                length,
            )
            for label in range(len(allowed))
        ]
    )
    return Segmentation.from_objects(obeying(distance.argmin(0).astype(np.int32), allowed))
