"""SAM and SAM 2: an object for each box or set of points; without any, the objects that a grid of points finds.

Papers: Kirillov et al., "Segment Anything", arXiv:2304.02643, section 3 and appendix B (the grid, its two filters and
non-maximum suppression); Ravi et al., "SAM 2", arXiv:2408.00714.

    image -> embedding, once; prompts -> three masks with their predicted IoU, or one -> (H, W) logits

Differs from the papers: the grid is of the whole image, without crops; the stability of a mask is measured, and its box
for the suppression taken, at the size the network gives it in (256 on the longer side), so that memory stays bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import PromptError
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.method import NOTHING_MORE, BasePredictor, Outcome, Want
from ..core.options import Option
from ..core.prompts import Box, Prompts
from ..core.segmentation import BACKGROUND, Provenance, Segmentation
from .loading import Loaded, cores
from .masks import enlarged
from .predict import Device, Threads, asked, notes_of, picture_of, run, timed_load
from .reference import HubModel

_AT_ONCE = 64
"""Points of the grid that the decoder sees together, as in the paper's code."""
_STABILITY_OFFSET = 1.0
"""The stability of a mask is the IoU of its cuts at logits this much above and below 0."""
_MOST_OVERLAP = 0.7
"""IoU of boxes above which the mask with the lower predicted IoU goes."""


