"""What a recipe's `task` decides: how samples are read, what a network is scored by, how its results are shown and compared.

semantic   one class a pixel        `semantic.Semantic`
boundary   contours of people       `boundary.Boundary`
instance   objects of one category  `instance.Instance`
detection  objects found one by one `detection.Detection`
panoptic   things and stuff         `panoptic.Panoptic`, and of the network panoptic_fpn `panoptic_fpn.PanopticFPN`
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.taxonomy import Taxonomy
from .recipe import Recipe
from .samples import Samples

if TYPE_CHECKING:
    from .scoring import TorchPredictor


@dataclass(frozen=True)
class Scored:
    """score: what the best checkpoint is chosen by, higher is better. row: of metrics.csv, its keys begin with val_ or iou_.

    summary: what a person reads, by its name. facts: everything, as JSON types. header, classes: a table of the scores of each class.
    """

    score: float
    row: dict[str, float]
    summary: dict[str, float]
    facts: dict[str, Any]
    protocol: str
    header: tuple[str, ...] = ()
    classes: tuple[tuple[str, tuple[float, ...]], ...] = ()


class Task(Protocol):
    """One task. Whoever adds one writes such a class, in a module of its name, and names it in `recipe.Recipe.task`."""

    measure: str
    """What `Scored.score` is called in lines and figures."""

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Samples:
        """The samples of some splits. taxonomy: that of the run, which the splits must have; by default their own."""
        ...

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        """Scores on all samples, by the exact ruler. Memory does not grow with their number."""
        ...

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """(height, width, 3): image, truth and prediction of the chosen samples."""
        ...

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        """The share of pixels, in [0, 1], at which two logits (K, H, W) mean something else."""
        ...

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        """What an exported file must say of itself beside the rest. samples: for choices, never of a test split; None without data."""
        ...


def task_of(recipe: Recipe) -> Task:
    """The task of a recipe."""
    own = recipe.task == "panoptic" and recipe.network.name == "panoptic_fpn"
    module, kind = ("panoptic_fpn", "PanopticFPN") if own else (recipe.task, recipe.task.capitalize())
    task: Task = getattr(importlib.import_module(f".{module}", __package__), kind)()
    return task
