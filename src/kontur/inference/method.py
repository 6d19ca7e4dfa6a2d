"""Which predictor runs the networks of a task, and what is to be said of a model."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.options import checked_options, options_of

if TYPE_CHECKING:
    from .models import Model


@dataclass(frozen=True)
class Kind:
    """What the networks of a task give: a result of this task of the registry, in words; and their predictor, by name."""

    task: str
    gives: str
    module: str
    name: str

    @property
    def predictor(self) -> Any:
        """The class; its module is imported when it is asked for."""
        return getattr(importlib.import_module(f".{self.module}", __package__), self.name)


_KINDS = {
    "semantic": Kind("semantic", "semantic segmentation", "predictor", "Predictor"),
    "boundary": Kind("regions", "outlines and the regions they enclose", "contours", "ContourPredictor"),
    "instance": Kind("instance", "objects, each by itself, with scores", "objects", "ObjectPredictor"),
    "detection": Kind("instance", "objects of several categories, with scores", "detectors", "DetectorPredictor"),
    "panoptic": Kind("panoptic", "things and stuff", "things_and_stuff", "PanopticPredictor"),
    "panoptic_fpn": Kind("panoptic", "things and stuff", "detectors", "PanopticFPNPredictor"),
}


def kind_of(task: str) -> Kind:
    """Of a model's task; a card may name one that is unknown, and then the network is run as a semantic one."""
    return _KINDS.get(task, _KINDS["semantic"])


def predictor_of(model: Model, options: dict[str, Any]) -> Any:
    """The model, opened, with options of which any may be left out. Raises OptionError and UnknownName."""
    predictor = kind_of(model.task).predictor
    return predictor(model.path, **checked_options(model.name, options_of(predictor.__init__), options))


def document(model: Model) -> str:
    """What a model is, in words: what it gives, its classes, its terms, its card."""
    meta = predictor_of(model, {}).metadata
    lines = [
        f"{kind_of(model.task).gives} by a network, run by ONNX Runtime.",
        "",
        f"Network: {meta.network or 'not named'}; {meta.channels} channel{'s' if meta.channels > 1 else ''}; images of "
        + (f"{meta.fixed[0]}x{meta.fixed[1]} pixels, others in tiles" if meta.fixed else "any size"),
        f"Classes: {', '.join(meta.classes)}",
    ]
    return "\n".join([*lines, *terms(model, meta.notice)])


def terms(model: Model, notice: str) -> list[str]:
    """The lines on the terms of the data, and the model's card without its recipe, which is read in the file itself."""
    lines = [f"Terms:   {notice}"] if notice else []
    card = model.card.split("\n[recipe")[0].strip()
    return [*lines, "", f"The model's card ({model.path.with_suffix('.toml').name}):", "", card] if card else lines
