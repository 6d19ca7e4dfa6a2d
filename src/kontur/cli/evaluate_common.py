"""What the commands of `kontur evaluate` share: their common options, and how an Evaluation is printed and written.

    @command
    def foreground(truth_dir: .., soft: .. = False, *, common: Common) -> Evaluation:
        return evaluate_foreground(truth_dir, .., soft=soft, **common.walk)

`command` gives the function the common options in the place of `common`, prints its Evaluation and writes the files.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ..core.errors import OutputError
from ..core.files import atomic_write
from . import screen
from .flags import Quiet

if TYPE_CHECKING:
    from ..metrics.evaluation import Evaluation, Table

OPTIONS: dict[str, tuple[Any, Any, Any]] = {
    "json_file": (Path | None, None, typer.Option("--json", help="Write the scores to this JSON file.")),
    "csv_file": (Path | None, None, typer.Option("--csv", help="Write the scores of each image to this CSV file.")),
    "worst": (int, 0, typer.Option("--worst", min=0, help="List the N images with the lowest scores.")),
    "bootstrap": (
        int, 0, typer.Option("--bootstrap", min=0, max=100_000, help="95 % intervals over images from N resamplings.")
    ),
    "allow_missing": (
        bool, False, typer.Option("--allow-missing", help="List missing predictions and count them as misses.")
    ),
    "jobs": (int | None, None, typer.Option("--jobs", min=1, help="Threads; by default one a processor, at most 8")),
    "force": (bool, False, typer.Option("--force", help="Overwrite existing output files.")),
}  # fmt: skip
"""Of all commands: parameter -> (type, default, option)."""


@dataclass(frozen=True)
class Common:
    """The common options as given, and what they mean for the library."""

    json_file: Path | None
    csv_file: Path | None
    worst: int
    bootstrap: int
    force: bool
    progress: Callable[[int, int], None]
    allow_missing: bool = False
    jobs: int | None = None
    files: list[tuple[Path, Callable[[Path], None]]] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, Any]:
        """What is kept of single images, and the progress."""
        csv = self.csv_file is not None
        return {"csv": csv, "worst": self.worst, "bootstrap": self.bootstrap, "progress": self.progress}

    @property
    def walk(self) -> dict[str, Any]:
        """Of folders: missing files, threads and progress."""
        return {"allow_missing": self.allow_missing, "threads": self.jobs, "progress": self.progress}

    @property
    def kept(self) -> dict[str, Any]:
        """`walk`, and what is kept of single images as one value."""
        from ..metrics.evaluation import Resampling

        return {**self.walk, "keep": Resampling(self.csv_file is not None, self.worst, self.bootstrap)}

    def also(self, path: Path | None, write: Callable[[Path], None]) -> None:
        """A further file, refused at once where it exists, written after the others."""
        if path is not None:
            self.refuse(path)
            self.files.append((path, write))

    def refuse(self, *paths: Path | None) -> None:
        """Raises OutputError if one exists and force is off."""
        for path in paths:
            if path is not None and path.exists() and not self.force:
                raise OutputError(f"{path}: exists already. Use --force to overwrite")


def command(score: Callable[..., Evaluation], *, leave_out: tuple[str, ...] = ()) -> Callable[..., None]:
    """A command of typer: the function's own parameters, then the common options but those left out."""
    hints = get_type_hints(score, include_extras=True)
    own = [p for p in inspect.signature(score).parameters.values() if p.name != "common"]
    shared = {name: option for name, option in OPTIONS.items() if name not in leave_out}
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=Annotated[kind, option]
        )
        for name, (kind, default, option) in shared.items()
    ]

    parameters.append(
        inspect.Parameter("quiet", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=Quiet)
    )

    def run(quiet: bool = False, **given: Any) -> None:
        with progress("scoring") as advance:
            common = Common(**{name: given.pop(name) for name in shared}, progress=advance)
            common.refuse(common.json_file, common.csv_file)
            result = score(**given, common=common)
        show(result, common.bootstrap)
        if common.json_file is not None:
            text = json.dumps(result.document(), indent=2, ensure_ascii=False)
            atomic_write(common.json_file, (text + "\n").encode())
        if common.csv_file is not None:
            atomic_write(common.csv_file, result.per_image.csv())
        for path, write in common.files:
            write(path)

    run.__name__, run.__doc__ = score.__name__, score.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
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


def number(value: object) -> object:
    """A score as text, "-" where it is undefined; anything else as it is."""
    if not isinstance(value, float):
        return value
    return "-" if value != value else f"{value:.4f}"


def show(result: Evaluation, resamplings: int) -> None:
    """Everything a reader is told: what is missing, the tables, notes, intervals, the worst images, the protocol."""
    from ..metrics.evaluation import Table

    if result.missing:
        missing = f"files without counterpart: {result.missing}. Missing predictions are counted as misses"
        screen.note(f"kontur: {missing}")
    for table in result.tables:
        _show(table)
    for note in result.notes:
        screen.note(f"kontur: {note}")
    if result.intervals:
        ends = tuple((name, low, high) for name, (low, high) in result.intervals.items())
        _show(Table(("score", "low", "high"), ends, f"95 % intervals over images, {resamplings} resamplings"))
    worst = result.per_image.worst_rows
    if worst:
        values: list[Mapping[str, object]] = [row.values for row in worst]
        rows = tuple((row.name, *own.values()) for row, own in zip(worst, values))
        _show(Table(("image", *values[0]), rows, f"Worst {len(worst)} by {result.per_image.by}"))
    screen.say(f"Protocol: {result.protocol}")


def _show(table: Table) -> None:
    columns = range(len(table.header))
    numbers = [i for i in columns if all(isinstance(row[i], int | float) for row in table.rows)]
    screen.table(table.header, [list(map(number, row)) for row in table.rows], title=table.title, numbers=numbers)  # type: ignore[misc]
