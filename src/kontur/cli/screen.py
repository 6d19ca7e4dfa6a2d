"""What the commands print: tables, progress and errors. Results go to stdout, everything else to stderr.

A table is drawn by rich in a terminal; elsewhere it is plain text, never wrapped and never shortened.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer

from ..files.work import Failed

T = TypeVar("T")

_quiet = False
_verbose = 0


def set_level(quiet: bool, verbose: int) -> None:
    global _quiet, _verbose
    _quiet = _quiet or quiet
    _verbose = max(_verbose, verbose)


def quieten(quiet: bool) -> bool:
    """Of the flag -q of a command, wherever it stands."""
    set_level(quiet, 0)
    return quiet


def verbose() -> int:
    return _verbose


def say(text: str = "") -> None:
    """A line for people, on stdout, unless -q."""
    if not _quiet:
        print(text)


def note(text: str) -> None:
    """A remark, on stderr, unless -q."""
    if not _quiet:
        print(text, file=sys.stderr)


def live(text: str) -> None:
    """A line on stderr that the next one overwrites, for a terminal, unless -q."""
    if not _quiet:
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line on stderr, whatever -q says."""
    print("kontur: " + " ".join(text.split()), file=sys.stderr)


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", numbers: Sequence[int] = ()
) -> None:
    """Print a table on stdout; `numbers` are the columns to align right. Nothing with -q."""
    if _quiet:
        return
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        drawn = Table(title=title or None, title_justify="left", header_style="bold")
        for index, name in enumerate(header):
            drawn.add_column(name, justify="right" if index in numbers else "left", overflow="fold")
        for row in cells:
            drawn.add_row(*(cell.replace("[", "\\[") for cell in row))
        Console().print(drawn)
        return
    if title:
        print(title)
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    for row in [list(header), *cells]:
        line = "  ".join(
            c.rjust(w) if i in numbers else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        print(line.rstrip())


class Stopped(Exception):
    """Ctrl-C in a run over files: its text says what is done, what is not and how to go on."""

    def __init__(self, done: int, failed: int, total: int, out: Path) -> None:
        bad = f", {failed} failed" if failed else ""
        super().__init__(
            f"stopped: {done} of {total} images are done and lie whole in {out}{bad}, {total - done - failed} are not done. "
            "The same command with --existing skip goes on"
        )


def worked_through(what: str, results: Generator[T | Failed, None, None], total: int, out: Path) -> list[T | Failed]:
    """All items of a run over files, under a bar. On Ctrl-C what is under way is waited for; then `Stopped` is raised."""
    items: list[T | Failed] = []
    with progress(what, total) as advance:
        try:
            for item in results:
                items.append(item)
                advance()
        except KeyboardInterrupt:
            results.close()
            failed = sum(isinstance(item, Failed) for item in items)
            raise Stopped(len(items) - failed, failed, total, out) from None
    return items


def finish(failed: Sequence[Failed], total: int, out: Path) -> None:
    """Say what failed, a line each, and end with exit code 2; nothing when nothing failed. The traceback with -v."""
    if not failed:
        return
    if total > 1:
        error(f"{len(failed)} of {total} images failed:")
    for item in failed:
        error(item.error)
        if _verbose and item.cause is not None:
            import traceback

            traceback.print_exception(item.cause)
    unbegun = sum(item.cause is None for item in failed)
    if unbegun:
        error(
            f"the disk is full: {total - len(failed)} of {total} images are done and lie whole in {out}. Free some space; the "
            "same command with --existing skip goes on"
        )
    raise typer.Exit(2)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr in a terminal; yields the function that advances it by one."""
    if _quiet or total < 2 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
