"""`kontur data`: look after a data set before it costs a day: check it, convert it, show it."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import OptionError, OutputError
from ..datasets import NAMES
from . import screen
from .evaluate_common import progress
from .flags import Quiet

_MOST_ROWS = 200

app = typer.Typer(
    help="Check a data set, convert it between forms, show it.", no_args_is_help=True, pretty_exceptions_enable=False
)


def add_to(parent: typer.Typer) -> None:
    for module in ("data_convert", "data_show"):
        if importlib.util.find_spec(f"{__package__}.{module}") is not None:
            importlib.import_module(f".{module}", __package__).add_to_data(app)
    parent.add_typer(app, name="data")


@app.command()
def check(
    root: Annotated[Path, typer.Argument(help="The data set's folder.", show_default=False)],
    as_: Annotated[
        str, typer.Option("--as", metavar="NAME", help=f"What it is: {', '.join(NAMES)}.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but JSON: splits, findings, notes.")] = False,
    images: Annotated[str | None, typer.Option(metavar="DIR", help="folder: where the images are, in ROOT.")] = None,
    masks: Annotated[
        str | None, typer.Option(metavar="DIR|JSON", help="folder: where the masks are, or a COCO file, in ROOT.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="FILE|A,B,..|K", help="folder: class names in the order of their ids.")
    ] = None,
    taxonomy: Annotated[
        Path | None, typer.Option(metavar="JSON", help="folder: categories' ids, names and the ignore id.")
    ] = None,
    ignore: Annotated[
        str | None,
        typer.Option(metavar="ID", help="folder: mask value that does not count, or none.", show_default="255"),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Write the class frequencies as a picture.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Threads; by default one a processor, at most 8.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing figure.")] = False,
    quiet: Quiet = False,
) -> None:
    """Read every image and mask: exit 0 when all is well, 1 when there are findings, 2 when it cannot be checked."""
    from ..datasets import check as check_set

    options: dict[str, Any] = {"images": images, "masks": masks, "classes": classes, "taxonomy": taxonomy}
    options = {key: value for key, value in options.items() if value is not None}
    if ignore is not None:
        options["ignore"] = ignore_value(ignore)
    allowed = {"folder": set(options), "grabcut": {"images"}}.get(as_, set())
    if options.keys() - allowed:
        named = ", ".join(f"--{key}" for key in sorted(options.keys() - allowed))
        raise OptionError(f"{named}: not for --as {as_}, whose folders and classes are known; expected --as folder")
    if figure is not None and figure.exists() and not force:
        raise OutputError(f"{figure}: exists already. Use --force to overwrite")
    with progress("checking") as advance:
        report = check_set(as_, root, jobs=jobs, progress=advance, **options)
    if figure is not None:
        from ..io.pictures import write_picture

        write_picture(figure, report.figure())
    if as_json:
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False))
    else:
        _show(report)
    raise typer.Exit(0 if report.clean else 1)


def _show(report: Any) -> None:
    screen.table(("split", "images"), list(report.splits.items()), numbers=(1,))
    rows = report.frequencies
    if rows:
        total = max(1, sum(row.pixels or row.objects for row in rows))
        what = "pixels" if any(row.pixels for row in rows) else "objects"
        counts = [(row, row.pixels or row.objects) for row in rows]
        screen.table(
            ("id", "class", what, "share", "images"),
            [(r.id, r.name, f"{n:,}", f"{100 * n / total:.3f} %", r.images) for r, n in counts],
            numbers=(0, 2, 3, 4),
        )
    if report.findings:
        screen.table(
            ("file", "finding", "value", "count", "what to do"),
            [
                (f.file, f.kind, "" if f.value is None else f.value, f.count, f.advice)
                for f in report.findings[:_MOST_ROWS]
            ],
            numbers=(3,),
        )
        if len(report.findings) > _MOST_ROWS:
            screen.say(f".. and {len(report.findings) - _MOST_ROWS} more; --json lists all")
    for note in report.notes:
        screen.say(f"note: {note}")
    images = sum(report.splits.values())
    screen.say(f"{images} images, {len(report.findings)} findings, {len(report.notes)} notes")


def ignore_value(text: str) -> int | None:
    """What --ignore says: a value, or none."""
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise OptionError(f"--ignore: expected a whole number or none, got {text!r}") from None
