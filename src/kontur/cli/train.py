"""`kontur train RECIPE.toml -o RUN`: train a network by a recipe, or go on with a run that was stopped."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import OptionError
from . import screen
from .flags import Quiet

if TYPE_CHECKING:
    from ..training.progress import Progress


def train(
    recipe: Annotated[Path | None, typer.Argument(help="The recipe, a TOML file; see the folder recipes.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="The run folder to make.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value: optimiser.rate=0.01, stages.0.epochs=5.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or gpu.")] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="GPUs, or processes on the CPU.")] = None,
    strategy: Annotated[str | None, typer.Option(help="auto, ddp or fsdp.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of PyTorch.")] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="First show that one batch can be over-fitted.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train a network by a recipe. Ctrl-C stops after the step with a checkpoint; --resume goes on from it."""
    from ..training import load_recipe

    if (recipe is None) == (resume is None):
        raise OptionError("train: expected either RECIPE.toml -o RUN or --resume RUN")
    if resume is None and out is None:
        raise OptionError("train: expected -o RUN, the folder to make")
    if resume is not None and (out is not None or set_):
        raise OptionError("train: --resume takes the run's own recipe and folder; leave out -o and --set")
    flags = {"device": device, "devices": devices, "strategy": strategy, "precision": precision, "threads": threads}
    sets = [*(set_ or []), *(f"run.{key}={value}" for key, value in flags.items() if value is not None)]
    folder = resume or out
    assert folder is not None
    chosen = load_recipe(resume / "recipe.toml" if resume is not None else recipe or "", sets)
    from ..training import fit  # PyTorch, for which nobody waits who has misspelt a key

    outcome = fit(chosen, folder, resume=resume is not None, self_test=self_test, watch=Screen(), tell=screen.note)
    from ..training.tasks import task_of

    measure = task_of(chosen).measure
    best = "" if outcome.best is None else f", best {measure} on val {outcome.best:.4f}"
    if not outcome.finished:
        screen.say(f"{folder}: stopped at step {outcome.steps}{best}. Go on with: kontur train --resume {folder}")
        raise typer.Exit(130)
    why = " (no more gain)" if outcome.early else ""
    screen.say(f"{folder}: {outcome.steps} steps in {_clock(outcome.seconds)}{why}{best}")
    screen.say(f"Next: kontur test {folder}    kontur export {folder} -o {chosen.name}.onnx")


class Screen:
    """Shows the progress: one moving line in a terminal, else a line at each validation and each minute."""

    def __init__(self) -> None:
        self.told = 0.0

    def __call__(self, progress: Progress) -> None:
        best = "-" if progress.best is None else f"{progress.best:.4f}"  # none: no score was a number so far
        score = "" if progress.score is None else f"  {progress.measure} {progress.score:.4f} (best {best})"
        line = (
            f"epoch {progress.epoch}/{progress.epochs}  step {progress.step}/{progress.steps}  loss {progress.loss:.4f}"
            f"{score}  {progress.images_per_second:.1f} images/s  {_clock(progress.seconds_left)} left"
        )
        last = progress.step == progress.steps
        if sys.stderr.isatty():
            filled = round(20 * progress.step / progress.steps)
            end = "\n" if last else ""
            screen.live(f"[{'#' * filled}{'.' * (20 - filled)}] {line}{end}")
        elif progress.validated or last or time.monotonic() - self.told > 60:
            self.told = time.monotonic()
            screen.note(line)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def add_to(app: typer.Typer) -> None:
    app.command(no_args_is_help=True)(train)
