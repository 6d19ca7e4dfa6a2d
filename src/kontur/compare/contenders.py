"""Who takes part: "otsu,kmeans:clusters=6,ENet=runs/enet.onnx" -> contenders, checked before anything is measured.

    [LABEL=]METHOD[:KEY=VALUE]...     methods apart by commas; METHOD: whatever `kontur segment -m` takes

The label, or else the text itself, is the contender's name in the report, so one method may take part several times
with other options.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .. import registry
from ..core.errors import InputError, OptionError, PromptError
from ..core.image import Image
from ..core.instances import Instances
from ..core.options import checked_options
from ..core.segmentation import Segmentation

Kind = Literal["classical", "network"]
Run = Callable[[Image], Segmentation | Instances]


@dataclass(frozen=True)
class Contender:
    """One row of the table to be. name: as in the report. target: what to run: a name of the registry, or a network.

    options: as given, checked. task: foreground, regions, superpixels, semantic.
    """

    name: str
    target: str
    kind: Kind
    task: str
    options: Mapping[str, Any] = field(default_factory=dict)


def parse_methods(text: str) -> tuple[Contender, ...]:
    """The contenders of `--methods`, in order, each once.

    Raises UnknownName for a name that is neither a method nor a network, OptionError for its options, PromptError for
    a method that does nothing without a prompt.
    """
    words = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not words:
        raise OptionError("option --methods: expected names with commas, got none. See `kontur methods`")
    found = [contender(word) for word in words]
    names = [one.name for one in found]
    # Networks of one file name in several folders, or a label given twice: told apart by the whole text.
    return tuple(
        replace(one, name=word) if names.count(one.name) > 1 else one for one, word in zip(found, words, strict=True)
    )


def contender(text: str) -> Contender:
    """One of them: `felzenszwalb`, `region_merging:regions=60`, `ENet=runs/enet.onnx`. Raises as `parse_methods`."""
    parts = text.split(":")
    first = next((i for i, part in enumerate(parts) if "=" in part and i), len(parts))
    target, given, label = ":".join(parts[:first]), {}, ""
    if "=" in target and not Path(target).exists():  # a path may hold one
        label, _, target = (part.strip() for part in target.partition("="))
    for part in parts[first:]:
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise OptionError(f"option --methods: expected NAME:KEY=VALUE:KEY=VALUE, got {text!r}")
        given[key.strip().replace("-", "_")] = value.strip()
    row = registry.get(target)
    if row.needs_prompt:
        raise PromptError(
            f"{row.name} needs a prompt, so it cannot be compared on a set of images. See `kontur methods`."
        )
    network = runs_network(row)
    options: dict[str, Any] = dict(given)
    # A network's file that cannot be opened is told in its row, as all that fails in its own process.
    with contextlib.suppress(*([InputError] if network else [])):
        values = checked_options(row.name, row.options, dict(given))
        options = {key: values[key] for key in given}
    name = ":".join([row.name, *parts[first:]])  # of a network's path its last part
    return Contender(label or name, target, "network" if network else "classical", row.task, options)


def load(one: Contender, threads: int) -> Run:
    """The function image -> result, ready to be called.

    threads: how many a network may use; it runs on the CPU unless its option `device` says otherwise.
    """
    row = registry.get(one.target)
    fair = {"threads": threads, "device": "cpu"} if runs_network(row) else {}
    options = {**fair, **one.options}
    return lambda image: row.run(image, None, options).result


def network_file(one: Contender) -> Path | None:
    """The .onnx file of a network; None for a classical method and for a model of the hub."""
    row = registry.get(one.target)
    return row.network.path if isinstance(row, registry.NetworkMethod) else None


def runs_network(row: registry.Method) -> bool:
    return isinstance(row, registry.PredictorMethod)
