"""An image -> what a network of transformers gives -> a result of this project."""

from __future__ import annotations

import inspect
import time
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.image import Image
from ..core.instances import Instance, Instances
from ..core.method import BasePredictor
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation
from .categories import stuff_ids
from .loading import Loaded, cores, load
from .masks import Queries, category_scores, enlarged, highest, instances, panoptic, semantic
from .reference import HubModel

R = TypeVar("R", Segmentation, Instances)
Task = Annotated[
    Literal["semantic", "instance", "panoptic"] | None, Option("what it shall give; none: the model's own")
]
Device = Annotated[Literal["auto", "cpu", "cuda"], Option("where it runs; auto: a GPU where PyTorch sees one")]
Threads = Annotated[int, Option("cores for one image; 0: as many as PyTorch takes", 0, 256)]

_LONGEST = 16
"""How many times as long as wide an image may be; EoMT enlarges the short side of any image to its own size."""


def picture_of(image: Image) -> NDArray[np.uint8]:
    """Red, green, blue, 8 bits, (H', W', 3); a very long image is widened by repeating its last row or column."""
    pixels = np.rint(image.rgb() * np.float32(255)).astype(np.uint8)
    least = -(-max(image.shape) // _LONGEST)
    missing = [max(0, least - side) for side in image.shape]
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge") if any(missing) else pixels


class SemanticPredictor(BasePredictor):
    """Semantic segmentation by a network with a category a pixel. The weights are read at the first image."""

    def __init__(self, model: HubModel, *, task: Task = None, device: Device = "auto", threads: Threads = 0) -> None:
        self._model, self._task, self._device, self._threads = model, task or model.task, device, threads

    def __call__(self, image: Image) -> Segmentation | Instances:
        model = self._model
        if self._task not in model.family.tasks:
            raise OptionError(
                f"option task: {model.name} is a {model.family.name}, which gives {' or '.join(model.family.tasks)}, got "
                f"{self._task!r}. Mask2Former, MaskFormer, OneFormer, EoMT and DETR give instance and panoptic"
            )
        with cores(self._threads):
            return self._result(image)

    def _result(self, image: Image) -> Segmentation | Instances:
        loaded, waited = timed_load(self._model, self._device)
        with loaded.turn:
            categories = self._category_map(loaded, picture_of(image))
        return self._noted(self._of_categories(categories, image), loaded, waited)

    def _category_map(self, loaded: Loaded, pixels: NDArray[np.uint8]) -> NDArray:
        logits = run(loaded, asked(loaded, pixels)).logits[0]  # (K, h, w)
        _check_count(self._model, logits.shape[0])
        return highest(logits, lambda some: enlarged(some, pixels.shape[:2]))

    def _of_categories(self, categories: NDArray, image: Image) -> Segmentation:
        height, width = image.shape
        return Segmentation.from_categories(categories[:height, :width], self._model.taxonomy)

    def _noted(self, result: R, loaded: Loaded, waited: float) -> R:
        notes = notes_of(self._model, loaded, self._task, waited)
        return replace(result, provenance=Provenance(self._model.name, notes=notes))


class QueryPredictor(SemanticPredictor):
    """Semantic, instance or panoptic segmentation by a network with queries."""

    def __init__(
        self,
        model: HubModel,
        *,
        task: Task = None,
        threshold: Annotated[
            float | None, Option("least score of an object; none: the family's own, 0.5 (EoMT 0.8)", 0, 1)
        ] = None,
        mask_threshold: Annotated[float, Option("panoptic: what counts as inside a query's mask", 0, 1)] = 0.5,
        overlap: Annotated[float, Option("panoptic: share of its mask that a query must keep", 0, 1)] = 0.8,
        stuff: Annotated[
            str | None,
            Option("categories that are one region each; none: as far as known", unit="names with semicolons"),
        ] = None,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        super().__init__(model, task=task, device=device, threads=threads)
        self._threshold = model.family.threshold if threshold is None else threshold
        self._mask_threshold, self._overlap, self._stuff = mask_threshold, overlap, stuff

    def _result(self, image: Image) -> Segmentation | Instances:
        model, (height, width) = self._model, image.shape
        names = dict(model.categories)
        fused = stuff_ids(names, model.things, self._stuff)
        loaded, waited = timed_load(model, self._device)
        pixels = picture_of(image)
        with loaded.turn:
            if self._task == "semantic":
                categories = _query_semantic(model, loaded, pixels)
            else:
                queries = _queries(model, loaded, pixels, self._task)
        if self._task == "semantic":
            return self._noted(self._of_categories(categories, image), loaded, waited)
        cuts = (self._threshold, self._mask_threshold, self._overlap)
        if self._task == "instance":
            things = frozenset(names) - fused if fused else None
            return self._noted(_instances(model, queries, image.shape, *cuts, things), loaded, waited)
        whole = panoptic(queries, *cuts, fused)
        result = Segmentation.from_ids(
            whole.ids[:height, :width], categories=whole.categories, scores=whole.scores, taxonomy=model.taxonomy
        )
        return self._noted(result, loaded, waited)


def timed_load(model: HubModel, device: str) -> tuple[Loaded, float]:
    """The network, and the seconds until it was there: next to none but for the first image."""
    started = time.perf_counter()
    return load(model, device), time.perf_counter() - started


def notes_of(model: HubModel, loaded: Loaded, task: str, waited: float) -> tuple[str, ...]:
    """Which network, which library, where it ran, and how much of the time went into reading it."""
    import torch
    import transformers

    commit = f" at commit {model.folder.name}" if model.folder.parent.name == "snapshots" else ""
    notes = (
        f"{model.family.name}{commit} ({type(loaded.network).__name__}), {task}, on {loaded.device}",
        f"transformers {transformers.__version__}, torch {torch.__version__}",
    )
    return (*notes, f"{waited:.1f} of the seconds went into reading the network") if waited >= 0.05 else notes


def run(loaded: Loaded, inputs: Any, **more: Any) -> Any:
    """The network's output for a processor's output, of which it takes what it knows."""
    import torch

    known = inspect.signature(loaded.network.forward).parameters
    tensors = {k: v.to(loaded.device) for k, v in inputs.items() if k in known and hasattr(v, "to")}
    with torch.inference_mode():
        return loaded.network(**tensors, **more)


def asked(loaded: Loaded, pixels: NDArray[np.uint8], **options: Any) -> Any:
    """The processor's output for one image."""
    from PIL import Image as PillowImage  # of an array with a side of 1 or 3 the processor would guess the channels

    return loaded.processor(images=PillowImage.fromarray(pixels), return_tensors="pt", **options)


def _check_count(model: HubModel, count: int) -> None:
    if [i for i, _ in model.categories] != list(range(count)):
        raise InputError(
            f"{model.name}: expected a name in config.json (id2label) for each of the {count} categories that the network "
            f"gives, got {len(model.categories)}"
        )


def _query_semantic(model: HubModel, loaded: Loaded, pixels: NDArray[np.uint8]) -> NDArray:
    if model.family.name != "EoMT" or not loaded.processor.do_split_image:
        return semantic(_queries(model, loaded, pixels, "semantic"))
    inputs = asked(loaded, pixels, do_split_image=True, do_pad=False)
    output = run(loaded, inputs)
    _check_count(model, output.class_queries_logits.shape[-1] - 1)
    size = loaded.processor.size
    scores = category_scores(
        output.class_queries_logits, _squared(output.masks_queries_logits, size)
    )  # (patches, K, s, s)

    def merged(some: Any) -> Any:
        patches = some.transpose(0, 1).contiguous()
        return loaded.processor.merge_image_patches(patches, inputs["patch_offsets"], [pixels.shape[:2]], size)[0]

    return highest(scores.transpose(0, 1), merged)


def _squared(masks: Any, size: Any) -> Any:
    """EoMT's masks at the size of its input, (B, Q, s, s')."""
    import torch.nn.functional as F

    shape = (size["shortest_edge"], size["longest_edge"] or size["shortest_edge"])
    return F.interpolate(masks, size=shape, mode="bilinear")


def _queries(model: HubModel, loaded: Loaded, pixels: NDArray[np.uint8], task: str) -> Queries:
    size = (pixels.shape[0], pixels.shape[1])
    name = model.family.name
    if name == "EoMT":
        return _eomt_queries(model, loaded, pixels)
    inputs = asked(loaded, pixels, **({"task_inputs": [task]} if name == "OneFormer" else {}))
    output = run(loaded, inputs)
    classes, masks = (
        (output.logits, output.pred_masks)
        if name == "DETR"
        else (output.class_queries_logits, output.masks_queries_logits)
    )
    _check_count(model, classes.shape[-1] - 1)
    classes, masks = classes[0].float(), _without_padding(masks[0].float(), inputs.get("pixel_mask"))
    if name == "Mask2Former":  # as transformers does, whatever the size of its input
        masks = enlarged(masks, (384, 384))
    return Queries(classes, masks, size)


def _without_padding(masks: Any, pixel_mask: Any) -> Any:
    """The masks (Q, h, w) of the image alone; transformers' own post-processing stretches the padding over the image.

    One image is padded where its processor has a `pad_size`; most have none.
    """
    if pixel_mask is None or bool(pixel_mask.all()):
        return masks
    padded = tuple(pixel_mask.shape[-2:])
    height, width = int(pixel_mask[0, :, 0].sum()), int(pixel_mask[0, 0].sum())
    return enlarged(masks, padded)[:, :height, :width]


def _eomt_queries(model: HubModel, loaded: Loaded, pixels: NDArray[np.uint8]) -> Queries:
    """The whole image in one square, as EoMT's instances and panoptic are made, whatever task it was trained for."""
    from transformers.image_transforms import get_size_with_aspect_ratio

    size = (pixels.shape[0], pixels.shape[1])
    side = loaded.processor.size["shortest_edge"]
    square = {"shortest_edge": side, "longest_edge": loaded.processor.size["longest_edge"] or side}
    output = run(loaded, asked(loaded, pixels, size=square, do_split_image=False, do_pad=True))
    classes = output.class_queries_logits[0].float()
    _check_count(model, classes.shape[-1] - 1)
    height, width = get_size_with_aspect_ratio(size, square["shortest_edge"], square["longest_edge"])
    masks = _squared(output.masks_queries_logits.float(), square)[0, :, :height, :width]
    return Queries(classes, masks, size, logits_first=True)


def _instances(
    model: HubModel,
    queries: Queries,
    shape: tuple[int, int],
    threshold: float,
    mask_threshold: float,
    overlap: float,
    things: frozenset[int] | None,
) -> Instances:
    height, width = shape
    if model.family.name == "DETR":  # its queries share the pixels out: the panoptic merging, without the stuff
        whole = panoptic(queries, threshold, mask_threshold, overlap, frozenset())
        ids = whole.ids[:height, :width]
        found = [
            Instance(rle.encode(ids == n), category, whole.scores[n])
            for n, category in whole.categories.items()
            if (things is None or category in things) and (ids == n).any()
        ]
    else:
        found = [
            Instance(rle.encode(np.ascontiguousarray(f.mask[:height, :width])), f.category, round(f.score, 6))
            for f in instances(queries, threshold, things)
            if f.mask[:height, :width].any()
        ]
    return Instances(shape, tuple(found), model.taxonomy)
