"""`kontur export RUN -o NAME.onnx`: a trained network as one file that runs without PyTorch, and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import screen
from .flags import Quiet


def export(
    run: Annotated[Path, typer.Argument(help="A run folder of `kontur train`.")],
    out: Annotated[
        Path, typer.Option("-o", "--output", metavar="NAME.onnx", help="The file to write; NAME.toml is its card.")
    ],
    half: Annotated[
        bool, typer.Option("--half", help="Store weights as float16 (half the size); computed in float32.")
    ] = False,
    checkpoint: Annotated[str, typer.Option(help="best or last.")] = "best",
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing output files.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a trained network as NAME.onnx, with its card NAME.toml. Use it: kontur segment -m NAME.onnx PHOTO."""
    from ..training import export as write

    done = write(run, out, half=half, checkpoint=checkpoint, force=force)
    screen.say(
        f"{done.path}: {done.size / 1e6:.1f} MB, sha256 {done.sha256[:12]}..; pixels with another class than PyTorch's: "
        f"{done.changed:.3%} of {done.images} image{'s' if done.images != 1 else ''}"
    )
    screen.say(f"{done.card}: its card")
    screen.say(f"Next: kontur segment -m {done.path} PHOTO.jpg")


def add_to(app: typer.Typer) -> None:
    app.command(no_args_is_help=True)(export)
