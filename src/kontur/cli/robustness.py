"""`kontur robustness`: how the scores of methods fall with the strength of damage, as a table and a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ..core.errors import OptionError, OutputError
from . import screen

if TYPE_CHECKING:
    from ..compare.robustness import Robustness


def add_to(app: typer.Typer) -> None:
    app.command("robustness", help="Score methods against strength of noise: a table (CSV, JSON) and a figure.")(
        command
    )


def command(
    methods: Annotated[
        str, typer.Option("--methods", metavar="A,B,C", help="Names of `kontur methods`.", show_default=False)
    ],
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            metavar="IMAGES[:TRUTH]",
            help="A BSDS500 folder, or images and the folder of their label maps.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path(
        "kontur-robustness"
    ),
    kinds: Annotated[
        str | None, typer.Option("--kinds", metavar="LIST", help="Kinds of damage; by default the six noises.")
    ] = None,
    strengths: Annotated[
        list[str], typer.Option("--strengths", metavar="KIND=A,B,C", help="Strengths of a kind, mild to severe.")
    ] = [],  # noqa: B006
    filter_: Annotated[
        str | None, typer.Option("--filter", metavar="NAME", help="Filter every image before the method.")
    ] = None,
    set_: Annotated[list[str], typer.Option("--set", metavar="METHOD.KEY=VALUE", help="An option of a method.")] = [],  # noqa: B006
    score: Annotated[str, typer.Option("--score", help="auto, covering or iou.")] = "auto",
    split: Annotated[str, typer.Option("--split", help="Split of BSDS500: train, val or test.")] = "val",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="The first N images by name.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Random seed of the noise.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Images worked on at the same time.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Overwrite earlier outputs.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> None:
    from ..compare.robustness import NOISES, Score, conditions, robustness
    from ..compare.robustness_figure import draw_robustness
    from ..compare.robustness_subjects import subjects
    from ..core.files import atomic_write
    from ..io.pictures import write_picture
    from ..metrics.evaluation import without_nan

    screen.set_level(quiet, 0)
    files = {end: output / f"robustness.{end}" for end in ("csv", "json", "png")}
    for file in files.values():
        if file.exists() and not force:
            raise OutputError(f"{file}: exists already. Use --force to overwrite or -o for another folder")
    names = _words(methods)
    asked = _words(kinds) if kinds is not None else list(NOISES)
    if not asked:
        raise OptionError("option --kinds: expected names with commas, got none. See `kontur degrade --list`")
    values = _strengths(strengths)
    total = len(conditions(asked, values))
    found = subjects(data, split=split, limit=limit)
    with screen.progress("measuring", total * len(found)) as advance:
        table = robustness(
            names,
            found,
            kinds=asked,
            strengths=values,
            options=_options(set_),
            score=cast(Score, score),
            denoise=filter_,
            seed=seed,
            jobs=jobs,
            progress=advance,
        )
    text = json.dumps(without_nan(table.to_dict()), indent=1, ensure_ascii=False)
    atomic_write(files["csv"], table.csv())
    atomic_write(files["json"], (text + "\n").encode())
    write_picture(files["png"], draw_robustness(table))
    _show(table)
    screen.say(f"Written: {', '.join(map(str, files.values()))}")
    for failure in table.failures:
        screen.error(failure)
    if table.failures:
        raise typer.Exit(2)


def _show(table: Robustness) -> None:
    """A table a kind, its strengths from left to right."""
    for kind in table.kinds:
        rows = table.of(table.methods[0], kind)
        header = ("method", "clean", *(f"{row.strength:g}" for row in rows))
        screen.table(
            header,
            [(m, *(_score(row.mean) for row in (table.clean(m), *table.of(m, kind)))) for m in table.methods],
            title=f"{table.score} under {kind} ({rows[0].option})",
            numbers=range(1, len(header)),
        )
        screen.say()
    screen.say(f"Protocol: {table.protocol}")


def _score(mean: float) -> str:
    return "-" if mean != mean else f"{mean:.3f}"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _strengths(given: list[str]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for text in given:
        kind, _, numbers = text.partition("=")
        try:
            values[kind.strip()] = [float(word) for word in _words(numbers)]
        except ValueError:
            values[kind.strip()] = []
        if not values[kind.strip()]:
            raise OptionError(f"option --strengths: expected KIND=A,B,C with numbers, got {text!r}")
    return values


def _options(given: list[str]) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for text in given:
        where, equals, value = text.partition("=")
        method, dot, key = where.partition(".")
        if not equals or not dot or not method or not key:
            raise OptionError(f"option --set: expected METHOD.KEY=VALUE, got {text!r}")
        values.setdefault(method.strip(), {})[key.strip().replace("-", "_")] = value.strip()
    return values
