"""Before step 0: all that can fail is tried, and the run folder describes itself."""

from __future__ import annotations

import json
import platform
import time

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


def describe(recipe: Recipe, place: Folder, train: Samples, val: Samples, resume: bool, fabric: Fabric) -> None:
    """All that can fail is tried before step 0, and the run folder describes itself."""
    checkpoint.tidy(place.path)
    if resume and place.facts.is_file():
        known = json.loads(place.facts.read_text())
        if known.get("data") != data_hash([train, val]):
            raise InputError(f"{place.path}: the data have changed since the run began. Start a new one with -o")
        return
    digest = check_data(train, val, options=recipe.data.options).digest
    if train.collate is None:  # the estimate is of one tensor in and one out
        memory_check(recipe, len(train.taxonomy), str(fabric.device))
    atomic_write(place.recipe, recipe.to_toml().encode())
    facts = {
        "name": recipe.name,
        "data": digest,
        "samples": {"train": len(train), "val": len(val)},
        "seed": recipe.seed,
        "device": str(fabric.device),
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "versions": _versions(),
        "began": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "taxonomy": train.taxonomy.to_dict(),
    }
    atomic_write(place.facts, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())


def _versions() -> dict[str, str]:
    names = ("kontur", "torch", "torchvision", "timm", "lightning-fabric", "numpy", "safetensors")
    return {"python": platform.python_version(), "machine": platform.machine(), **packages.versions(names)}
