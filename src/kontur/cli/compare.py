"""`kontur compare`: the fair table of any methods on a data set, as a page, a figure and JSON."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import KonturError, OptionError
from . import screen

if TYPE_CHECKING:
    from ..compare.contenders import Contender
    from ..compare.fair import Comparison


def add_to(app: typer.Typer) -> None:
    @app.command(
        "compare",
        help="Measure methods on a data set alike: accuracy, latency, memory; one page, a figure and JSON.\n\n"
        "Options of a method follow its name, a label of your own stands before it: "
        "--methods 'otsu,kmeans:clusters=6,SLIC + merging=region_merging:regions=60,ENet=runs/enet.onnx:flips=true'",
    )
    def command(
        methods: Annotated[
            str,
            typer.Option(
                "--methods",
                metavar="A,B:KEY=VALUE,LABEL=C",
                help="Names of `kontur methods`, .onnx files, folders of runs, with their options.",
                show_default=False,
            ),
        ],
        data: Annotated[
            str,
            typer.Option(
                "--data",
                metavar="NAME:ROOT[:SPLIT]",
                help="A data set with truth, such as camvid:data/camvid:test, bsds500:.., grabcut:.., folder:..",
                show_default=False,
            ),
        ],
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path(
            "kontur-compare"
        ),
        size: Annotated[
            str | None,
            typer.Option("--size", metavar="HxW", help="Bring images to this size first; default: their own."),
        ] = None,
        limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="The first N images.")] = None,
        threads: Annotated[
            int, typer.Option("--threads", min=1, metavar="N", help="Of BLAS, OpenMP and ONNX Runtime alike.")
        ] = 1,
        repeat: Annotated[int, typer.Option("--repeat", min=1, metavar="N", help="Timed calls an image.")] = 1,
        warm_up: Annotated[
            int, typer.Option("--warm-up", min=0, metavar="N", help="Calls before the first that is timed.")
        ] = 1,
        sheet: Annotated[int, typer.Option("--sheet", min=0, metavar="N", help="Images shown on the page.")] = 6,
        timeout: Annotated[
            float, typer.Option("--timeout", metavar="SECONDS", help="Give a method up after so long on one image.")
        ] = 600.0,
        force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier report.")] = False,
        quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    ) -> None:
        from ..compare.contenders import parse_methods
        from ..compare.fair import compare
        from ..compare.report import check_output, write_report
        from ..compare.trial_process import Settings
        from ..datasets.spec import open_spec

        screen.set_level(quiet, 0)
        contenders = parse_methods(methods)
        settings = Settings(threads, _size(size), warm_up, repeat, timeout)
        check_output(output, force=force)
        opened = open_spec(data)
        _tell_notices(contenders)
        count = len(opened) if limit is None else min(limit, len(opened))
        with screen.progress("comparing", count * len(contenders)) as advance:
            found = compare(contenders, opened, settings=settings, limit=limit, sheet=sheet, progress=advance)
        _show(found)  # before it is written: a full disk does not take it
        written = write_report(output, found)
        screen.say(f"Written: {', '.join(map(str, written))}")
        for image in found.per_image:
            if image.error is not None:
                screen.error(f"{image.name}: {image.error}")
        failed = [row for row in found.rows if row.error is not None]
        for row in failed:
            screen.error(f"{row.name}: {row.error}")
        if len(failed) == len(found.rows):
            raise typer.Exit(2)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,5})\s*[x×X]\s*(\d{1,5})\s*", text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise OptionError(f"option --size: expected HxW in pixels, such as 360x480, got {text!r}")
    return int(match[1]), int(match[2])


def _tell_notices(contenders: tuple[Contender, ...]) -> None:
    """The terms of the data that networks learnt from. A file that cannot be opened gets its error in its row."""
    from .. import registry
    from ..inference import notice

    for one in contenders:
        row = registry.get(one.target)
        if isinstance(row, registry.NetworkMethod):
            with contextlib.suppress(KonturError):
                notice.tell(row.name, row.predictor({"device": "cpu"}).notice, screen.note)


def _show(found: Comparison) -> None:
    """The table, in the order given; † marks upper bounds."""
    from ..compare.report import format_row

    metric = found.conditions["metric"]
    header = ("method", f"{metric} %", "median ms", "p95 ms", "images/s", "memory MB", "parameters", "GMAC")
    screen.table(header, [format_row(row) for row in found.rows], numbers=range(1, len(header)))
    if any(row.class_agnostic for row in found.rows):
        screen.say("† regions named by the majority of the truth: an upper bound")
    told = found.conditions
    screen.say(f"Protocol: {told['protocol']}")
    threads = f"{told['threads']} thread{'s' if told['threads'] != 1 else ''}"
    screen.say(f"{told['data']} {told['split']}: {told['images']} images; {threads}; {told['machine']['processor']}")
