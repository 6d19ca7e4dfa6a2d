"""From prompts to labels: which label a pixel may have, which it starts with, which stroke it is nearest to.

Source: the seeds of Boykov & Jolly, ICCV 2001; the nearest stroke by geodesic distance: Bai & Sapiro, IJCV 82(2), 2009.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.prompts import Prompts
from ..kernels.colour_models import first_model
from ..kernels.geodesic_distance import geodesic_distance

Boxes = tuple[tuple[int, int, int, int], ...]
Known = dict[tuple[int, float], tuple[NDArray[np.bool_], NDArray[np.float32]]]
"""(label, far) -> where its strokes were, and the distances to them."""


def seeds_of(prompts: Prompts, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Strokes and points in one map (H, W); a point marks 3 x 3 pixels, less what is marked exactly otherwise."""
    exact = prompts.seeds(shape)
    return np.where(exact > 0, exact, prompts.seeds(shape, radius=1))


def allowed_labels(seeds: NDArray[np.int32], boxes: Boxes) -> NDArray[np.bool_]:
    """Which label a pixel may have: (L, H, W) bool; 0 background, 1.. objects."""
    objects = max(len(boxes), int(seeds.max(initial=1)) - 1)
    if objects == 0:
        raise PromptError(
            "strokes: expected an object (label 2) beside the background, got only background. Mark it or give a box."
        )
    allowed = np.ones((objects + 1, *seeds.shape), bool)
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        outside = np.ones(seeds.shape, bool)
        outside[y0:y1, x0:x1] = False
        allowed[index + 1][outside] = False
    background_marked = bool((seeds == 1).any())
    if len(boxes) < objects and not background_marked:
        raise PromptError(
            f"strokes: expected background strokes (label 1) or a box for each object, got {objects} objects, "
            f"{len(boxes)} boxes and no background"
        )
    surroundings = ~allowed[1:].any(0)
    if boxes and not background_marked and not surroundings.any():
        x0, y0, x1, y1 = boxes[0]
        raise PromptError(
            f"box: expected background around it to learn from, got {x0},{y0},{x1},{y1} of {seeds.shape[1]}x{seeds.shape[0]} "
            "pixels. Give a smaller box, or mark background with strokes."
        )
    for label in range(objects + 1):
        allowed[label] = np.where(seeds > 0, seeds == label + 1, allowed[label])
    return allowed


def box_labels(boxes: Boxes, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Every pixel starts as the object of the smallest box that holds it."""
    labels = np.zeros(shape, np.int32)
    by_size = sorted(enumerate(boxes), key=lambda item: -(item[1][2] - item[1][0]) * (item[1][3] - item[1][1]))
    for index, (x0, y0, x1, y1) in by_size:
        labels[y0:y1, x0:x1] = index + 1
    return labels


def obeying(labels: NDArray[np.int32], allowed: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Labels that are not allowed become the highest one that is."""
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    highest = len(allowed) - 1 - allowed[::-1].argmax(0)
    return np.where(allowed[labels, rows, columns], labels, highest).astype(np.int32)


def geodesic_pull(
    pixels: NDArray[np.float32],
    seeds: NDArray[np.int32],
    count: int,
    spatial: float,
    far: float = 1e9,
    known: Known | None = None,
) -> NDArray[np.float32]:
    """A cost (L, H, W) in [0, 1] that falls with the nearness of a label's strokes.

    It is the share of a label's distance in the sum of its distance and the nearest other's. No distance counts for more
    than `far`: where no stroke is nearer, all labels cost 1/2.

    known: what this function keeps for its next call with the same pixels: distances grow shorter as strokes are added, so
    the sweeps go on from the last ones, to the same end.
    """
    distance = np.full((count, *seeds.shape), far, np.float32)
    for label in range(count):
        marked = seeds == label + 1
        if marked.any():
            before = None if known is None else known.get((label, far))
            going_on = before is not None and not (before[0] & ~marked).any()
            # Nothing spreads from a pixel that is `far`, so the sweeps end early where strokes reach no further.
            start = np.where(marked, np.float32(0), before[1] if before and going_on else np.float32(far))
            distance[label] = geodesic_distance(pixels, start, spatial)
            if known is not None:
                known[label, far] = (marked, distance[label])
    cost = np.empty_like(distance)
    for label in range(count):
        other = np.delete(distance, label, axis=0).min(0)
        cost[label] = distance[label] / np.maximum(distance[label] + other, np.float32(1e-6))
    return cost


def marked_seeds(
    prompts: Prompts, shape: tuple[int, int], *, middle: float = 0.0
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int32]]:
    """Prompts for methods that do not learn on: (seeds, allowed, examples).

    seeds: (H, W), 0 unmarked, 1 background (also everything outside all boxes), 2.. objects. With `middle` > 0 an object with
    a box and without strokes is marked in this share of its box's sides. allowed: (L, H, W) as from `allowed_labels`.
    examples: (H, W), seeds, and where an object has no mark at all, the whole of its box.
    """
    seeds = seeds_of(prompts, shape)
    allowed = allowed_labels(seeds, prompts.boxes)
    marked = set(np.unique(seeds).tolist())
    seeds = np.where(~allowed[1:].any(0), np.int32(1), seeds)
    examples = seeds.copy()
    for index, (x0, y0, x1, y1) in enumerate(prompts.boxes):
        if index + 2 in marked:
            continue
        if middle:
            cut_x, cut_y = int((x1 - x0) * (1 - middle) / 2), int((y1 - y0) * (1 - middle) / 2)
            core = (slice(y0 + cut_y, y1 - cut_y), slice(x0 + cut_x, x1 - cut_x))
            seeds[core] = np.where(seeds[core] == 0, index + 2, seeds[core])
            examples[core] = np.where(examples[core] == 0, index + 2, examples[core])
        else:
            window = examples[y0:y1, x0:x1]
            window[window == 0] = index + 2
    for label in range(1, len(allowed) + 1):
        if not (examples == label).any():
            what = "the background" if label == 1 else f"object {label}"
            raise PromptError(f"strokes: expected a mark of {what}, got none that lies in its place")
    return seeds, allowed, examples


def seed_costs(seen: NDArray[np.float32], examples: NDArray[np.int32], count: int, seed: int) -> NDArray[np.float32]:
    """-log likelihood of each pixel under the colours of each label's examples, less the best: (L, H, W) in [0, 10].

    The bound keeps a colour that no model knows from outvoting its neighbours. seen: (C, H·W).
    """
    random = np.random.default_rng(seed)
    flat = examples.ravel()
    costs = np.stack(
        [
            first_model(np.ascontiguousarray(seen[:, flat == v]), 5, 20.0, random).costs(seen)[0]
            for v in range(1, count + 1)
        ]
    )
    return np.minimum(costs - costs.min(0), 10).reshape(-1, *examples.shape)
