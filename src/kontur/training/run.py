"""A run folder: what lies where, and a run read back from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..core.errors import InputError, KonturError, UnreadableFile
from ..core.files import atomic_write
from ..core.taxonomy import Taxonomy
from ..datasets import layout
from ..io.taxonomy import taxonomy_of
from ..networks import Network
from . import checkpoint
from .parts import build_network, training_samples
from .preflight import data_hash
from .recipe import Recipe, load_recipe
from .samples import Samples, opened
from .scoring import TorchPredictor
from .tasks import task_of


@dataclass(frozen=True)
class Folder:
    """The places of a run folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def facts(self) -> Path:
        return self.path / "run.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.checkpoints / "best.json"

    def note(self, **facts: Any) -> None:
        """Add to run.json, which is there."""
        known = json.loads(self.facts.read_text()) | facts
        atomic_write(self.facts, (json.dumps(known, indent=1, ensure_ascii=False) + "\n").encode())


@dataclass(frozen=True)
class LoadedRun:
    """A finished or stopped run: its recipe, its network with the weights asked for, and the categories of its classes."""

    folder: Folder
    recipe: Recipe
    network: Network
    taxonomy: Taxonomy
    facts: dict[str, Any]  # of the checkpoint: step, epoch, score
    which: str  # the checkpoint that was read: best, or last, also where there is no best

    def samples(self, split: str | None = None, root: str | None = None) -> Samples:
        """A split of the run's data set as class indices; its test split by default, or what `holds_out` says of it."""
        data = self.recipe.data
        if root is None and self.holds_out(split):
            return self._held_out()
        return task_of(self.recipe).samples([opened(data, split or data.test, root)], self.taxonomy)

    def holds_out(self, split: str | None = None) -> bool:
        """Whether a split means the samples held out of training: "val" does, and the test split where the data have none."""
        data = self.recipe.data
        if not data.holdout or split not in (None, "val"):
            return False
        return split == "val" or data.test not in layout(data.set, data.root, **data.options).splits

    def _held_out(self) -> Samples:
        samples = training_samples(self.recipe)[1]
        known = json.loads(self.folder.facts.read_text()).get("data") if self.folder.facts.is_file() else None
        if known and known != data_hash([samples]):
            raise InputError(
                f"{self.folder.path}: expected the data it was trained on, got changed ones, of which others would be held "
                "out. Take the old ones, or name data of their own: --data NAME:ROOT:SPLIT"
            )
        return samples

    def predictor(
        self, *, flips: bool = False, scales: Sequence[float] = (1.0,), channels_last: bool = False
    ) -> TorchPredictor:
        """The network as a predictor, in PyTorch."""
        if channels_last:
            self.network.to(memory_format=torch.channels_last)
        changes = self.recipe.augmentation
        return TorchPredictor(
            self.network,
            changes.mean,
            changes.std,
            channels=self.recipe.network.channels,
            flips=flips,
            scales=scales,
            channels_last=channels_last,
        )

    def validation(self) -> Samples | None:
        """What the run chose its best weights by; None where there was none, or its data are not here."""
        try:
            samples = training_samples(self.recipe)[1]
        except KonturError:
            return None
        return samples if len(samples) else None


def load_run(path: str | Path, which: str = "best") -> LoadedRun:
    """Read a run folder. which: "best" (the best validation; averaged weights where the run averages) or "last".

    Raises UnreadableFile for a folder that is no run or has no checkpoint yet, InputError for weights of another network.
    """
    folder = Folder(Path(path))
    if not folder.recipe.is_file():
        raise UnreadableFile(
            f"{path}: expected a run folder with recipe.toml. Make one with `kontur train RECIPE.toml -o {path}`"
        )
    recipe = load_recipe(folder.recipe)
    which = "best" if which == "best" and folder.best.is_file() else "last"
    found = checkpoint.read(folder.best) if which == "best" else checkpoint.read_last(folder.checkpoints)
    if found is None:
        raise UnreadableFile(f"{path}: no checkpoint yet. Go on with `kontur train --resume {path}`")
    taxonomy = taxonomy_of(found.facts["taxonomy"], str(path))
    table = recipe.network
    network = build_network(table, len(taxonomy))
    state = checkpoint.without_prefix(found.tensors, "average.") or checkpoint.without_prefix(found.tensors, "network.")
    checkpoint.load_network(network, state, str(path))
    moved = json.loads(folder.facts.read_text()).get("adjustment") if folder.facts.is_file() else None
    if moved:
        network.adjust(moved)
    return LoadedRun(folder, recipe, network.eval(), taxonomy, found.facts, which)
