"""A model as a method of the registry: its options checked and shown like those of every other method."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.image import Image
from ..core.instances import Instances
from ..core.method import method
from ..core.options import Option, checked_options, options_of
from ..core.segmentation import Segmentation
from .models import Model
from .network_file import Metadata, open_network
from .predictor import Predictor
from .shared_options import Device, Flips, Overlap, Scales, Threads, Tile

_told: set[str] = set()
_GIVES = {
    "semantic": "semantic segmentation",
    "boundary": "outlines and the regions they enclose",
    "instance": "objects, each by itself, with scores",
    "detection": "objects of several categories, with scores",
    "panoptic": "things and stuff",
}


class ModelNotice(UserWarning):
    """The terms of the data that a model learnt from; told once a process."""


def semantic(
    image: Image,
    *,
    flips: Flips = False,
    scales: Scales = "1",
    tile: Tile = None,
    overlap: Overlap = None,
    crf: Annotated[bool, Option("let borders follow the image by a dense CRF")] = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> Segmentation:
    """Semantic segmentation by a network in an ONNX file."""
    raise NotImplementedError("the options of every model; `method_of` makes the method of one")


@functools.lru_cache(maxsize=16)
def method_of(model: Model) -> Callable[..., Segmentation] | Callable[..., Instances]:
    """The method of a model: `method_of(model)(image, flips=True)`.

    One of boundaries has the options of `contours`, one of objects those of `objects.objects`, a detector `detectors.detection`'s,
    one of things and stuff `things_and_stuff.panoptic`'s.
    """
    if model.task == "boundary":
        return _contours_of(model)
    if model.task == "instance":
        from .objects import objects_of

        return objects_of(model, _document(model))

    if model.task == "detection":
        from .detectors import detector_of

        return detector_of(model.name, model.path, _document(model), lambda notice: tell_notice(model, notice, warn))
    if model.task == "panoptic":
        from .things_and_stuff import panoptic_of

        return panoptic_of(model.name, model.path, _document(model), lambda notice: tell_notice(model, notice, warn))

    def run(image: Image, /, **options: Any) -> Segmentation:
        predictor = predictor_of(model, options)
        tell_notice(model, predictor.metadata.notice, warn)
        return predictor(image)

    run.__name__ = model.name
    run.__doc__ = _document(model)
    run.__wrapped__ = semantic  # type: ignore[attr-defined]  # whose signature it has
    return method(run)


def _contours_of(model: Model) -> Callable[..., Segmentation]:
    from .contours import contours, cut, tree_of

    def run(image: Image, /, *, level: float | None, regions: int | None, **options: Any) -> Segmentation:
        return cut(tree_of(model, image, options, thin=False), level, regions)

    run.__name__ = model.name
    run.__doc__ = _document(model)
    run.__wrapped__ = contours.__wrapped__  # type: ignore[attr-defined]
    return method(run)


def predictor_of(model: Model, options: dict[str, Any]) -> Predictor:
    """A predictor by the options of a method, of which any may be left out. Raises OptionError and UnknownName."""
    values = checked_options(model.name, options_of(semantic), options)
    network = open_network(model.path, device=values.pop("device"), threads=values.pop("threads"))
    return Predictor(network, scales=scales_of(values.pop("scales")), **values)


def with_probabilities(model: Model, image: Image, **options: Any) -> tuple[Segmentation, NDArray[np.float32]]:
    """As the method, and the probabilities (K, H, W) it decided by."""
    found: list[NDArray[np.float32]] = []

    def run(image: Image, /, **values: Any) -> Segmentation:
        result, probabilities = predictor_of(model, values).with_probabilities(image)
        found.append(probabilities)
        return result

    run.__name__ = model.name
    run.__wrapped__ = semantic  # type: ignore[attr-defined]
    return method(run)(image, **options), found[0]


def tell_notice(model: Model, notice: str, say: Callable[[str], None]) -> None:
    """Say a model's notice, once a process."""
    if notice and model.name not in _told:
        _told.add(model.name)
        say(f"{model.name}: {notice}")


def warn(text: str) -> None:
    warnings.warn(text, ModelNotice, stacklevel=5)


def scales_of(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"option scales: expected numbers with commas, as 0.75,1,1.25, got {text!r}") from None


def _metadata(model: Model) -> Metadata:
    if model.task == "detection":
        from .detectors import open_detector

        return open_detector(model.path).metadata
    return open_network(model.path).metadata


def _document(model: Model) -> str:
    meta = _metadata(model)
    lines = [
        f"{_GIVES[meta.task]} by a network, run by ONNX Runtime.",
        "",
        f"Network: {meta.network or 'not named'}; {meta.channels} channel{'s' if meta.channels > 1 else ''}; images of "
        + (f"{meta.fixed[0]}x{meta.fixed[1]} pixels, others in tiles" if meta.fixed else "any size"),
        f"Classes: {', '.join(meta.classes)}",
    ]
    if meta.notice:
        lines.append(f"Terms:   {meta.notice}")
    if model.card:
        shown = model.card.split("\n[recipe")[0].strip()  # how to train it again is read in the file itself
        lines += ["", f"The model's card ({model.path.with_suffix('.toml').name}):", "", *shown.splitlines()]
    return "\n".join(lines)
