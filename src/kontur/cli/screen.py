"""What the commands print: tables, progress and errors. Results go to stdout, everything else to stderr.

A table is drawn by rich in a terminal; elsewhere it is plain text, never wrapped and never shortened.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

_quiet = False
_verbose = 0


def set_level(quiet: bool, verbose: int) -> None:
    global _quiet, _verbose
    _quiet = _quiet or quiet
    _verbose = max(_verbose, verbose)


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
