"""`kontur segment`: cut images into regions and write what was asked for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import registry
from ..core.errors import KonturError, MissingExtra, OptionError, OutputError, PromptError, UnknownName
from ..core.instances import Instances
from ..core.options import checked_options
from ..core.prompts import Prompts
from ..core.segmentation import Segmentation
from . import screen
from .batch import finish, key_values, refuse_clashes
from .outputs import OF_HIERARCHIES, WRITES, heatmap_ending, write_heatmaps, write_hierarchy, write_outputs

if TYPE_CHECKING:
    from ..io.coco import CocoEntry


@dataclass(frozen=True)
class Refinements:
    """What is done to a result after the method, in this order."""

    fill_holes: bool = False
    smooth: int = 0
    min_area: int = 0
    keep_largest: bool = False

    def apply(self, result: Segmentation) -> Segmentation:
        from ..core import refine

        provenance = result.provenance
        notes: list[str] = []
        if self.fill_holes:
            result, notes = refine.fill_holes(result), [*notes, "holes filled"]
        if self.smooth:
            result, notes = refine.smooth(result, self.smooth), [*notes, f"smoothed with radius {self.smooth}"]
        if self.min_area:
            result, notes = (
                refine.remove_small(result, self.min_area),
                [*notes, f"regions under {self.min_area} pixels removed"],
            )
        if self.keep_largest:
            result, notes = refine.keep_largest(result), [*notes, "largest component kept"]
        if provenance is not None and notes:
            provenance = replace(provenance, notes=(*provenance.notes, *notes))
        return replace(result, provenance=provenance)

    @property
    def any(self) -> bool:
        return self != Refinements()


@dataclass(frozen=True)
class Job:
    """All that is the same for every image of a run.

    network: the row, of a semantic network. runs_network: any network, `contours` too. hierarchy: more than one level is
    to be written.
    """

    row: registry.Method
    network: registry.NetworkMethod | None
    runs_network: bool
    hierarchy: bool
    heatmaps: tuple[str, ...]
    options: dict[str, Any]
    prompts: dict[str, Any]
    refinements: Refinements
    writes: tuple[str, ...]
    output: Path
    force: bool
    max_pixels: int
    alone: bool

    @property
    def method(self) -> str:
        return self.row.name


@dataclass(frozen=True)
class Done:
    """One image, finished: what the summary and coco.json need, without the pixels, so that memory does not grow with images."""

    path: Path
    size: str
    segments: int
    objects: float | None
    seconds: float
    losses: dict[str, float]
    coco: CocoEntry | None
    note: str = ""


def add_to(app: typer.Typer) -> None:
    @app.command("segment", help="Cut images into regions: files, folders (all images in them) and globs.")
    def command(
        inputs: Annotated[
            list[str], typer.Argument(metavar="INPUT...", help="Files, folders or globs.", show_default=False)
        ],
        method: Annotated[
            str | None,
            typer.Option(
                "-m",
                "--method",
                help=f"A name of `kontur methods`, a network's .onnx file, a run's folder or hf:NAME_OR_FOLDER; default {registry.DEFAULT}.",
            ),
        ] = None,
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path(
            "kontur-out"
        ),
        set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="An option of the method.")] = [],  # noqa: B006
        box: Annotated[
            list[str], typer.Option("--box", metavar="X0,Y0,X1,Y1", help="Around an object, x1 and y1 exclusive.")
        ] = [],  # noqa: B006
        point: Annotated[
            list[str], typer.Option("--point", metavar="X,Y,LABEL", help="A pixel of label 1 (background), 2, 3..")
        ] = [],  # noqa: B006
        scribbles: Annotated[
            Path | None, typer.Option("--scribbles", metavar="PNG", help="Strokes: indices or colours.")
        ] = None,
        background_label: Annotated[
            int, typer.Option("--background-label", metavar="N", help="The label that means background.")
        ] = 1,
        write: Annotated[
            str, typer.Option("--write", metavar="LIST", help=f"Of {','.join(WRITES)}.")
        ] = "labels,overlay,json",
        min_area: Annotated[int, typer.Option("--min-area", metavar="N", help="Remove regions under N pixels.")] = 0,
        fill_holes: Annotated[bool, typer.Option("--fill-holes", help="Fill the holes of objects.")] = False,
        smooth: Annotated[int, typer.Option("--smooth", metavar="N", help="Smooth borders with radius N pixels.")] = 0,
        keep_largest: Annotated[bool, typer.Option("--keep-largest", help="Keep the largest component only.")] = False,
        seed: Annotated[
            int | None, typer.Option("--seed", metavar="N", help="Random seed of methods that draw numbers.")
        ] = None,
        force: Annotated[bool, typer.Option("--force", help="Overwrite earlier outputs.")] = False,
        jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="Images worked on at the same time.")] = 1,
        max_pixels: Annotated[
            int, typer.Option("--max-pixels", metavar="N", help="Refuse larger images.")
        ] = 500_000_000,
        quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
        verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Print more.")] = 0,
    ) -> None:
        from ..io.photos import find_images

        screen.set_level(quiet, verbose)
        _at_least("--min-area", min_area, 0)
        _at_least("--smooth", smooth, 0)
        _at_least("--jobs", jobs, 1)
        _at_least("--max-pixels", max_pixels, 1)
        if method is not None and method not in registry.METHODS:
            _export_run(method)
        default, without_models = registry.default()
        row = registry.get(method or default)
        options = _options(row, set_, seed)
        writes = _writes(write)
        prompts = _prompts(row, box, point, scribbles, background_label)
        told: list[str] = []  # of the default, which nobody asked for by name, the terms are told with its results
        predictor = opened_network(row, options, screen.note if method is not None else told.append)
        heatmaps = _heatmaps(row, writes, predictor)
        hierarchy = _of_hierarchy(row, writes)
        images = find_images(inputs)
        refuse_clashes(images)
        if "coco" in writes and (output / "coco.json").exists() and not force:
            raise OutputError(
                f"{output / 'coco.json'}: exists already. Use --force to overwrite or -o for another folder"
            )
        if method is None:
            screen.say(f"method: {row.name} (the default; `kontur methods` lists all)")
        refinements = Refinements(fill_holes, smooth, min_area, keep_largest)
        network = row if isinstance(row, registry.NetworkMethod) and row.task == "semantic" else None
        job = Job(
            row,
            network,
            predictor is not None,
            hierarchy,
            heatmaps,
            options,
            prompts,
            refinements,
            writes,
            output,
            force,
            max_pixels,
            len(images) == 1,
        )
        done, failed = _run(images, job, jobs)
        if "coco" in writes and done:
            from ..io.coco import write_coco

            write_coco(output / "coco.json", [d.coco for d in done if d.coco is not None])
        _summary(done, job)
        for text in told if done else []:
            screen.say(text)
        if method is None and without_models and done:
            screen.note(f"note: {without_models}")
        finish(failed, len(images))


# --- reading the arguments ----------------------------------------------------------------------------------------


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise OptionError(f"option {name}: expected a whole number, at least {least}, got {value}")


def _options(row: registry.Method, pairs: list[str], seed: int | None) -> dict[str, Any]:
    given: dict[str, Any] = dict(key_values("--set", pairs))
    specs = row.options
    if seed is not None:
        if any(spec.name == "seed" for spec in specs):
            given.setdefault("seed", seed)
        else:
            screen.note(f"note: {row.name} draws no random numbers; --seed changes nothing")
    values = checked_options(row.name, specs, given)
    return {name: values[name] for name in given}


def _writes(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    for name in names:
        if name not in WRITES:
            raise UnknownName("output", name, WRITES, f"--write takes: {', '.join(WRITES)}.")
    if not names:
        raise OptionError(f"option --write: expected one or more of {', '.join(WRITES)}, got {text!r}")
    return names


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


def opened_network(row: registry.Method, options: dict[str, Any], say: Callable[[str], None]) -> Any:
    """Of a network: opened and checked before any image, and the terms of its data told. None of other methods."""
    if not isinstance(row, registry.NetworkMethod):
        return None
    from ..inference import notice

    predictor = row.predictor(options)
    notice.tell(row.name, predictor.notice, say)
    return predictor


def _heatmaps(row: registry.Method, writes: tuple[str, ...], predictor: Any) -> tuple[str, ...]:
    """The endings of the files of --write heatmaps, in the order of the network's classes."""
    if "heatmaps" not in writes:
        return ()
    if predictor is None or row.task in ("instance", "panoptic"):
        raise OptionError(f"option --write: heatmaps are the probabilities of a network; {row.name} has none")
    if row.tree:
        raise OptionError(f"option --write: heatmaps are of categories; of {row.name} write boundaries or ultrametric")
    return tuple(heatmap_ending(name) for name in predictor.metadata.classes)


