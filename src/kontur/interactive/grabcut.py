"""GrabCut: cut objects out with a box, a few strokes, both, or nothing at all.

Paper: Rother, Kolmogorov & Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004.
Many objects: Boykov, Veksler & Zabih, IEEE TPAMI 23(11), 2001. Boxes without a person: `kontur.interactive.propose`.

    prompts -> labels -> [learn one colour mixture a label -> cut] x iterations -> labels (H, W), soft border

Differs from the paper: any number of objects; each covariance grows by a noise, as part of the energy; an object with a
box and no strokes is a little more likely in the middle of its box than in the corners (`_place_cost`), and starts as the
ellipse in its box at small size, where a pixel is seen with its local mean beside its colour (`features`); strokes without
a box start from the geodesically nearest stroke, and keep a pull towards it; large images are cut at half their size first.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image, as_image
from ..core.method import method
from ..core.options import Option
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from ..graph.alpha_expansion import energy, expand
from ..kernels.colour_models import ColourModel, contrast_links, features, first_model, learn
from ..kernels.geodesic_distance import geodesic_distance
from ..kernels.grid_maxflow import GridGraph
from .matte import soft_border
from .prompt_labels import Boxes, Known, allowed_labels, box_labels, geodesic_pull, obeying, seeds_of
from .propose import propose_boxes

# Fixed by trials on BSDS500 train and val photos with simulated prompts, none of the 20 (docs/log.md says which and how many):
# for strokes 21 to 42 photos a trial, for boxes 89 in the last one.
_NOISE = 1.0
"""Variance of the camera's noise, in grey levels of 255, squared."""
_TEXTURE = (3, 50.0)
"""The local mean: radius in pixels, and how like the colours must be."""
_COARSE_TEXTURE = (2, 1e4)
"""The same at smaller sizes, where halos around objects do no harm: the plain mean."""
_PULL = 4.0
"""How strongly an unmarked pixel is drawn to the stroke it is nearest to, in the units of a log-likelihood."""
_GEODESIC_STEP = 2.0
"""What a step of one pixel costs beside its change of colour (grey levels of 255)."""
_FAR = 600.0
"""Beside a box, strokes have no pull beyond this distance, and .."""
_CARRIED = 0.35
""".. what is nearer than this share starts with the stroke's label."""
_PLACE_WEIGHT, _REACH_WEIGHT = 1.0, 1.0
"""Boxes alone, at smaller sizes: how strongly the place in the box and what the outside reaches count, as log-likelihoods."""
_FINAL_PLACE_WEIGHT = 1.5
"""The same at full size, where only the place counts."""
_BOX_RIM = 0.7
"""Where the place is neutral: the squared radius, 1 on the ellipse inside the box. Objects fill half of their boxes."""
_REACH_STEP = 2.0
"""What a step of one pixel costs beside its change of colour (grey levels of 255), at half the size."""
_REACH_FARTHEST = 90
"""The percentile of the distances in a box that counts as surely object; half of that distance is neutral."""
_BOX_GAMMA = 0.5
"""Boxes alone: the part of gamma. The whole of it gives thin and small objects up."""
_COARSEST = 100_000
"""Images of more pixels are first cut at half their size."""

_COARSE = 0.5
"""The part of gamma at half the size: a link is twice as long there, but a pixel stands for four."""

_FORBIDDEN = np.float32(20_000)
"""The cost of a label that a pixel may not have."""
_SCALE = 4096.0
"""Cuts are made in whole 1/4096ths of the energy."""


@method
def grabcut(
    image: Image,
    prompts: Prompts | None = None,
    *,
    iterations: Annotated[int, Option("rounds of learning and cutting", 1, 50)] = 5,
    components: Annotated[int, Option("Gaussians in each colour model", 1, 16)] = 5,
    gamma: Annotated[float, Option("weight of the borders against the colours", 0, 1000)] = 50.0,
    auto: Annotated[bool, Option("propose boxes where none is given")] = False,
    seed: Annotated[int, Option("random seed of the first colour models", 0)] = 0,
) -> Segmentation:
    """Cut objects out of an image (Rother 2004): background 1, objects 2, 3, ..

    Box number i holds object i + 1; strokes and points with that label belong to the same object. An object with a box
    stays inside it, except for its own strokes. An object without a box needs background strokes. Without any prompt, or
    with `auto` where no box is given, the method proposes a box itself. Any number of bands, 8 or 16 bit or float.

    Raises PromptError for a box with no background around it and no background strokes, and for strokes of one label only
    without a box. A constant image gives the box, or the nearest stroke; 1x1 cannot hold two labels, so it is an error.
    """
    state = GrabCut(image, iterations=iterations, components=components, gamma=gamma, seed=seed)
    if prompts is None or (auto and not prompts.boxes):
        boxes = tuple(propose_boxes(image, count=1))
        given = prompts or Prompts()
        prompts = Prompts(boxes, given.points, given.scribbles)
    return state.refine(prompts)


