"""The flags that commands share, in one form."""

from __future__ import annotations

from typing import Annotated

import typer

from . import screen

Force = Annotated[bool, typer.Option("--force", help="Overwrite earlier outputs.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Images worked on at the same time.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", callback=screen.quieten, help="Print errors only.")]
"""A command with it is quiet; its own parameter says no more."""
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