def _of_hierarchy(row: registry.Method, writes: tuple[str, ...]) -> bool:
    """Whether an output is asked for that needs every level."""
    wanted = [name for name in writes if name in OF_HIERARCHIES]
    if wanted and not row.tree:
        having = " or ".join(name for name, method in registry.METHODS.items() if method.tree)
        raise OptionError(
            f"option --write: {wanted[0]} is of a hierarchy of regions; {row.name} makes none. Use -m {having}"
        )
    return bool(wanted)


def _prompts(
    row: registry.Method, boxes: list[str], points: list[str], scribbles: Path | None, background_label: int
) -> dict[str, Any]:
    prompts: dict[str, Any] = {}
    if boxes:
        prompts["box"] = [_numbers("--box", text, "x0,y0,x1,y1", 4) for text in boxes]
    if points:
        prompts["point"] = [_numbers("--point", text, "x,y,label", 3) for text in points]
    if scribbles is not None:
        from ..io.labels import read_scribbles

        prompts["scribbles"] = read_scribbles(scribbles)
    row.check_prompts(prompts, prefix="--")
    if prompts:
        prompts["background_label"] = background_label
    return prompts


def _numbers(name: str, text: str, form: str, count: int) -> tuple[int, ...]:
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise PromptError(f"{name}: expected {form} in whole pixels, got {text!r}")
    return values


# --- the work -------------------------------------------------------------------------------------------------------


