"""Before step 0: data and memory are tried, and then the run folder is made, which describes itself."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric

from ..core import packages
from ..core.errors import InputError
from ..core.files import atomic_write
from . import checkpoint
from .preflight import check_data, data_hash, memory_check
from .recipe import Recipe
from .run import Folder
from .samples import Samples

_TOLD = 5  # remarks that are told before the rest are counted


def check_before(
    recipe: Recipe,
    place: Folder,
    train: Samples,
    val: Samples,
    resume: bool,
    fabric: Fabric,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Data and memory, before anything is written; what run.json will hold. Remarks on the data are told, at most `_TOLD`.

    Raises InputError for data with faults, or changed ones at a resume; KonturError for a step that does not fit into memory.
    """
    checkpoint.tidy(place.path)
    if resume and place.facts.is_file():
        known = json.loads(place.facts.read_text())
        if known.get("data") != data_hash([train, val]):
            raise InputError(f"{place.path}: the data have changed since the run began. Start a new one with -o")
        return {}
    checked = check_data(train, val, options=recipe.data.options)
    for remark in checked.remarks[:_TOLD]:
        tell(f"note: {remark}")
    if len(checked.remarks) > _TOLD:
        tell(f"note: and {len(checked.remarks) - _TOLD} more remarks; `kontur data check` lists all")
    if train.collate is None:  # the estimate is of one tensor in and one out
        memory_check(recipe, len(train.taxonomy), str(fabric.device))
    return {
        "name": recipe.name,
        "data": checked.digest,
        "samples": {"train": len(train), "val": len(val)},
        "seed": recipe.seed,
        "device": str(fabric.device),
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "versions": _versions(),
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "taxonomy": train.taxonomy.to_dict(),
    }


def begin(recipe: Recipe, place: Folder, facts: dict[str, Any]) -> None:
    """Make the run folder: its recipe, defaults included, and its facts."""
    atomic_write(place.recipe, recipe.to_toml().encode())
    atomic_write(place.facts, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())


def _versions() -> dict[str, str]:
    names = ("kontur", "torch", "torchvision", "timm", "lightning-fabric", "numpy", "safetensors")
    return {"python": platform.python_version(), "machine": platform.machine(), **packages.versions(names)}
