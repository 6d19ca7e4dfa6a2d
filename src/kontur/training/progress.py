"""What whoever watches a training is told: progress, the outcome, and why it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import KonturError


class TrainingStopped(KonturError):
    """A loss that is not finite; the message names the step, the files and the last good checkpoint."""


@dataclass
class Progress:
    """What the one who watches is told, about every second and at each validation."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    images_per_second: float
    seconds_left: float
    score: float | None = None  # of the last validation, by the task's measure
    best: float | None = None
    validated: bool = False
    measure: str = "mean IoU"


Watch = Callable[[Progress], None]


@dataclass
class Outcome:
    """How a run ended."""

    folder: Path
    steps: int
    best: float | None  # on the validation samples, by the task's measure
    finished: bool  # False: stopped by a signal; it can be resumed
    early: bool = False  # stopped for want of gain
    seconds: float = 0.0
