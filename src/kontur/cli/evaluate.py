"""`kontur evaluate`: score predictions against the truth, by the official definitions."""

from __future__ import annotations

import typer

from .evaluate_boundaries import boundaries
from .evaluate_contours import contours
from .evaluate_foreground import foreground
from .evaluate_instances import instances
from .evaluate_panoptic import panoptic
from .evaluate_semantic import semantic
from .evaluate_superpixels import superpixels

app = typer.Typer(
    help="Score predictions against the truth, by the official definitions of each field.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="evaluate")


for command in (semantic, panoptic, instances, contours, superpixels, foreground, boundaries):
    app.command()(command)