class GrabCut:
    """The state of a session with one image: `refine` it with ever more prompts.

    labels: (H, W) int32 after the first `refine`: 0 background, 1.. objects.
    energies: the energy after each cut of the last `refine`, at full size; it never rises.

    pixel: the side of a pixel where the image is a shrunk one, in pixels of the one it was made of: so far, and not
    further, does a stroke carry.
    """

    def __init__(
        self,
        image: Image | NDArray,
        *,
        iterations: int = 5,
        components: int = 5,
        gamma: float = 50.0,
        seed: int = 0,
        pixel: float = 1.0,
    ) -> None:
        image = as_image(image)
        self.shape = image.shape
        self.labels: NDArray[np.int32] | None = None
        self.energies: tuple[float, ...] = ()
        self._pixels = image.unit() * np.float32(255)
        self._step = _GEODESIC_STEP * pixel
        self._iterations, self._components, self._gamma, self._seed = iterations, components, gamma, seed
        self._seeds = np.zeros(image.shape, np.int32)
        self._boxes: Boxes = ()
        # What does not change, or little, from one refinement to the next, at full size.
        self._distances: Known = {}
        self._graphs: Graphs = {}
        self._seen: dict[tuple[float, ...], NDArray[np.float32]] = {}

    def refine(self, prompts: Prompts) -> Segmentation:
        """Add prompts and cut again, going on from the last labels. New boxes replace the old ones; strokes add up.

        Raises PromptError as `grabcut` does.
        """
        prompts.check(self.shape)
        added = seeds_of(prompts, self.shape)
        seeds = np.where(added != 0, added, self._seeds)
        boxes = prompts.boxes or self._boxes
        same_boxes = boxes == self._boxes
        allowed = allowed_labels(seeds, boxes)
        self._seeds, self._boxes = seeds, boxes
        start = self.labels if same_boxes else None
        if start is not None and int(start.max()) >= len(allowed):
            start = None
        if start is not None and len(allowed) > int(start.max()) + 1:
            start = None  # a new object: begin again, so that it can take what it needs
        self.labels, self.energies = self._solve(self._pixels, seeds, boxes, allowed, start, self._gamma)
        return Segmentation.from_objects(self.labels)

    def resume(self, labels: NDArray[np.int32], prompts: Prompts) -> None:
        """Put the state where an earlier session stood: its labels (H, W), 0 background, and all the prompts it had.

        Raises InputError for labels of another size, PromptError for prompts outside the image.
        """
        if labels.shape != self.shape or int(labels.min()) < 0:
            raise InputError(f"labels: expected {self.shape} (H, W) of 0 or more, got {labels.shape}")
        prompts.check(self.shape)
        self.labels = labels.astype(np.int32)
        self._seeds, self._boxes = seeds_of(prompts, self.shape), prompts.boxes

    def restart(self) -> None:
        """Forget all prompts and labels; the image stays."""
        self.labels, self._boxes = None, ()
        self._seeds = np.zeros(self.shape, np.int32)

    def alpha_matte(self, *, radius: int = 4) -> NDArray[np.float32]:
        """How much of each pixel belongs to the objects: (H, W) float32 in [0, 1], soft within `radius` of the border."""
        if self.labels is None:
            raise InputError("alpha_matte: expected a cut first. Call refine(prompts).")
        return soft_border(self._pixels, self.labels > 0, radius=radius)

    # --- one level of size ----------------------------------------------------------------------------------------

    def _solve(
        self,
        pixels: NDArray[np.float32],
        seeds: NDArray[np.int32],
        boxes: Boxes,
        allowed: NDArray[np.bool_],
        start: NDArray[np.int32] | None,
        gamma: float,
        first: bool = False,
    ) -> tuple[NDArray[np.int32], tuple[float, ...]]:
        height, width = seeds.shape
        alone = bool(boxes) and not seeds.any()
        pull = None
        if start is None and not first:
            if height * width > _COARSEST and min(height, width) >= 64:
                start = self._coarse_start(pixels, seeds, boxes, allowed, gamma if alone else gamma * _COARSE)
            elif alone and seeds.shape == self.shape:
                start, _ = self._solve(pixels, seeds, boxes, allowed, None, gamma, first=True)
        first = alone and start is None
        full = seeds.shape == self.shape and not first
        if alone:
            gamma *= _BOX_GAMMA
        if seeds.any():
            far = _FAR if boxes else 1e9
            known = self._distances if pixels is self._pixels else None
            nearness = geodesic_pull(pixels, seeds, len(allowed), self._step, far, known)
            pull = np.float32(_PULL) * nearness
        elif full:
            pull = np.float32(_FINAL_PLACE_WEIGHT) * _place_cost(boxes, len(allowed), seeds.shape)
        else:
            pull = np.float32(_PLACE_WEIGHT) * _place_cost(boxes, len(allowed), seeds.shape)
            pull += np.float32(_REACH_WEIGHT) * _reach_cost(pixels, allowed)
        if start is None:
            start = box_labels(boxes, seeds.shape) if boxes else nearness.argmin(0).astype(np.int32)
        if boxes and seeds.any():
            # Strokes carry what lies around them along, or the old colours would win against them.
            start = np.where(nearness.min(0) < _CARRIED, nearness.argmin(0).astype(np.int32), start)
        start = obeying(start, allowed)
        free = allowed.sum(0) > 1
        if not free.any() or (pixels == pixels[0, 0]).all():
            return start, ()  # nothing to decide, or nothing to decide by
        if first:
            start = np.where(pull[1:].min(0) < 0, start, 0).astype(np.int32)
        seen = self._features(pixels, (0.0,) if alone else _TEXTURE if full else _COARSE_TEXTURE)
        models = self._first_models(seen, start.ravel(), len(allowed))
        # The same links in the same frame as at the last refinement: its flow is where this one begins.
        graphs = self._graphs if pixels is self._pixels else {}
        links = contrast_links(pixels, gamma)
        two = len(allowed) == 2
        step = _TwoLabels(links, allowed, free, pull, gamma, graphs) if two else _ManyLabels(links, allowed, pull)
        labels, energies = start, []
        costs = [m.costs(seen) for m in models]
        for _ in range(self._iterations if full or first or not alone else min(self._iterations, 2)):
            flat = labels.ravel()
            group = np.choose(flat, [k + m * self._components for m, (_, k) in enumerate(costs)]).astype(np.uint8)
            models = self._learn(seen, group, models)
            costs = [m.costs(seen) for m in models]
            new, value = step.cut(np.stack([c for c, _ in costs]).reshape(-1, height, width), labels)
            energies.append(value)
            if np.array_equal(new, labels):
                break
            labels = new
        return labels, tuple(energies)

    def _features(self, pixels: NDArray[np.float32], texture: tuple[float, ...]) -> NDArray[np.float32]:
        if pixels is not self._pixels:
            return features(pixels, int(texture[0]), *texture[1:])
        if texture not in self._seen:
            self._seen = {texture: features(pixels, int(texture[0]), *texture[1:])}
        return self._seen[texture]

    def _first_models(self, seen: NDArray[np.float32], labels: NDArray, count: int) -> list[ColourModel]:
        random = np.random.default_rng(self._seed)
        models = []
        for label in range(count):
            mine = np.flatnonzero(labels == label)
            if not len(mine):  # no pixel starts with it: it may have any colour
                mine = np.arange(seen.shape[1])
            mine = mine[np.linspace(0, len(mine) - 1, min(len(mine), 20_000)).astype(np.int64)]
            models.append(first_model(np.ascontiguousarray(seen[:, mine]), self._components, _NOISE, random))
        return models

    def _learn(self, seen: NDArray[np.float32], group: NDArray[np.uint8], old: list[ColourModel]) -> list[ColourModel]:
        new = learn(seen, group, self._components, _NOISE)
        # A label without pixels keeps the model it had.
        held = np.bincount(group // self._components, minlength=len(old)) > 0
        return [new[m] if held[m] else old[m] for m in range(len(old))]

    def _coarse_start(
        self,
        pixels: NDArray[np.float32],
        seeds: NDArray[np.int32],
        boxes: Boxes,
        allowed: NDArray[np.bool_],
        gamma: float,
    ) -> NDArray[np.int32]:
        """The labels of the image at half its size, doubled."""
        half_seeds = np.zeros(((seeds.shape[0] + 1) // 2, (seeds.shape[1] + 1) // 2), np.int32)
        for dy in (0, 1):
            for dx in (0, 1):
                part = seeds[dy::2, dx::2]
                window = half_seeds[: part.shape[0], : part.shape[1]]
                np.maximum(window, part, out=window)
        half_allowed = np.stack([_halved(layer[..., None].astype(np.float32))[..., 0] > 0.5 for layer in allowed])
        for label in range(len(allowed)):
            half_allowed[label] = np.where(half_seeds > 0, half_seeds == label + 1, half_allowed[label])
        half_allowed[0] |= ~half_allowed.any(0)
        half_boxes = tuple((x0 // 2, y0 // 2, (x1 + 1) // 2, (y1 + 1) // 2) for x0, y0, x1, y1 in boxes)
        labels, _ = self._solve(_halved(pixels), half_seeds, half_boxes, half_allowed, None, gamma)
        return labels.repeat(2, 0).repeat(2, 1)[: seeds.shape[0], : seeds.shape[1]]


Graphs = dict[tuple[float, ...], GridGraph]
"""(gamma, first and last row, first and last column of the frame) -> the graph with its flow; the last one only."""


class _TwoLabels:
    """One minimum cut an iteration, going on from the last flow, inside the frame that holds the free pixels."""

    def __init__(
        self,
        links: NDArray[np.float32],
        allowed: NDArray[np.bool_],
        free: NDArray[np.bool_],
        pull: NDArray | None,
        gamma: float,
        graphs: Graphs,
    ) -> None:
        rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
        # One fixed pixel on each side stays in the frame, so that every link of a free pixel is there.
        self._frame = (
            slice(max(0, rows[0] - 1), rows[-1] + 2),
            slice(max(0, columns[0] - 1), columns[-1] + 2),
        )
        self._links, self._pull, self._free = links, pull, free[self._frame]
        self._held = np.where(allowed[1][self._frame], np.int32(1 << 28), np.int32(-(1 << 28)))
        key = (gamma, *rows[[0, -1]].tolist(), *columns[[0, -1]].tolist())
        if key not in graphs:
            graphs.clear()
            graphs[key] = GridGraph(np.rint(links[:, *self._frame] * np.float32(_SCALE)).astype(np.int32))
        self._graph = graphs[key]

    def cut(self, costs: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], float]:
        if self._pull is not None:
            costs = costs + self._pull
        gain = np.clip((costs[0] - costs[1])[self._frame], -_FORBIDDEN, _FORBIDDEN) * np.float32(_SCALE)
        terminals = np.where(self._free, np.rint(gain).astype(np.int32), self._held)
        new = labels.copy()
        new[self._frame] = self._graph.cut(terminals)
        return new, energy(costs, self._links, new)


class _ManyLabels:
    """Alpha expansion."""

    def __init__(self, links: NDArray[np.float32], allowed: NDArray[np.bool_], pull: NDArray | None) -> None:
        self._links, self._forbidden, self._pull = links, ~allowed, pull

    def cut(self, costs: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], float]:
        if self._pull is not None:
            costs = costs + self._pull
        costs = np.where(self._forbidden, _FORBIDDEN, np.minimum(costs, _FORBIDDEN / 2))
        new = expand(costs, self._links, labels, rounds=3)
        return new, energy(costs, self._links, new)


def _place_cost(boxes: Boxes, count: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The cost of each object by its place in its box, (L, H, W) in [-1, 1]: low in the middle, 0 on an ellipse, high outside."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    cost = np.zeros((count, *shape), np.float32)
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        square = ((2 * y + 1 - y0 - y1) / (y1 - y0)) ** 2 + ((2 * x + 1 - x0 - x1) / (x1 - x0)) ** 2
        cost[index + 1] = np.clip(square - _BOX_RIM, -1, 1)
    return cost


def _reach_cost(pixels: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The cost of each object by the geodesic distance from where it may not be, (L, H, W) in [-1, 1]: 1 there, -1 far from it.

    What comes into a box without an edge is near, and so probably background. Measured at half the size of `pixels`.
    """
    height, width = pixels.shape[:2]
    small = _halved(pixels)
    cost = np.zeros(allowed.shape, np.float32)
    for label in range(1, len(allowed)):
        outside = _halved(1 - allowed[label][..., None].astype(np.float32))[..., 0] > 0
        distance = geodesic_distance(small, np.where(outside, np.float32(0), np.float32(np.inf)), _REACH_STEP)
        inside = (distance > 0) & (distance < np.inf)
        if inside.any():
            neutral = np.float32(np.percentile(distance[inside], _REACH_FARTHEST) / 2)
            near = np.clip(1 - distance / neutral, -1, 1)
            cost[label] = near.repeat(2, 0).repeat(2, 1)[:height, :width]
    return cost


def _halved(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of 2 x 2 pixels; an odd last row or column is repeated."""
    height, width = pixels.shape[:2]
    pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return (pixels[0::2, 0::2] + pixels[1::2, 0::2] + pixels[0::2, 1::2] + pixels[1::2, 1::2]) / np.float32(4)
