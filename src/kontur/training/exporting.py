"""`kontur export`: a run as one ONNX file, which needs no PyTorch, and its card, a TOML file for people.

RUN/recipe.toml, the best checkpoint -> network -> NAME.onnx (ONNX, with all that is needed to use it) + NAME.toml
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..core.errors import InputError, KonturError, OptionError, OutputError
from ..core.files import atomic_write
from ..networks.cost import parameters
from ..networks.export import export_onnx
from ..networks.export_detector import export_detector
from ..networks.mask_rcnn import Detector
from ..networks.panoptic_fpn import PanopticFPN
from .half import half_stored
from .recipe import to_toml
from .run import LoadedRun, load_run
from .samples import Samples
from .scoring import TorchPredictor
from .tasks import Task, task_of

CHANGED = 0.01  # the largest share of pixels that may get another class from the file than from PyTorch
_LOOKED_AT = 4  # images of the validation split it is measured on


@dataclass(frozen=True)
class Exported:
    """What was written. changed: share of pixels that mean something else than PyTorch's, in [0, 1]; images: it was measured on."""

    path: Path
    card: Path
    size: int
    sha256: str
    changed: float
    images: int


def export(
    run: str | Path,
    path: str | Path,
    *,
    half: bool = False,
    checkpoint: str = "best",
    force: bool = False,
) -> Exported:
    """Write a run's network to `path` (NAME.onnx) and its card beside it (NAME.toml).

    half: store weights as float16; they are computed in float32. checkpoint: best (the best validation) or last.

    The file is run by ONNX Runtime beside PyTorch before it is written: on images of the validation split, or where the
    data are not there on noise. Raises OutputError for files that exist (unless force), UnreadableFile for a folder that
    is no run, InputError when the classes of more than one pixel in a hundred differ.
    """
    path = Path(path)
    card = path.with_suffix(".toml")
    if path.suffix.lower() != ".onnx":
        raise OptionError(f"-o: expected NAME.onnx, got {path}")
    if checkpoint not in ("best", "last"):
        raise OptionError(f"--checkpoint: expected best or last, got {checkpoint!r}")
    for file in (path, card):
        if file.exists() and not force:
            raise OutputError(f"{file}: exists already. Use --force to overwrite or -o for another name")
    loaded = load_run(run, checkpoint)
    if half and _finds_boxes(loaded):
        raise OptionError("--half: expected a network of one map, got a detector, whose file is float32. Leave it out")
    predictor, samples, task = loaded.predictor(), loaded.validation(), task_of(loaded.recipe)
    data = _onnx(loaded, task.metadata(predictor, samples))
    if half:
        data = half_stored(data)
    changed, images = _changed(loaded, data, predictor, samples, task)
    if changed > CHANGED:
        advice = "Leave out --half" if half else "Tell us which network it is"
        raise InputError(
            f"{run}: expected the file to give what PyTorch gives, got something else at {changed:.2%} of the pixels. {advice}"
        )
    digest = hashlib.sha256(data).hexdigest()
    content = _card(loaded, path.name, data, digest, half=half, changed=changed, images=images)
    atomic_write(path, data)
    atomic_write(card, to_toml(content).encode())
    return Exported(path, card, len(data), digest, changed, images)


def _onnx(run: LoadedRun, more: dict[str, str]) -> bytes:
    recipe, changes = run.recipe, run.recipe.augmentation
    channels = recipe.network.channels
    mean, std = ([*v, *v[-1:] * (channels - len(v))] for v in (changes.mean, changes.std))
    metadata = {
        "task": _form(run),
        "taxonomy": json.dumps(run.taxonomy.to_dict(), ensure_ascii=False),
        "name": recipe.name,
        "notice": " ".join(recipe.data.terms.split()),
        "multiple": "1",
        **more,
    }
    least = run.network.least
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        write: Callable[..., float] = export_detector if _finds_boxes(run) else export_onnx
        write(
            run.network,
            file,
            size=(max(256, least[0]), max(256, least[1])),
            class_names=[c.name for c in run.taxonomy],
            mean=mean,
            std=std,
            metadata=metadata,
        )
        return file.read_bytes()


def _finds_boxes(run: LoadedRun) -> bool:
    return isinstance(run.network, Detector | PanopticFPN)


def _form(run: LoadedRun) -> str:
    """What `kontur.inference` runs the file as: the task, but for Panoptic FPN, whose outputs are not Panoptic-DeepLab's."""
    return "panoptic_fpn" if isinstance(run.network, PanopticFPN) else run.recipe.task


