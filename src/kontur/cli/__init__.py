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
from typing import Annotated, Any

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


OLD_SPELLINGS = {("train", "--out"): "--output", ("export", "--out"): "--output"}
"""(command, option) -> what it is called now; the old ones are accepted and shown nowhere."""


class _Plain:
    """How an argument becomes a value, in Typer's place, where there is little to do.

    Typer asks pydantic for everything, whose import takes longer than a whole segmentation by Otsu; so a text that is to be one, a
    number in digits, a path and what has its type already go without, and all else, errors too, goes the usual way.
    """

    def __init__(self, parameter: Any) -> None:
        self._usual, self._type = parameter.get_runtime_param, parameter.type_descriptor.annotation
        info = parameter.type_descriptor.parameter_info
        self._checked = info.parser or info.exists or info.resolve_path or info.writable
        self._checked = self._checked or not (info.file_okay and info.dir_okay) or (info.min, info.max) != (None, None)

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if not self._checked:
            if value is None:
                return () if param.multiple or param.nargs == -1 else None
            if type(value) is self._type:
                return value
            if self._type == list[str] and isinstance(value, list | tuple) and all(type(v) is str for v in value):
                return list(value)
            if self._type is int and isinstance(value, str) and value.isascii() and value.isdecimal():
                return int(value)
            if self._type is Path and isinstance(value, Path):
                return value
            if (
                self._type is Path
                and isinstance(value, str)
                and (not os.path.exists(value) or os.access(value, os.R_OK))
            ):
                return Path(value)
        return self._usual().coerce(value, param=param, ctx=ctx)


def _spare_pydantic(command: Any) -> None:
    """Have the parameters of a command, that of --help too, and of its parts made values by `_Plain`."""
    listed = command.get_params

    def get_params(context: Any) -> list[Any]:
        parameters: list[Any] = listed(context)
        for parameter in parameters:
            # Other versions of Typer have none, and no pydantic.
            if hasattr(parameter, "get_runtime_param") and "get_runtime_param" not in vars(parameter):
                plain = _Plain(parameter)
                parameter.get_runtime_param = lambda plain=plain: plain
        return parameters

    command.get_params = get_params
    for part in getattr(command, "commands", {}).values():
        _spare_pydantic(part)


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
    for number, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        arguments[number] = OLD_SPELLINGS.get((only or "", name), name) + equals + value
    # Of a damaged file Pillow warns before it fails; the one line of our own error says it all.
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
    try:
        command = typer.main.get_command(build_app(only))
        _spare_pydantic(command)
        command(arguments, prog_name="kontur")
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
