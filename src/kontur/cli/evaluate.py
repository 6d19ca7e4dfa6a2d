"""`kontur evaluate`: score predictions against the truth, by the official definitions."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Score predictions against the truth, by the official definitions of each field.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="evaluate")


# The commands of other modules are mounted here, one line each: app.command("contours")(evaluate_contours.contours)
