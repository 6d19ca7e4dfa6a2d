"""`kontur segment`: cut images into regions and write what was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import MissingExtra, PromptError, UnknownName
from ..core.options import key_values
from ..files.exports import EXPORTS
from ..files.run import Done, Run, Watch, chosen_existing
from ..files.work import Failed
from ..registry import DEFAULT, METHODS, Method
from ..registry import default as default_method
from ..registry import get as method_of
from . import screen
from .flags import Existing, Force, Jobs, Quiet, Set, Verbose

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..core.refine import Refinements

METHOD = f"A name of `kontur methods`, a network's .onnx file, a run's folder or hf:NAME_OR_FOLDER; default {DEFAULT}."


def add_to(app: typer.Typer) -> None:
    @app.command("segment", help="Cut images into regions: files, folders (all images in them) and globs.")
    def command(
        inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders or globs.", show_default=False)],
        method: Annotated[str | None, typer.Option("-m", "--method", help=METHOD)] = None,
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path("kontur-out"),
        set_: Set = [],  # noqa: B006
        box: Annotated[list[str], typer.Option("--box", metavar="X0,Y0,X1,Y1", help="Around an object, x1 and y1 exclusive.")] = [],  # noqa: B006
        point: Annotated[list[str], typer.Option("--point", metavar="X,Y,LABEL", help="A pixel of label 1 (background), 2, 3..")] = [],  # noqa: B006
        scribbles: Annotated[Path | None, typer.Option("--scribbles", metavar="PNG", help="Strokes: indices or colours.")] = None,
        background_label: Annotated[int, typer.Option("--background-label", metavar="N", help="The label that means background.")] = 1,
        write: Annotated[str, typer.Option("--write", metavar="LIST", help=f"Of {', '.join(EXPORTS)}.")] = "labels,overlay,json",
        min_area: Annotated[int, typer.Option("--min-area", metavar="N", help="Remove regions under N pixels.")] = 0,
        fill_holes: Annotated[bool, typer.Option("--fill-holes", help="Fill the holes of objects.")] = False,
        smooth: Annotated[int, typer.Option("--smooth", metavar="N", help="Smooth borders with radius N pixels.")] = 0,
        keep_largest: Annotated[bool, typer.Option("--keep-largest", help="Keep the largest component only.")] = False,
        seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Random seed of methods that draw numbers.")] = None,
        existing: Existing = None,
        force: Force = False,
        jobs: Jobs = 1,
        max_pixels: Annotated[int, typer.Option("--max-pixels", metavar="N", help="Refuse larger images.")] = 500_000_000,
        quiet: Quiet = False,
        verbose: Verbose = 0,
    ) -> None:  # fmt: skip
        screen.set_level(quiet, verbose)
        if method is not None and method not in METHODS:
            _export_run(method)
        default, without_models = default_method()
        row = _row(method or default)
        prompts = _prompts(row, box, point, scribbles, background_label)
        run = Run.of(
            inputs,
            method,
            options=_options(row, set_, seed),
            prompts=prompts,
            refine=_refinements(fill_holes, smooth, min_area, keep_largest),
            write=write,
            out=output,
            jobs=jobs,
            existing=chosen_existing(existing, force),
            max_pixels=max_pixels,
        )
        told: list[str] = []  # of the default, which nobody asked for by name, the terms are told with its results
        if run.predictor is not None:
            from ..inference import notice

            notice.tell(row.name, run.predictor.notice, screen.note if method is not None else told.append)
        if run.inputs.told:
            screen.note(run.inputs.told)
        if method is None:
            screen.say(f"method: {row.name} (the default; `kontur methods` lists all)")
        items = _work(run)
        done = [item for item in items if isinstance(item, Done)]
        _summary(done, run)
        for text in told if done else []:
            screen.say(text)
        if method is None and without_models and done:
            screen.note(f"note: {without_models}")
        screen.finish([item for item in items if isinstance(item, Failed)], len(items), output)


# --- reading the arguments ----------------------------------------------------------------------------------------


def _row(name: str) -> Method:
    """The row; a network's name, which is none, is told what to do with it."""
    try:
        return method_of(name)
    except UnknownName:
        from . import networks

        if not any(name.lower() in network for network in networks.names()) or len(name) < 3:
            raise
        advice = (
            "It is a network to be trained: `kontur networks` lists them, `kontur train` trains one, and -m RUN_FOLDER uses it; "
            "trained ones of Hugging Face are -m hf:OWNER/NAME"
        )
        raise UnknownName("method", name, (), advice) from None


