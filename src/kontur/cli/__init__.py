"""The command line: one file a command; each parses, calls one library function, prints.

Only the command that was asked for is imported, so that every command starts fast.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from .._version import __version__
from ..core.errors import KonturError
from . import screen

# command -> the module that adds it; in the order of the help page
COMMANDS = {
    "segment": "segment",
    "methods": "methods",
    "describe": "describe",
    "networks": "networks",
    "train": "train",
    "test": "test",
    "export": "export",
    "evaluate": "evaluate",
    "data": "data",
    "degrade": "degrade",
    "robustness": "robustness",
    "compare": "compare",
    "serve": "serve",
    "demo": "demo",
    "doctor": "doctor",
}


def build_app(only: str | None = None) -> typer.Typer:
    """The application with all commands, or with one."""
    app = typer.Typer(
        name="kontur",
        help="Every way of cutting an image into regions: one command, one result, one ruler.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def common(
        version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
        quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
        verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Print more.")] = 0,
    ) -> None:
        if quiet or verbose:
            screen.set_level(quiet, verbose)

    for name, module in COMMANDS.items():
        if only is None or only == name:
            importlib.import_module(f".{module}", __name__).add_to(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line. A KonturError is one line on stderr and exit code 2, never a traceback."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if "--version" in arguments[:1]:
        print(f"kontur {__version__}")
        raise SystemExit(0)
    words = [a for a in arguments if not a.startswith("-")]
    only = words[0] if words and words[0] in COMMANDS else None
    if words and only is None and not arguments[0].startswith("-") and Path(words[0]).exists():
        screen.error(f"no command {words[0]!r}. Did you mean `kontur segment {words[0]}`?")
        raise SystemExit(2)
    # Of a damaged file Pillow warns before it fails; the one line of our own error says it all.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        build_app(only)(arguments, prog_name="kontur")
    except KonturError as error:
        screen.error(str(error))
        raise SystemExit(2) from None
    except screen.Stopped as stopped:
        screen.error(str(stopped))
        raise SystemExit(130) from None
    except MemoryError:
        screen.error("out of memory. Use a smaller image, --jobs 1, or a method of lower cost")
        raise SystemExit(2) from None
    except BrokenPipeError:  # the reader (head, less) has closed; say nothing, and nothing at interpreter exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
