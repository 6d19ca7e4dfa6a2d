"""A recipe: everything that decides a training run, in one TOML file without inheritance.

    [data]  [network]  [[stages]]  [augmentation]  [loss]  [optimiser]  [schedule]  [validation]  [run]

Each table is a class below; its fields are the keys that are allowed, with their defaults. `load_recipe` names an unknown key with
the nearest known ones, and `Recipe.to_toml` writes the resolved recipe, defaults included, which a run folder keeps.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..core.errors import InputError, OptionError, UnreadableFile

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Table):
    """Which images. root is relative to the working folder; train may join several splits."""

    set: str
    root: str
    train: list[str] = Field(default=["train"], min_length=1)
    val: str = "val"
    test: str = "test"
    holdout: Share = 0.0  # share of the training samples that becomes val, where the set has none
    options: dict[str, Any] = {}  # of the data set: folder's images, masks, classes
    only: list[str] = []  # names of samples; the others of all splits are left out
    cache: bool = False  # keep decoded samples in memory
    terms: str = ""  # the terms of the data, for the model card and the notice at use


class NetworkTable(_Table):
    """A name of `kontur networks` and its options. start: a run folder whose best weights it begins with.

    pretrained: of its encoder; "auto": where it has such weights and they can be had, which the run tells.
    """

    name: str
    channels: Count = 3
    pretrained: bool | Literal["auto"] = False
    start: str = ""
    options: dict[str, Any] = {}


class Stage(_Table):
    """Some epochs with one crop and one batch; a run is one stage or more, under one learning-rate schedule."""

    epochs: Count
    batch: Count = 8
    crop: tuple[Count, Count] = (256, 320)  # (H, W)
    scales: tuple[Positive, Positive] = (0.5, 2.0)


class Augmentation(_Table):
    """Changes beside scale and crop; 0 turns one off."""

    flip: Share = 0.5
    vertical_flip: Share = 0.0
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    brightness: Share = 0.0
    contrast: Share = 0.0
    saturation: Share = 0.0
    hue: Annotated[float, Field(ge=0, le=180)] = 0.0
    quarter_turns: bool = False  # 0, 90, 180 or 270 degrees; of images without an up
    invert: Share = 0.0
    flatten: Share = 0.0  # every object takes its mean colour, as overexposed ones do; of the task instance
    copy_paste: Share = 0.0  # objects of another sample are pasted; of the task instance
    mean: list[float] = [0.485, 0.456, 0.406]
    std: list[float] = [0.229, 0.224, 0.225]


class Term(_Table):
    """One loss of `kontur.losses` by name, its factor, and its options."""

    name: str
    factor: float = 1.0
    options: dict[str, float] = {}


class Loss(_Table):
    terms: list[Term] = Field(default=[Term(name="cross_entropy")], min_length=1)
    class_weights: Literal["none", "median_frequency", "inverse_log", "effective_number"] = "none"
    unweigh: Share = 0.0  # power of the class weights that is taken out of the decision again; choose it on val
    auxiliary: Annotated[float, Field(ge=0)] = 0.4  # factor of each auxiliary output


class Optimiser(_Table):
    name: Literal["sgd", "adamw"] = "adamw"
    rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2  # of weights; never of biases and norms
    momentum: Share = 0.9  # sgd
    betas: tuple[Share, Share] = (0.9, 0.999)  # adamw
    slow: list[str] = []  # parts of parameter names that learn at rate * slow_factor, such as "encoder"
    slow_factor: Share = 1.0
    clip: Annotated[float, Field(ge=0)] = 0.0  # of the gradients' norm; 0 is off
    accumulate: Count = 1  # batches a step


class Schedule(_Table):
    """The factor of the learning rate; see `schedule.factor`."""

    name: Literal["constant", "poly", "cosine", "one_cycle"] = "poly"
    power: Positive = 0.9  # poly
    warm_up: Share = 0.0  # share of all steps that rises linearly; one_cycle: to the peak, by a cosine
    floor: Share = 0.0  # the factor at the end


class Validation(_Table):
    every: Count = 1  # epochs
    from_epoch: Annotated[int, Field(ge=0)] = 0
    patience: Annotated[int, Field(ge=0)] = 0  # validations without gain before stopping; 0 never stops
    samples: Annotated[int, Field(ge=0)] = 4  # pictures at a validation


class Run(_Table):
    """How it runs; the command line's --device and the like override these."""

    device: str = "auto"  # auto, cpu, gpu
    devices: Count = 1
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    threads: Annotated[int, Field(ge=0)] = 0  # 0: PyTorch's own number
    workers: Annotated[int, Field(ge=0)] = 0
    channels_last: bool = True
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the moving average of the weights; 0 is off
    checkpoint_minutes: Positive = 10.0  # beside the checkpoint at each validation


