"""A run folder: what lies where, and a run read back from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnreadableFile
from ..core.taxonomy import Category, Taxonomy
from ..datasets import open as open_data
from ..networks import Network, build
from . import checkpoint
from .plan import Indexed
from .recipe import Recipe, load_recipe


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


@dataclass(frozen=True)
class LoadedRun:
    """A finished or stopped run: its recipe, its network with the weights asked for, and the categories of its classes."""

    folder: Folder
    recipe: Recipe
    network: Network
    taxonomy: Taxonomy
    facts: dict[str, Any]  # of the checkpoint: step, epoch, score

    def samples(self, split: str | None = None, root: str | None = None) -> Indexed:
        """A split of the run's data set as class indices; its test split by default."""
        data = self.recipe.data
        found = open_data(data.set, root or data.root, split or data.test, **data.options)
        return Indexed([found], self.taxonomy)


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
    found = checkpoint.read(folder.best) if which == "best" and folder.best.is_file() else None
    found = found or checkpoint.read_last(folder.checkpoints)
    if found is None:
        raise UnreadableFile(f"{path}: no checkpoint yet. Go on with `kontur train --resume {path}`")
    taxonomy = taxonomy_from(found.facts["taxonomy"])
    table = recipe.network
    network = build(table.name, len(taxonomy), table.channels, **table.options)
    state = checkpoint.without_prefix(found.tensors, "average.") or checkpoint.without_prefix(found.tensors, "network.")
    checkpoint.load_network(network, state, str(path))
    return LoadedRun(folder, recipe, network.eval(), taxonomy, found.facts)


def taxonomy_facts(taxonomy: Taxonomy) -> dict[str, Any]:
    """A taxonomy as plain JSON, its categories in the order of the network's classes."""
    return {
        "name": taxonomy.name,
        "ignore": taxonomy.ignore,
        "categories": [{"id": c.id, "name": c.name, "colour": list(c.colour), "thing": c.thing} for c in taxonomy],
    }


def taxonomy_from(facts: dict[str, Any]) -> Taxonomy:
    """The reverse of `taxonomy_facts`."""
    try:
        categories = tuple(
            Category(int(c["id"]), str(c["name"]), tuple(c["colour"]), bool(c["thing"])) for c in facts["categories"]
        )
        return Taxonomy(categories, ignore=facts["ignore"], name=facts["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"taxonomy: expected name, ignore and categories, got {json.dumps(facts)[:80]} ({error})"
        ) from None
