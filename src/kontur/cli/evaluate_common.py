"""What the commands of `kontur evaluate` share: their common options and how results are printed and written.

A command:  outputs = Outputs(json_file, csv_file, force)        # refuses existing files before any work
            with progress("scoring") as advance: result = evaluate_..(.., progress=advance)
            print tables with screen.table;  outputs.write(result.to_dict(), per_image)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import OutputError
from ..core.files import atomic_write
from ..metrics.streaming import ImageScores, PerImage, Progress, without_nan
from . import screen

JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the scores to this JSON file.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="Write the scores of each image to this CSV file.")]
WorstOption = Annotated[int, typer.Option("--worst", min=0, help="List the N images with the lowest scores.")]
BootstrapOption = Annotated[
    int, typer.Option("--bootstrap", min=0, max=100_000, help="95 % intervals over images from N resamplings.")
]
AllowMissingOption = Annotated[
    bool,
    typer.Option("--allow-missing", help="List missing predictions and count them as misses."),
]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Threads; by default one a processor, at most 8")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite existing output files.")]


class Outputs:
    """The files a command was asked to write. Raises OutputError at once if one exists and force is off."""

    def __init__(self, json_file: Path | None, csv_file: Path | None, force: bool) -> None:
        self.json_file, self.csv_file = json_file, csv_file
        for path in (json_file, csv_file):
            if path is not None and path.exists() and not force:
                raise OutputError(f"{path}: exists already. Use --force to overwrite")

    def write(self, scores: Mapping[str, Any], per_image: PerImage | None = None) -> None:
        if self.json_file is not None:
            text = json.dumps(without_nan(scores), indent=2, ensure_ascii=False)
            atomic_write(self.json_file, (text + "\n").encode())
        if self.csv_file is not None and per_image is not None:
            atomic_write(self.csv_file, per_image.csv())


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A progress bar on stderr that learns its total from the first call of advance(done, total)."""
    bar: Any = None
    step: Any = None

    def advance(done: int, total: int) -> None:
        nonlocal bar, step
        if bar is None:
            bar = screen.progress(what, total)
            step = bar.__enter__()
        step()

    try:
        yield advance
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


def number(value: float, places: int = 4) -> str:
    """A score as text; "-" where it is undefined."""
    return "-" if value != value else f"{value:.{places}f}"


def show_protocol(protocol: str) -> None:
    """The definition the numbers follow, in words, under the table."""
    screen.say(f"Protocol: {protocol}")


def show_missing(missing: str) -> None:
    """The names without counterpart (Pairing.missing), on stderr."""
    if missing:
        screen.note(f"kontur: files without counterpart: {missing}. Missing predictions are counted as misses")


def show_worst(rows: Sequence[ImageScores], by: str) -> None:
    if rows:
        names = list(rows[0].values)
        screen.table(
            ("image", *names),
            [(r.name, *(number(v) if isinstance(v, float) else v for v in r.values.values())) for r in rows],
            title=f"Worst {len(rows)} by {by}",
            numbers=range(1, len(names) + 1),
        )


def show_intervals(intervals: Mapping[str, tuple[float, float]], resamplings: int) -> None:
    if intervals:
        screen.table(
            ("score", "low", "high"),
            [(name, number(low), number(high)) for name, (low, high) in intervals.items()],
            title=f"95 % intervals over images, {resamplings} resamplings",
            numbers=(1, 2),
        )
