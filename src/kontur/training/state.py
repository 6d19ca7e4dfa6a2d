"""A run between two steps: weights, optimiser, average, counts and random states, as a checkpoint keeps them and gives them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from . import checkpoint
from .ema import Average


@dataclass
class State:
    """What changes while training, beside the weights."""

    step: int = 0  # steps that are done
    best: float | None = None
    best_step: int = 0
    score: float | None = None
    stale: int = 0  # validations without gain
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # since the last row of metrics.csv

    def facts(self) -> dict[str, Any]:
        return dict(vars(self))


def tensors_of(
    network: nn.Module, optimiser: torch.optim.Optimizer, average: Average | None, randoms: Sequence[Tensor]
) -> dict[str, Tensor]:
    """All that a checkpoint holds as tensors. randoms: the random state of each process."""
    tensors = checkpoint.network_tensors(network.state_dict(), "network.")
    tensors |= checkpoint.optimiser_tensors(optimiser)
    tensors |= {_random_key(rank): each for rank, each in enumerate(randoms)}
    return tensors if average is None else tensors | checkpoint.network_tensors(average.state, "average.")


def restore(
    kept: checkpoint.Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Average | None,
    where: str,
) -> State:
    """Load what `tensors_of` gave, but for the random states. Raises InputError for a checkpoint of another network."""
    checkpoint.load_network(network, checkpoint.without_prefix(kept.tensors, "network."), where)
    checkpoint.load_optimiser(optimiser, kept.tensors)
    state = State(**kept.facts["state"])
    if average is not None:
        average.state = checkpoint.without_prefix(kept.tensors, "average.")
        average.updates = state.step
    return state


def restore_random(kept: checkpoint.Checkpoint, rank: int) -> None:
    """The random state of a process; that of the first where the run had fewer of them."""
    torch.set_rng_state(kept.tensors.get(_random_key(rank), kept.tensors["random"]))


def _random_key(rank: int) -> str:
    """Where a checkpoint keeps a process's random state."""
    return f"random.{rank}" if rank else "random"
