"""What commands over many images share: KEY=VALUE options, outputs that would clash, the list of failures."""

from __future__ import annotations

from pathlib import Path

import typer

from ..core.errors import OptionError, OutputError
from . import screen


def key_values(option: str, pairs: list[str]) -> dict[str, str]:
    """The KEY=VALUE texts of an option; "-" in a key is "_". Raises OptionError that names the option."""
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise OptionError(f"option {option}: expected KEY=VALUE, got {pair!r}")
        given[key.strip().replace("-", "_")] = value.strip()
    return given


def refuse_clashes(images: list[tuple[Path, Path]]) -> None:
    """Two inputs with one output name would overwrite each other (a.jpg and a.png; a and A where case is ignored)."""
    seen: dict[str, Path] = {}
    for path, stem in images:
        other = seen.setdefault(str(stem).casefold(), path)
        if other != path:
            raise OutputError(
                f"{other} and {path} would both be written as {stem}.*. Rename one or run them with different -o"
            )


def finish(failed: list[str], total: int) -> None:
    """Say what failed, a line each, and end with exit code 2; nothing when nothing failed."""
    if not failed:
        return
    if total > 1:
        screen.error(f"{len(failed)} of {total} images failed:")
    for message in failed:
        screen.error(message)
    raise typer.Exit(2)
