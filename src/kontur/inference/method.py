"""A model as a method of the registry: its options checked and shown like those of every other method."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.instances import Instances
from ..core.method import method_like
from ..core.options import Option, checked_options, options_of
from ..core.segmentation import Segmentation
from .contours import contour_predictor, contours, cut, tree_of
from .detectors import DetectorPredictor, detection, detector_predictor, things_over_stuff
from .models import Model
from .network_file import open_network
from .objects import ObjectPredictor, object_predictor, objects
from .predictor import Predictor
from .shared_options import Device, Flips, Overlap, Scales, Threads, Tile, scales_of
from .things_and_stuff import PanopticPredictor, panoptic, panoptic_predictor

AnyPredictor = Predictor | ObjectPredictor | DetectorPredictor | PanopticPredictor
_told: set[str] = set()


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


def semantic_predictor(model: Model, options: dict[str, Any]) -> Predictor:
    """By the options of `semantic`, of which any may be left out. Raises OptionError and UnknownName."""
    values = checked_options(model.name, options_of(semantic), options)
    network = open_network(model.path, device=values.pop("device"), threads=values.pop("threads"))
    return Predictor(network, scales=scales_of(values.pop("scales")), **values)


class Kind(NamedTuple):
    """What the networks of a task give, in words; the function whose options their methods have; the predictor of a model.

    predictor: takes any of these options, and may leave aside those that are not the network's.
    """

    gives: str
    signature: Callable[..., Any]
    predictor: Callable[[Model, dict[str, Any]], AnyPredictor]


_KINDS = {
    "semantic": Kind("semantic segmentation", semantic, semantic_predictor),
    "boundary": Kind("outlines and the regions they enclose", contours, contour_predictor),
    "instance": Kind("objects, each by itself, with scores", objects, object_predictor),
    "detection": Kind("objects of several categories, with scores", detection, detector_predictor),
    "panoptic": Kind("things and stuff", panoptic, panoptic_predictor),
    "panoptic_fpn": Kind("things and stuff", things_over_stuff, detector_predictor),
}


def kind_of(model: Model) -> Kind:
    """By the model's task; a card may name one that is unknown, and then the network is run as a semantic one."""
    return _KINDS.get(model.task, _KINDS["semantic"])


def predictor_of(model: Model, options: dict[str, Any]) -> AnyPredictor:
    """A predictor by the options of a method, of which any may be left out. Raises OptionError and UnknownName."""
    return kind_of(model).predictor(model, options)


@functools.lru_cache(maxsize=16)
def method_of(model: Model) -> Callable[..., Any]:
    """The method of a model: `method_of(model)(image, flips=True)`, with the options of its kind."""

    def run(image: Image, /, **options: Any) -> Segmentation | Instances:
        predictor = predictor_of(model, options)
        tell_notice(model, predictor.metadata.notice, warn)
        return predictor(image)

    def run_and_cut(image: Image, /, *, level: float | None, regions: int | None, **options: Any) -> Segmentation:
        return cut(tree_of(model, image, options, thin=False), level, regions)

    kind = kind_of(model)
    return method_like(kind.signature, run_and_cut if kind.signature is contours else run, model.name, _document(model))


def with_probabilities(model: Model, image: Image, **options: Any) -> tuple[Segmentation, NDArray[np.float32]]:
    """As the method, and the probabilities (K, H, W) it decided by."""
    found: list[NDArray[np.float32]] = []

    def run(image: Image, /, **values: Any) -> Segmentation:
        result, probabilities = semantic_predictor(model, values).with_probabilities(image)
        found.append(probabilities)
        return result

    return method_like(semantic, run, model.name)(image, **options), found[0]


def tell_notice(model: Model, notice: str, say: Callable[[str], None]) -> None:
    """Say a model's notice, once a process."""
    if notice and model.name not in _told:
        _told.add(model.name)
        say(f"{model.name}: {notice}")


def warn(text: str) -> None:
    warnings.warn(text, ModelNotice, stacklevel=5)


def _document(model: Model) -> str:
    meta = predictor_of(model, {}).metadata
    lines = [
        f"{_KINDS[meta.task].gives} by a network, run by ONNX Runtime.",
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