def _changed(
    run: LoadedRun, data: bytes, exact: TorchPredictor, samples: Samples | None, task: Task
) -> tuple[float, int]:
    """The share of pixels at which the file means something else than PyTorch, and the number of images."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    if [output.name for output in session.get_outputs()] != ["logits"]:
        return 0.0, 0  # not a map; the export itself compared its outputs

    def changed(image: Any) -> float:
        (logits,) = session.run(["logits"], {"image": exact.tensor(image).contiguous().numpy()})
        return task.changed(logits[0], exact.logits(image))

    pictures = _pictures(run, samples)
    return float(np.mean([changed(image) for image in pictures])), len(pictures)


def _pictures(run: LoadedRun, samples: Samples | None) -> list[Any]:
    """A few images of the validation samples, or of the training split; noise where the data are not there."""
    from ..core.image import Image

    with contextlib.suppress(KonturError):
        samples = samples or run.samples(run.recipe.data.train[0])
        chosen = np.linspace(0, len(samples) - 1, min(_LOOKED_AT, len(samples))).round().astype(int)
        return [samples[int(i)][0] for i in chosen]
    random = np.random.default_rng(0)
    high, wide = (max(128, side) for side in run.network.least)
    return [Image(random.random((high, wide, run.recipe.network.channels), np.float32))]


def _card(
    run: LoadedRun,
    file: str,
    data: bytes,
    digest: str,
    *,
    half: bool,
    changed: float,
    images: int,
) -> dict[str, Any]:
    recipe, facts = run.recipe, _json(run.folder.facts)
    table = recipe.network
    content: dict[str, Any] = {
        "name": recipe.name,
        "title": recipe.title,
        "task": _form(run),
        "network": table.name,
        "parameters": parameters(run.network),
        "classes": [c.name for c in run.taxonomy],
        "ids": [c.id for c in run.taxonomy],
        "file": file,
        "bytes": len(data),
        "sha256": digest,
        "stored_as": "float16 weights, computed in float32" if half else "float32",
        "kontur": __version__,
        "date": time.strftime("%Y-%m-%d"),
        "notice": recipe.data.terms,
        "data": {
            "set": recipe.data.set,
            "terms": recipe.data.terms or "not stated in the recipe",
            "train": [*recipe.data.train],
            "val": recipe.data.val if not recipe.data.holdout else f"{recipe.data.holdout:g} of the training samples",
            "samples": facts.get("samples", {}),
            "sha256": str(facts.get("data", "")),
        },
        "training": {
            "seed": recipe.seed,
            "epochs": recipe.epochs,
            "steps": int(run.facts.get("step", 0)),
            "checkpoint": run.which,
            "seconds": round(float(facts.get("outcome", {}).get("seconds", math.nan)), 1),
            "device": str(facts.get("device", "")),
            "began": str(facts.get("began", "")),
            "versions": facts.get("versions", {}),
        },
        "check": {"pixels_with_another_class_than_pytorch": changed, "images": images},
        "scores": _scores(run),
        "recipe": recipe.model_dump(mode="json"),
    }
    return _without_nan(content)


def _scores(run: LoadedRun) -> dict[str, Any]:
    """Of each split: the validation while training, and the last plain `kontur test` of a split, with IoU a class."""
    scores: dict[str, Any] = {}
    step = str(run.facts.get("step"))
    for row in _rows(run.folder.path / "metrics.csv"):
        if row.get("step") == step and row.get("val_miou"):
            scores["val"] = {"mean_iou": float(row["val_miou"]), "pixel_accuracy": float(row["val_pixel_accuracy"])}
            scores["val"]["iou"] = {k[4:]: float(v) for k, v in row.items() if k.startswith("iou_") and v}
    tests = run.folder.path / "tests.jsonl"
    for line in tests.read_text(encoding="utf-8").splitlines() if tests.is_file() else []:
        try:
            facts = json.loads(line)
            if facts.get("flips") or facts.get("scales", [1.0]) != [1.0] or str(facts.get("step", step)) != step:
                continue
            scores["val" if "holdout" in facts else str(facts["data"]).rpartition(" ")[2]] = {
                "mean_iou": facts["mean_iou"],
                "pixel_accuracy": facts["pixel_accuracy"],
                "images": facts["images"],
                "date": str(facts.get("date", "")),
                "iou": {c["name"]: c["iou"] for c in facts["per_class"]},
            }
        except (ValueError, KeyError, TypeError):
            continue
    return scores


def _rows(path: Path) -> list[dict[str, str]]:
    import csv

    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _without_nan(value: Any) -> Any:
    """TOML could say nan, but a reader of a card should not meet one: such entries are left out."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items() if not (isinstance(v, float) and math.isnan(v))}
    return value
