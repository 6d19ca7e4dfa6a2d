"""Graph cut with seeds: the cheapest border between what is marked as object and what is marked as background.

Paper: Boykov & Jolly, "Interactive Graph Cuts for Optimal Boundary & Region Segmentation of Objects in N-D Images",
ICCV 2001.

    seeds -> colour models (the paper's R) + contrast links (its B) -> one minimum cut -> labels (H, W)

Differs from the paper: Gaussian mixtures instead of grey histograms, so that any number of bands works; several objects
by alpha expansion; a box marks all around it as background.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from ..core.image import Image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from ..graph.alpha_expansion import expand
from ..kernels.colour_models import contrast_links, features
from ..kernels.grid_maxflow import GridGraph
from .prompt_labels import marked_seeds, obeying, seed_costs

_HELD = np.float32(20_000)
_SCALE = 4096.0


@method
def graph_cut(
    image: Image,
    prompts: Prompts,
    *,
    region: Annotated[
        float, Option("weight of the colour models against the borders (the paper's lambda)", 0, 100)
    ] = 1.0,
    gamma: Annotated[float, Option("price of a border where neighbours are equal", 0, 1000)] = 50.0,
    seed: Annotated[int, Option("random seed of the colour models", 0)] = 0,
) -> Segmentation:
    """Cut along the cheapest border between the seeds (Boykov & Jolly 2001): background 1, objects 2, 3, ..

    The marked pixels keep their label. A box marks everything outside it as background and, without strokes for its object,
    gives the object's colours as a whole; the object stays inside. One cut, no iterations: `grabcut` learns on.

    One region where a box alone holds the same colours as its surroundings: nothing inside is marked as object, so cutting nothing
    out is cheapest. A stroke on the object forbids it.

    Raises PromptError for strokes of one label only without a box, and for a box without background around it.
    """
    pixels = image.unit() * np.float32(255)
    _, allowed, examples = marked_seeds(prompts, image.shape)
    costs = np.float32(region) * seed_costs(features(pixels, 0), examples, len(allowed), seed)
    links = contrast_links(pixels, gamma)
    if len(allowed) == 2:
        gain = np.rint((costs[0] - costs[1]) * np.float32(_SCALE)).astype(np.int32)
        held = np.where(allowed[1], np.int32(1 << 28), np.int32(-(1 << 28)))
        terminals = np.where(allowed.all(0), gain, held)
        arcs = np.rint(links * np.float32(_SCALE)).astype(np.int32)
        return Segmentation.from_objects(GridGraph(arcs).cut(terminals).astype(np.int32))
    costs = np.where(allowed, costs, _HELD)
    return Segmentation.from_objects(expand(costs, links, obeying(costs.argmin(0).astype(np.int32), allowed)))
