"""What a model may be called: the name of an embedded one, an .onnx file, or the folder of a training run; and what runs it.

src/kontur/models/NAME.onnx     the network
src/kontur/models/NAME.toml     its card: the data and their terms, the recipe, the scores, the file's sha256
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import KonturError, UnreadableFile
from ..core.options import checked_options, options_of

FOLDER = Path(__file__).resolve().parents[1] / "models"
EMBEDDED = ("contours", "nuclei", "street")
"""The models a full build has; one may be built without them."""
TASKS = ("semantic", "boundary", "instance", "detection", "panoptic", "panoptic_fpn")
EXPORT = "model.onnx"
"""What a run folder's network is called when `kontur segment` exports it."""


class NoModels(KonturError, LookupError):
    """An embedded model was asked for, and this build of kontur has none."""


@dataclass(frozen=True)
class Model:
    """A network file and what it is called."""

    name: str
    path: Path

    @property
    def card(self) -> str:
        """The text of the card beside the file; "" without one."""
        beside = self.path.with_suffix(".toml")
        return beside.read_text(encoding="utf-8").strip() if beside.is_file() else ""

    @functools.cached_property
    def task(self) -> str:
        """One of TASKS: as the card has it, else the file's metadata or outputs; semantic where neither says one.

        The network is not opened.
        """
        import tomllib

        try:
            return str(tomllib.loads(self.card)["task"])
        except (KeyError, ValueError):  # no card, or one of another kind
            pass
        from ..io.onnx_file import read_header

        try:
            texts, outputs = read_header(self.path)
        except UnreadableFile:
            return "semantic"  # whoever opens it is told
        if "boxes" in outputs:
            return "panoptic_fpn" if "logits" in outputs else "detection"
        return texts["task"] if texts.get("task") in TASKS else "semantic"


def embedded() -> list[Model]:
    """The models of this build, by name."""
    return [Model(path.stem, path) for path in sorted(FOLDER.glob("*.onnx"))]


def find(name: str) -> Model | None:
    """The model that `name` means; None when it means none at all.

    In this order: an embedded model, a path that ends in .onnx, the folder of a run with one exported network in it.
    Raises NoModels for an embedded model that this build was made without; UnreadableFile for a path that leads to none.
    """
    for model in embedded():
        if model.name == name:
            return model
    path = Path(name)
    if path.suffix.lower() == ".onnx":
        if not path.is_file():
            raise UnreadableFile(
                f"{path}: no such file" if not path.exists() else f"{path}: expected a file, got a folder"
            )
        return Model(path.stem, path)
    if name in EMBEDDED:
        raise _without(name)
    if path.is_dir():
        return exported(path)
    if path.is_file():
        raise UnreadableFile(
            f"{path}: expected a method, a network file (.onnx) or the folder of a training run, got another file"
        )
    return None


def named(name: str) -> Model:
    """An embedded model. Raises NoModels where this build was made without it."""
    for model in embedded():
        if model.name == name:
            return model
    raise _without(name)


def _without(name: str) -> NoModels:
    return NoModels(
        f"{name!r} is an embedded model, and this build of kontur was made without models. Install a full build, or "
        "give a network file: -m FILE.onnx"
    )


def exported(run: Path) -> Model:
    """The network of a run folder: its newest .onnx file. Raises UnreadableFile when there is none."""
    files = _newest_first(run.glob("*.onnx"))
    if files:
        return Model(run.resolve().name, files[0])
    if (run / "recipe.toml").is_file():
        raise UnreadableFile(
            f"{run}: the run has no exported network. Export it where PyTorch is: kontur export {run} -o {run / EXPORT}"
        )
    raise UnreadableFile(
        f"{run}: expected the folder of a training run (recipe.toml, an .onnx file), got another folder"
    )


def to_export(name: str) -> Path | None:
    """The file that a run folder is to be exported to first: it has none, or one older than its checkpoints; else None."""
    run = Path(name)
    if name in [model.name for model in embedded()] or not (run / "recipe.toml").is_file():
        return None
    files, checkpoints = (_newest_first(run.glob(form)) for form in ("*.onnx", "checkpoints/*.json"))
    if files and not (checkpoints and checkpoints[0].stat().st_mtime_ns > files[0].stat().st_mtime_ns):
        return None
    return run / EXPORT


def _newest_first(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda p: p.stat().st_mtime_ns, reverse=True)


# --- what runs it ----------------------------------------------------------------------------------------------------


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
