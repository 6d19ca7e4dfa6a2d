"""A model of the hub as a method of the registry: its options checked and shown like those of every other method."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

from ..core.image import Image
from ..core.instances import Instances
from ..core.method import method_like
from ..core.options import Option, OptionSpec, options_of
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from .families import PROMPTED, SEMANTIC
from .reference import HubModel

_Task = Literal["semantic", "instance", "panoptic"]
_Device = Literal["auto", "cpu", "cuda"]


def semantic(
    image: Image,
    *,
    task: Annotated[_Task | None, Option("what it shall give; none: the model's own")] = None,
    device: Annotated[_Device, Option("where it runs; auto: a GPU where PyTorch sees one")] = "auto",
    threads: Annotated[int, Option("cores for one image; 0: as many as PyTorch takes", 0, 256)] = 0,
) -> Segmentation:
    """Semantic segmentation by a network of transformers."""
    raise NotImplementedError("the options of a kind of models; `method_of` makes the method of one")


def queries(
    image: Image,
    *,
    task: Annotated[_Task | None, Option("what it shall give; none: the model's own")] = None,
    threshold: Annotated[
        float | None, Option("least score of an object; none: the family's own, 0.5 (EoMT 0.8)", 0, 1)
    ] = None,
    mask_threshold: Annotated[float, Option("panoptic: what counts as inside a query's mask", 0, 1)] = 0.5,
    overlap: Annotated[float, Option("panoptic: share of its mask that a query must keep", 0, 1)] = 0.8,
    stuff: Annotated[
        str | None, Option("categories that are one region each; none: as far as known", unit="names with semicolons")
    ] = None,
    device: Annotated[_Device, Option("where it runs; auto: a GPU where PyTorch sees one")] = "auto",
    threads: Annotated[int, Option("cores for one image; 0: as many as PyTorch takes", 0, 256)] = 0,
) -> Segmentation | Instances:
    """Semantic, instance or panoptic segmentation by a network of transformers with queries."""
    raise NotImplementedError("the options of a kind of models; `method_of` makes the method of one")


def promptable(
    image: Image,
    prompts: Prompts | None = None,
    *,
    grid: Annotated[int, Option("without a prompt: points on a side of the grid", 1, 128)] = 32,
    threshold: Annotated[float, Option("without a prompt: least predicted IoU of a mask", 0, 1)] = 0.88,
    stability: Annotated[float, Option("without a prompt: least stability of a mask", 0, 1)] = 0.95,
    device: Annotated[_Device, Option("where it runs; auto: a GPU where PyTorch sees one")] = "auto",
    threads: Annotated[int, Option("cores for one image; 0: as many as PyTorch takes", 0, 256)] = 0,
) -> Segmentation | Instances:
    """Objects by boxes and points, or all that a grid of points finds."""
    raise NotImplementedError("the options of a kind of models; `method_of` makes the method of one")


_SIGNATURE: dict[str, Callable[..., Any]] = {SEMANTIC: semantic, PROMPTED: promptable}


def options_of_model(model: HubModel) -> tuple[OptionSpec, ...]:
    """Those of its kind; no weights are read."""
    return options_of(_SIGNATURE.get(model.family.kind, queries))


@functools.lru_cache(maxsize=16)
def method_of(model: HubModel) -> Callable[..., Segmentation | Instances]:
    """The method of a model: `method_of(model)(image, task="panoptic")`. The weights are read at the first image."""

    def run(image: Image, prompts: Prompts | None = None, /, **options: Any) -> Segmentation | Instances:
        from .loading import cores

        with cores(options.pop("threads")):
            return _run(model, image, prompts, options)

    return method_like(_SIGNATURE.get(model.family.kind, queries), run, model.name, _document(model))


def _run(model: HubModel, image: Image, prompts: Prompts | None, options: dict[str, Any]) -> Segmentation | Instances:
    if model.family.kind != PROMPTED:
        from .predict import predict

        only_queries = {"threshold": None, "mask_threshold": 0.5, "overlap": 0.8, "stuff": None}
        return predict(model, image, **(only_queries | options))
    from . import promptable as sam

    if prompts is not None:
        return sam.prompted(model, image, prompts, device=options["device"])
    return sam.everything(
        model,
        image,
        grid=options["grid"],
        least_iou=options["threshold"],
        least_stability=options["stability"],
        device=options["device"],
    )


def _document(model: HubModel) -> str:
    family = model.family
    lines = [f"{family.name}, run by transformers.", "", f"Folder:  {model.folder}"]
    if family.kind == PROMPTED:
        lines.append(
            "Gives:   an object for each box or set of points; without any, overlapping instances of no category"
        )
        return "\n".join(lines)
    lines.append(f"Gives:   {', '.join(family.tasks)}; its own is {model.task}")
    names = [name for _, name in model.categories]
    if model.things is None:
        known = "not known; give the stuff by --set stuff=.." if family.kind != SEMANTIC else "not known"
        return "\n".join([*lines, f"Classes: {', '.join(names)}", f"Things:  {known}"])
    stuff = [name for name in names if name not in model.things]
    things = [name for name in names if name in model.things]
    return "\n".join([*lines, f"Things:  {', '.join(things)}", f"Stuff:   {', '.join(stuff) or 'none'}"])