class Recipe(_Table):
    """A whole recipe."""

    name: str
    title: str = ""
    task: Literal["semantic", "boundary", "instance", "detection", "panoptic"] = "semantic"
    seed: Annotated[int, Field(ge=0)] = 0
    data: Data
    network: NetworkTable
    stages: list[Stage] = Field(min_length=1)
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    validation: Validation = Validation()
    run: Run = Run()

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        for what in ("mean", "std"):
            given = len(getattr(self.augmentation, what))
            if given not in (1, self.network.channels):
                raise ValueError(
                    f"augmentation.{what}: expected 1 or {self.network.channels} numbers, one a channel, got {given}"
                )
        if any(not s > 0 for s in self.augmentation.std):
            raise ValueError(f"augmentation.std: expected positive numbers, got {self.augmentation.std}")
        for name in ("copy_paste", "flatten"):
            if getattr(self.augmentation, name) and self.task != "instance":
                raise ValueError(
                    f"augmentation.{name}: expected 0 with the task {self.task}; it is for the task instance"
                )
        for number, stage in enumerate(self.stages):
            if stage.scales[0] > stage.scales[1]:
                raise ValueError(f"stages.{number}.scales: expected low, high, got {list(stage.scales)}")
        return self

    @property
    def epochs(self) -> int:
        return sum(stage.epochs for stage in self.stages)

    def to_toml(self) -> str:
        """The whole recipe as TOML, defaults included; `load_recipe` reads it back equal."""
        return to_toml(self.model_dump(mode="json"))


def load_recipe(path: str | Path, sets: Iterable[str] = ()) -> Recipe:
    """Read a recipe. sets: "key=value" that replace its values, keys with dots (`optimiser.rate=0.01`, `stages.0.epochs=5`).

    Raises UnreadableFile (no such file, no TOML), OptionError (unknown key with the nearest names, wrong type or range).
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(f"{path}: expected a recipe, {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path}: expected TOML, {error}") from None
    for text in sets:
        _replace(content, text)
    return parse_recipe(content, str(path))


def parse_recipe(content: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from its content. Raises OptionError, of all faults the first."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = _known(fault["loc"][:-1])
            near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=3)
            advice = f"Did you mean {' or '.join(near)}?" if near else f"Known here are {', '.join(known)}."
            raise OptionError(f"{where}: unknown key {key}. {advice}") from None
        if fault["type"] == "missing":
            raise OptionError(f"{where}: expected the key {key}, which is missing") from None
        message = str(fault["msg"]).removeprefix("Value error, ")
        got = "" if fault["type"] == "value_error" else f", got {fault['input']!r}"
        raise OptionError(f"{where}: {key + ': ' if key else ''}{message}{got}") from None


def _known(place: Iterable[str | int]) -> list[str]:
    """The keys of the table at a place such as ("stages", 0)."""
    table: Any = Recipe
    for part in place:
        if isinstance(part, int):
            continue
        table = table.model_fields[part].annotation
        table = next((a for a in typing.get_args(table) if isinstance(a, type)), table)
    return list(table.model_fields)


def _replace(content: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise OptionError(f"--set: expected key=value, got {text!r}")
    *path, last = key.strip().split(".")
    place: Any = content
    for part in path:
        place = place[_index(place, part, key)] if isinstance(place, list) else place.setdefault(part, {})
        if not isinstance(place, (dict, list)):
            raise OptionError(f"--set {text}: {part} is a value, not a table")
    if isinstance(place, list):
        place[_index(place, last, key)] = _value(value)
    else:
        place[last] = _value(value)


def _index(place: list, part: str, key: str) -> int:
    if part.isdigit() and int(part) < len(place):
        return int(part)
    raise OptionError(f"--set {key}: expected a number 0..{len(place) - 1} for {part!r}")


def _value(text: str) -> Any:
    """A TOML value, else the text itself: `--set data.root=photos` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def to_toml(content: Mapping[str, Any], prefix: str = "") -> str:
    """Plain content as TOML: values first, then tables and lists of tables, as TOML wants it. None is left out."""
    tables: list[str] = []
    lines: list[str] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            if value:
                tables.append(f"\n[{prefix}{_key(key)}]\n{to_toml(value, f'{prefix}{_key(key)}.')}")
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            tables += [f"\n[[{prefix}{_key(key)}]]\n{to_toml(v, f'{prefix}{_key(key)}.')}" for v in value]
        elif value is not None:
            lines.append(f"{_key(key)} = {_text(value)}\n")
    return "".join(lines) + "".join(tables)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_text(v)}" for k, v in value.items()) + "}"
    raise InputError(f"recipe: {value!r} can't be written as TOML")