@dataclass(frozen=True, eq=False)
class _View:
    """An image that the encoder has seen. size: of the picture (H', W'); fed: of the picture in the network's input."""

    loaded: Loaded
    embeddings: Any
    size: tuple[int, int]
    fed: tuple[int, int]
    side: tuple[int, int]

    def masks(
        self, points: NDArray | None, labels: NDArray | None, boxes: NDArray | None, three: bool
    ) -> tuple[Any, Any]:
        """Logits (N, 1 or 3, h, w) and predicted IoU (N, 1 or 3) of N prompts.

        points (N, P, 2) and boxes (N, 4) in pixels of the picture; labels (N, P): 1 object, 0 background.
        """
        import torch

        scale = np.array([self.fed[1] / self.size[1], self.fed[0] / self.size[0]], np.float32)
        prompts: dict[str, Any] = {}
        if points is not None and labels is not None:
            prompts["input_points"] = torch.from_numpy(points.astype(np.float32) * scale)[None]
            prompts["input_labels"] = torch.from_numpy(labels.astype(np.int64))[None]
        if boxes is not None:
            prompts["input_boxes"] = torch.from_numpy(boxes.astype(np.float32) * np.tile(scale, 2))[None]
        output = run(self.loaded, prompts, image_embeddings=self.embeddings, multimask_output=three)
        return output.pred_masks[0], output.iou_scores[0]

    def inner(self, masks: Any) -> Any:
        """The masks without what lies over the padding, at the size the network gives them in."""
        height, width = (-(-masks.shape[i - 2] * self.fed[i] // self.side[i]) for i in (0, 1))
        return masks[..., :height, :width]

    def full(self, mask: Any) -> Any:
        """(h, w) logits -> (H', W'): enlarged to the network's input, cut to the picture, resized to it."""
        if self.fed == self.side:
            return enlarged(mask, self.size)
        return enlarged(enlarged(mask, self.side)[: self.fed[0], : self.fed[1]], self.size)


def _seen(loaded: Loaded, pixels: NDArray[np.uint8]) -> _View:
    import torch

    inputs = asked(loaded, pixels)
    values = inputs["pixel_values"].to(loaded.device)
    side = (int(values.shape[-2]), int(values.shape[-1]))
    fed = tuple(int(v) for v in inputs["reshaped_input_sizes"][0]) if "reshaped_input_sizes" in inputs else side
    with torch.inference_mode():
        embeddings = loaded.network.get_image_embeddings(values)
    return _View(loaded, embeddings, (pixels.shape[0], pixels.shape[1]), (fed[0], fed[1]), side)


class PromptablePredictor(BasePredictor):
    """Objects by boxes and points, or all that a grid of points finds. The weights are read at the first image."""

    def __init__(
        self,
        model: HubModel,
        *,
        grid: Annotated[int, Option("without a prompt: points on a side of the grid", 1, 128)] = 32,
        threshold: Annotated[float, Option("without a prompt: least predicted IoU of a mask", 0, 1)] = 0.88,
        stability: Annotated[float, Option("without a prompt: least stability of a mask", 0, 1)] = 0.95,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        self._model, self._device, self._threads = model, device, threads
        self._grid, self._threshold, self._stability = grid, threshold, stability

    def __call__(self, image: Image) -> Segmentation | Instances:
        return self.run(image).result

    def run(self, image: Image, prompts: Prompts | None = None, want: Want = NOTHING_MORE) -> Outcome:
        with cores(self._threads):
            if prompts is not None:
                return Outcome(prompted(self._model, image, prompts, device=self._device))
            kept = {"least_iou": self._threshold, "least_stability": self._stability}
            return Outcome(everything(self._model, image, grid=self._grid, **kept, device=self._device))


def prompted(model: HubModel, image: Image, prompts: Prompts, *, device: str) -> Segmentation:
    """Background 1, objects 2, 3, ..: box number i and the points of label i + 1 tell of the same object.

    The points of every other label are background for it. A pixel that several objects want goes to the one that wants it
    most. One point alone is ambiguous: of the network's three masks the one it trusts most is taken. The score is the
    predicted IoU. Raises PromptError where the points name the background alone.
    """
    objects = _objects(prompts)
    loaded, waited = timed_load(model, device)
    height, width = image.shape
    best = np.zeros(image.shape, np.float32)
    ids = np.full(image.shape, BACKGROUND, np.int32)
    scores: dict[int, float] = {}
    with loaded.turn:
        view = _seen(loaded, picture_of(image))
        for number, (points, labels, box) in objects.items():
            three = box is None and len(points) == 1
            masks, trust = view.masks(
                np.array([points]) if points else None,
                np.array([labels]) if points else None,
                np.array([[box]], np.float32).reshape(1, 4) if box else None,
                three,
            )
            chosen = int(trust[0].argmax())
            logits = view.full(masks[0, chosen])[:height, :width].cpu().numpy()
            wanted = logits > best
            best[wanted] = logits[wanted]
            ids[wanted] = number
            scores[number] = _share(trust[0, chosen])
    result = Segmentation.from_ids(ids, scores=scores, background=BACKGROUND)
    return replace(result, provenance=Provenance(model.name, notes=notes_of(model, loaded, "boxes and points", waited)))


def _share(value: Any) -> float:
    """A predicted IoU is a regression, and may leave [0, 1]."""
    return round(min(1.0, max(0.0, float(value))), 6)


def _objects(prompts: Prompts) -> dict[int, tuple[list[tuple[int, int]], list[int], Box | None]]:
    """Segment id -> its points (x, y), whether each lies on it (1) or not (0), and its box."""
    numbers = sorted(
        {label for _, _, label in prompts.points if label != 1} | {i + 2 for i in range(len(prompts.boxes))}
    )
    if not numbers:
        raise PromptError("point: expected one on an object (label 2 or more), got background alone (label 1)")
    found = {}
    for number in numbers:
        box = prompts.boxes[number - 2] if number - 2 < len(prompts.boxes) else None
        # Points of other objects say what this one is not, but beside a box of its own they may well lie in it by right.
        taken = [(x, y, label) for x, y, label in prompts.points if box is None or label in (1, number)]
        found[number] = ([(x, y) for x, y, _ in taken], [int(label == number) for _, _, label in taken], box)
    return found


def everything(
    model: HubModel, image: Image, *, grid: int, least_iou: float, least_stability: float, device: str
) -> Instances:
    """All objects that a grid of points finds, the most trusted first; they may overlap, and have no category."""
    import torch
    from torchvision.ops import nms

    loaded, waited = timed_load(model, device)
    pixels = picture_of(image)
    height, width = image.shape
    x, y = np.meshgrid((np.arange(grid) + 0.5) * width / grid, (np.arange(grid) + 0.5) * height / grid)
    points = np.stack([x.ravel(), y.ravel()], axis=1)[:, None]  # (N, 1, 2)
    masks: list[Any] = []
    trusts: list[float] = []
    boxes: list[list[float]] = []
    with loaded.turn:
        view = _seen(loaded, pixels)
        for start in range(0, len(points), _AT_ONCE):
            some = points[start : start + _AT_ONCE]
            logits, trust = view.masks(some, np.ones(some.shape[:2]), None, True)
            for mask, score in zip(logits.flatten(0, 1), trust.flatten(), strict=True):
                inner = view.inner(mask)
                if float(score) < least_iou or _stability(inner) < least_stability:
                    continue
                rows, columns = torch.nonzero(inner > 0, as_tuple=True)
                if not len(rows):
                    continue
                masks.append(mask)
                trusts.append(float(score))
                boxes.append([float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)])
        order = nms(torch.tensor(boxes).reshape(-1, 4), torch.tensor(trusts), _MOST_OVERLAP).tolist()
        found = []
        for number in order:
            pixels_of = (view.full(masks[number])[:height, :width] > 0).cpu().numpy()
            if pixels_of.any():
                found.append(Instance(rle.encode(pixels_of), score=_share(trusts[number])))
    result = Instances(image.shape, tuple(found))
    return replace(
        result,
        provenance=Provenance(model.name, notes=notes_of(model, loaded, f"a grid of {grid}x{grid} points", waited)),
    )


def _stability(mask: Any) -> float:
    """The IoU of the mask cut a little higher and a little lower, in [0, 1]; 0 where there is none."""
    larger = int((mask > -_STABILITY_OFFSET).sum())
    return int((mask > _STABILITY_OFFSET).sum()) / larger if larger else 0.0
