"""`kontur test RUN`: the scores of a trained network on a split of its data set, by the exact ruler."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import OptionError, OutputError
from ..core.files import atomic_write
from . import screen
from .evaluate_common import number, progress
from .flags import Quiet


def test(
    run: Annotated[Path, typer.Argument(help="A run folder of `kontur train`, or a NAME.onnx.")],
    split: Annotated[
        str | None, typer.Option(help="The split; by default test, or what was held out where there is none.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Another data set of the same categories, NAME:ROOT:SPLIT; a NAME.onnx needs one."),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best",
    flips: Annotated[bool, typer.Option("--flips", help="Average with the mirrored image.")] = False,
    scales: Annotated[str, typer.Option(help="Average over these factors of the size: 0.75,1,1.25.")] = "1",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the scores to this JSON file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing output files.")] = False,
    quiet: Quiet = False,
) -> None:
    """Score a run, or its exported file, on a data set; a run keeps every test in RUN/tests.jsonl."""
    if json_file is not None and json_file.exists() and not force:
        raise OutputError(f"{json_file}: exists already. Use --force to overwrite")
    factors = _factors(scales)
    if checkpoint not in ("best", "last"):
        raise OptionError(f"--checkpoint: expected best or last, got {checkpoint!r}")
    from ..training import test_file, test_run

    with progress("testing") as advance:
        if run.suffix.lower() == ".onnx":
            result = test_file(run, data, flips=flips, scales=factors, threads=threads, advance=advance)
        else:
            result = test_run(
                run, split, data, which=checkpoint, flips=flips, scales=factors, threads=threads, advance=advance
            )
    scores = result.scores
    if scores.classes:
        shown = [(name, *map(number, values)) for name, values in scores.classes]
        screen.table(scores.header, shown, numbers=range(1, len(scores.header)))
    speed = f"{1000 * result.seconds / max(1, result.images):.0f}"
    screen.table(
        ("data", "images", *scores.summary, "ms an image"),
        [(result.data, result.images, *map(number, scores.summary.values()), speed)],
        numbers=range(1, len(scores.summary) + 3),
    )
    screen.say(f"Protocol: {scores.protocol}")
    facts = {**result.to_dict(), "date": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    if json_file is not None:
        atomic_write(json_file, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())
    if run.is_dir():
        with (run / "tests.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts, ensure_ascii=False) + "\n")


def _factors(text: str) -> tuple[float, ...]:
    try:
        factors = tuple(float(part) for part in text.split(","))
    except ValueError:
        factors = ()
    if not factors or any(not 0.1 <= f <= 10 for f in factors):
        raise OptionError(f"--scales: expected numbers 0.1..10 with commas, such as 0.75,1,1.25, got {text!r}")
    return factors


def add_to(app: typer.Typer) -> None:
    app.command(no_args_is_help=True)(test)
