"""The flags that commands share, in one form."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import typer

from ..core.errors import OptionError

Force = Annotated[bool, typer.Option("--force", help="Overwrite earlier outputs.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Images worked on at the same time.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[int, typer.Option("-v", "--verbose", count=True, help="Print more.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="An option of the method.")]
Existing = Annotated[
    str | None,
    typer.Option(
        "--existing",
        metavar="WHAT",
        help="What happens to outputs that are there: refuse (the default), skip (finishes a stopped run), replace.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout and nothing else.")]


def chosen_existing(existing: str | None, force: bool) -> Literal["refuse", "skip", "replace"]:
    """--force is the short form of --existing replace. Raises OptionError."""
    if existing is not None and existing not in ("refuse", "skip", "replace"):
        raise OptionError(f"option --existing: expected refuse, skip or replace, got {existing!r}")
    if force and existing not in (None, "replace"):
        raise OptionError(f"option --force: it means --existing replace, got --existing {existing} as well. Give one")
    return "replace" if force else cast(Literal["refuse", "skip", "replace"], existing or "refuse")