def _run(images: list[tuple[Path, Path]], job: Job, jobs: int) -> tuple[list[Done], list[str]]:
    """Work on all images, `jobs` at a time; a failed one does not stop the others. Results are in the order of the inputs."""
    done: dict[int, Done] = {}
    failed: dict[int, str] = {}
    stop = threading.Event()
    # A network has all cores itself; what it leaves free reads the next image and writes the last.
    workers = jobs + 2 if job.runs_network else jobs
    turn = threading.Semaphore(jobs)

    def one(path: Path, stem: Path) -> Done | None:
        return None if stop.is_set() else _segment_one(path, stem, job, turn, stop)

    with screen.progress("segmenting", len(images)) as advance, ThreadPoolExecutor(min(workers, len(images))) as pool:
        futures = {pool.submit(one, path, stem): number for number, (path, stem) in enumerate(images)}
        try:
            for future in as_completed(futures):
                number = futures[future]
                path = images[number][0]
                try:
                    finished = future.result()
                    if finished is not None:
                        done[number] = finished
                except KonturError as error:
                    text = str(error)
                    failed[number] = text if path.name in text else f"{path}: {text}"
                except MemoryError:
                    failed[number] = f"{path}: out of memory. Use a smaller image, --jobs 1, or a method of lower cost"
                advance()
        except BaseException:
            stop.set()
            raise
    return [done[n] for n in sorted(done)], [failed[n] for n in sorted(failed)]


def _segment_one(path: Path, stem: Path, job: Job, turn: threading.Semaphore, stop: threading.Event) -> Done:
    from ..io.photos import read_image

    base = job.output / stem
    targets = _targets(base, stem, job)
    if not job.force:
        for target in targets:
            if target.exists():
                raise OutputError(f"{target}: exists already. Use --force to overwrite or -o for another folder")
    earlier = {target for target in targets if target.exists()}
    if job.network is not None:
        from .segment_windows import segment_streamed, streamed_size

        size = streamed_size(path, job)
        if size is not None:
            return segment_streamed(path, base, size, job, earlier, turn, stop)
    image = read_image(path, max_pixels=job.max_pixels)
    result: Segmentation | Instances
    with turn:
        started = time.perf_counter()
        want: Any = frozenset(["hierarchy"] * job.hierarchy + ["probabilities"] * bool(job.heatmaps))
        outcome = job.row.run(image, Prompts.of(**job.prompts), job.options, want)
        result, tree, probabilities = outcome.result, outcome.hierarchy, outcome.probabilities
        if job.refinements.any:
            result = job.refinements.apply(result.flatten() if isinstance(result, Instances) else result)
        seconds = time.perf_counter() - started
    written: list[Path] = []
    with all_or_none(written, earlier):
        losses = write_outputs(base, job.output / "yolo" / f"{stem}.txt", image, result, job.writes, written)
        if probabilities is not None:
            write_heatmaps(base, job.heatmaps, probabilities, written)
        if tree is not None:
            write_hierarchy(base, image, tree, job.writes, written)
    flat = result if isinstance(result, Segmentation) else None
    objects = None if flat is None or flat.foreground is None else float(flat.foreground.mean())
    coco = None
    if "coco" in job.writes:
        from ..io.coco import CocoEntry

        coco = CocoEntry.of(path.name, result)
    return Done(path, f"{image.width}x{image.height}", len(result), objects, seconds, losses, coco)


@contextlib.contextmanager
def all_or_none(written: list[Path], earlier: set[Path]) -> Iterator[None]:
    """All outputs of an image or none. written: the block appends to it. earlier: those of an earlier run, which stay when it fails."""
    try:
        yield
    except BaseException:
        for target in written:
            if target not in earlier:
                with contextlib.suppress(OSError):
                    target.unlink()
        raise
    for target in earlier.difference(written):
        # Of an earlier run with --force: a .categories.png that this result has no categories for would lie.
        target.unlink(missing_ok=True)


def _targets(base: Path, stem: Path, job: Job) -> list[Path]:
    endings = [ending for name in job.writes for ending in WRITES[name]]
    targets = [base.with_name(base.name + ending) for ending in (*endings, *job.heatmaps)]
    return [*targets, job.output / "yolo" / f"{stem}.txt"] if "yolo" in job.writes else targets


# --- the summary ------------------------------------------------------------------------------------------------------


def _summary(done: list[Done], job: Job) -> None:
    if not done:
        return
    header = ["image", "size", "segments", "objects cover", "seconds"]
    forms = [name for name in job.writes if name in done[0].losses]
    rows = [
        [d.path.name, d.size, d.segments, "-" if d.objects is None else f"{d.objects:.1%}", f"{d.seconds:.2f}"]
        + [f"{d.losses[name]:.4f}" for name in forms]
        for d in done
    ]
    screen.table(header + [f"{name} IoU loss" for name in forms], rows, numbers=range(2, len(header) + len(forms)))
    for d in done:
        if d.note:
            screen.say(f"{d.path.name}: {d.note}")
    screen.say(f"{len(done)} image{'s' if len(done) != 1 else ''} by {job.method}; written to {job.output}")