def _options(row: Method, pairs: list[str], seed: int | None) -> dict[str, Any]:
    given: dict[str, Any] = dict(key_values("--set", pairs))
    if seed is not None:
        if any(spec.name == "seed" for spec in row.options):
            given.setdefault("seed", seed)
        else:
            screen.note(f"note: {row.name} draws no random numbers; --seed changes nothing")
    return given


def _export_run(name: str) -> None:
    """Export a run folder's network where that is still to be done and PyTorch is there; else say nothing."""
    from ..inference.models import to_export

    file = to_export(name)
    if file is None:
        return
    try:
        from ..training import export
    except MissingExtra:
        return  # an older export does; without one `registry.get` says what to do
    screen.note(f"exporting {name} to {file}")
    export(name, file, force=True)


def _prompts(
    row: Method, boxes: list[str], points: list[str], scribbles: Path | None, background_label: int
) -> Prompts | None:
    if not boxes and not points and scribbles is None:
        row.check_prompts((), prefix="--")
        return None
    from ..core.prompts import Prompts

    strokes = None
    if scribbles is not None:
        from ..io.labels import read_scribbles

        strokes = read_scribbles(scribbles)
    prompts = Prompts.of(
        [_numbers("--box", text, "x0,y0,x1,y1", 4) for text in boxes],
        [_numbers("--point", text, "x,y,label", 3) for text in points],
        strokes,
        background_label=background_label,
    )
    row.check_prompts(prompts.kinds, prefix="--")
    return prompts if prompts.kinds else None


def _refinements(fill_holes: bool, smooth: int, min_area: int, keep_largest: bool) -> Refinements | None:
    if not (fill_holes or smooth or min_area or keep_largest):
        return None
    from ..core.refine import Refinements

    return Refinements(fill_holes, smooth, min_area, keep_largest)


def _numbers(name: str, text: str, form: str, count: int) -> tuple[int, ...]:
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise PromptError(f"{name}: expected {form} in whole pixels, got {text!r}")
    return values


# --- the run and what is told of it -------------------------------------------------------------------------------------


def _work(run: Run) -> list[Done | Failed]:
    total = len(run.inputs.images)
    with contextlib.ExitStack() as stack:
        if total == 1:
            run = replace(run, watch=stack.enter_context(_windows_shown()))
        return screen.worked_through("segmenting", run.results(), total, run.out)


@contextlib.contextmanager
def _windows_shown() -> Iterator[Watch]:
    """A bar over the tiles of the one image, where it is read by windows."""
    with contextlib.ExitStack() as stack:
        bar: list[Callable[[], None]] = []

        def watch(path: Path, tile: int, tiles: int) -> None:
            if not bar:
                bar.append(stack.enter_context(screen.progress(path.name, tiles)))
            bar[0]()

        yield watch


def _summary(done: list[Done], run: Run) -> None:
    new = [d for d in done if not d.skipped]
    if new:
        header = ["image", "size", "segments", "objects cover", "seconds"]
        forms = list(new[0].losses)
        rows = [
            [d.path.name, f"{d.shape[1]}x{d.shape[0]}", d.segments]
            + ["-" if d.objects is None else f"{d.objects:.1%}", f"{d.seconds:.2f}"]
            + [f"{d.losses[name]:.4f}" for name in forms]
            for d in new
        ]
        screen.table(header + [f"{name} IoU loss" for name in forms], rows, numbers=range(2, len(header) + len(forms)))
    for d in new:
        if d.note:
            screen.say(f"{d.path.name}: {d.note}")
    if new:
        screen.say(f"{len(new)} image{'s' if len(new) != 1 else ''} by {run.row.name}; written to {run.out}")
    if len(new) < len(done):
        left = len(done) - len(new)
        screen.say(
            f"{left} image{'s' if left != 1 else ''} finished before, left as {'it is' if left == 1 else 'they are'}"
        )
