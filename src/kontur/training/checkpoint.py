"""Checkpoints: tensors as safetensors, the rest as JSON beside them, with a checksum; a kill at any moment leaves the last one whole.

checkpoints/step-00001234.safetensors, then step-00001234.json, which is written last and so makes it count
checkpoints/best-00001100.safetensors, then best.json: the weights of the best validation, averaged where the run averages
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..core.errors import InputError, UnreadableFile
from ..core.files import atomic_write

KEPT = 2  # checkpoints to go on from


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and what else is needed (plain JSON)."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Write one to go on from, then delete all but the last KEPT; the path of its tensors. Raises OutputError; then the last stay."""
    path = _write(folder, f"step-{step:08d}", f"step-{step:08d}.json", checkpoint)
    for old in _steps(folder)[:-KEPT]:
        old.unlink(missing_ok=True)  # the JSON first: without it the tensors do not count
        old.with_suffix(".safetensors").unlink(missing_ok=True)
    return path


def write_best(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Write the best weights so far, then delete the best before."""
    path = _write(folder, f"best-{step:08d}", "best.json", checkpoint)
    for old in folder.glob("best-*.safetensors"):
        if old != path:
            old.unlink(missing_ok=True)
    return path


def tidy(folder: Path) -> None:
    """Delete what a killed run left unfinished in a run folder: temporary files, and tensors that no JSON names."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)
    named = set()
    for path in folder.rglob("*.json"):
        try:
            named.add(path.parent / str(json.loads(path.read_bytes())["file"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    for path in (*folder.rglob("step-*.safetensors"), *folder.rglob("best-*.safetensors")):
        if path not in named and not path.with_suffix(".json").exists():
            path.unlink(missing_ok=True)


def read_last(folder: Path) -> Checkpoint | None:
    """The last one to go on from; None where there is none. Raises as `read`."""
    steps = _steps(folder)
    return read(steps[-1]) if steps else None


def read(path: Path) -> Checkpoint:
    """Of a JSON's path. Raises UnreadableFile when a file is missing, damaged, or not the one whose checksum was kept."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        tensors = path.parent / str(facts["file"])
        data = tensors.read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(f"{path}: expected a checkpoint, got {type(error).__name__}: {error}") from None
    if hashlib.sha256(data).hexdigest() != facts.get("sha256"):
        raise UnreadableFile(
            f"{tensors}: its checksum is not the one kept in {path.name}; the file is damaged. "
            "Delete both to go on from the checkpoint before it"
        )
    try:
        return Checkpoint(load(data), facts)
    except (SafetensorError, ValueError) as error:
        raise UnreadableFile(f"{tensors}: expected safetensors, {error}") from None


def _write(folder: Path, stem: str, json_name: str, checkpoint: Checkpoint) -> Path:
    data = save({key: value.detach().cpu().contiguous() for key, value in checkpoint.tensors.items()})
    path = folder / f"{stem}.safetensors"
    atomic_write(path, data)
    facts = {**checkpoint.facts, "file": path.name, "sha256": hashlib.sha256(data).hexdigest()}
    try:
        atomic_write(folder / json_name, (json.dumps(facts, indent=1) + "\n").encode())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.json"))


# --- the state of a run as tensors ----------------------------------------------------------------------------------


def network_tensors(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """A state dict under a prefix; its tensors are copied, since safetensors refuses shared memory."""
    return {prefix + key: value.detach().clone() for key, value in state.items()}


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def load_network(network: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Load weights, every one of them. Raises InputError that names the first that does not fit."""
    wanted = network.state_dict()
    wrong = sorted(set(wanted) ^ set(state)) or [k for k in wanted if wanted[k].shape != state[k].shape]
    if wrong:
        have = tuple(state[wrong[0]].shape) if wrong[0] in state else "nothing"
        need = tuple(wanted[wrong[0]].shape) if wrong[0] in wanted else "nothing"
        raise InputError(
            f"{where}: the checkpoint is of another network: {len(wrong)} tensors do not fit, the first is {wrong[0]} "
            f"(expected {need}, got {have})"
        )
    network.load_state_dict(dict(state))


def begin_with(network: nn.Module, best: Path) -> dict[str, Any]:
    """Load those weights of another run's best.json that the network has in the same shape; the others, such as a head of other classes, stay.

    Gives what run.json keeps: the file, its checksum, and the tensors that were not in it. Raises as `read`, and InputError when no tensor fits.
    """
    if not best.is_file():
        raise UnreadableFile(
            f"network.start: expected a run folder with a validated network, got {best.parents[1]} without one"
        )
    found = read(best)
    state = without_prefix(found.tensors, "average.") or without_prefix(found.tensors, "network.")
    own = network.state_dict()
    taken = {key: state[key] for key, value in own.items() if key in state and state[key].shape == value.shape}
    if not taken:
        raise InputError(f"{best}: expected weights of a network like this one, none of its {len(own)} tensors fits")
    network.load_state_dict(taken, strict=False)
    return {"file": str(best), "sha256": found.facts["sha256"], "not_in_it": sorted(own.keys() - taken.keys())}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by the place of each parameter: `optimiser.12.exp_avg`."""
    state = optimiser.state_dict()["state"]
    return {
        f"optimiser.{index}.{key}": value.detach().clone() if isinstance(value, Tensor) else torch.tensor(value)
        for index, values in state.items()
        for key, value in values.items()
        if value is not None
    }


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The reverse; the groups (rates, decay) stay the recipe's."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in without_prefix(tensors, "optimiser.").items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
