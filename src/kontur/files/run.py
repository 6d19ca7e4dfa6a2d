"""A run of one method over many files.

inputs ─Inputs.find▶ images ─each, in threads: read, Method.run, refine▶ Product ─exports▶ files, all of an image or none
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..core.errors import OptionError, OutputError
from ..core.options import checked_options
from ..core.segmentation import Segmentation
from ..io.photos import MAX_PIXELS, read_image
from ..registry import METHODS, Method, NetworkMethod
from ..registry import default as default_method
from ..registry import get as method_of
from .exports import EXPORTS, WHOLE_RUN, Product, Targets, names_of
from .work import Failed, Inputs, all_or_none, each, refuse_existing

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..core.refine import Refinements
    from ..io.coco import CocoEntry
    from .coco_run import CocoRun

Existing = Literal["refuse", "skip", "replace"]
Watch = Callable[[Path, int, int], None]


@dataclass(frozen=True)
class Done:
    """One image, finished; what is told of it, without the pixels, so that memory does not grow with images.

    files: what was written. shape: (H, W) in pixels. segments: how many. objects: the share of the image that objects cover, in
    [0, 1]; None where the result knows no background. seconds: of the method and the refinements. losses: 1 - IoU of each polygon
    form against the masks, mean over the regions. skipped: it was finished before, and nothing else is known of it.
    """

    path: Path
    files: tuple[Path, ...] = ()
    shape: tuple[int, int] = (0, 0)
    segments: int = 0
    objects: float | None = None
    seconds: float = 0.0
    losses: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    skipped: bool = False


def segment_files(
    inputs: str | Path | Sequence[str | Path],
    method: str | Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    prompts: Prompts | None = None,
    refine: Refinements | None = None,
    write: str | Sequence[str] = WHOLE_RUN,
    out: str | Path = "kontur-out",
    jobs: int = 1,
    existing: Existing = "refuse",
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Done | Failed]:
    """Cut many images into regions and write what is asked for, as `kontur segment` does.

    Parameters
    ----------
    inputs: files, folders (all images in them) and globs.
    method: as of `kontur.segment`.
    options: the method's, the same for all images. prompts: the same for all images.
    refine: what is done to each result after the method.
    write: names of outputs: labels, overlay, json, coco, geojson, svg, labelme, yolo, cutout, measurements, outline, mean; of a network
        heatmaps; of a hierarchy boundaries, ultrametric, levels, hierarchy.
    out: the folder to write to; sub-folders of the inputs are kept.
    jobs: images worked on at the same time.
    existing: what happens to an image whose outputs are there already: "refuse" makes it a failure, "skip" leaves it as it is, which
        finishes a run that was stopped, "replace" writes it again.
    max_pixels: larger images are refused on their header.

    Returns
    -------
    An iterator of `Done` or `Failed` for each image, in the order of the inputs. Images are worked on while it is iterated; closing it
    stops the run after the images under way. Whatever an image raises is its failure and ends nothing; the outputs of an image are
    all there or none. coco.json is written at the end, of the images that are done.

    Raises
    ------
    KonturError: for arguments that cannot be used and inputs without an image, before any work.

    Examples
    --------
    >>> for item in kontur.segment_files("photos", "otsu", out="masks"):
    ...     print(item.path.name, item.error if isinstance(item, kontur.Failed) else item.segments)
    one.jpg 2
    two.jpg 2
    """
    if method is None:
        method, note = default_method()
        if note:
            warnings.warn(note, stacklevel=2)
    run = Run.of(
        inputs, method, options=options, prompts=prompts, refine=refine, write=write, out=out, jobs=jobs,
        existing=existing, max_pixels=max_pixels,
    )  # fmt: skip
    return run.results()


@dataclass(frozen=True)
class Run:
    """A run that is ready: everything is checked that can be before the first image.

    predictor: of a network, opened; None of other methods. watch: is told (path, tile, tiles) of images read by windows.
    """

    row: Method
    inputs: Inputs
    options: dict[str, Any]
    prompts: Prompts | None
    refine: Refinements | None
    names: tuple[str, ...]
    out: Path
    jobs: int
    existing: Existing
    max_pixels: int
    predictor: Any = None
    watch: Watch | None = None

    @classmethod
    def of(
        cls,
        inputs: str | Path | Sequence[str | Path],
        method: str | Path | None,
        *,
        options: Mapping[str, Any] | None,
        prompts: Prompts | None,
        refine: Refinements | None,
        write: str | Sequence[str],
        out: str | Path,
        jobs: int,
        existing: Existing,
        max_pixels: int,
    ) -> Run:
        """Parameters, defaults and errors as of `segment_files`."""
        for name, value in (("jobs", jobs), ("max_pixels", max_pixels)):
            if value < 1:
                raise OptionError(f"option {name}: expected a whole number, at least 1, got {value}")
        if existing not in ("refuse", "skip", "replace"):
            raise OptionError(f"option existing: expected refuse, skip or replace, got {existing!r}")
        row = method_of(str(method or default_method()[0]))
        given = dict(options or {})
        values = checked_options(row.name, row.options, given)
        names = names_of(write)
        row.check_prompts(prompts.kinds if prompts is not None else ())
        predictor = row.predictor(given) if isinstance(row, NetworkMethod) else None
        run = cls(
            row, Inputs(()), {name: values[name] for name in given}, prompts, refine, names, Path(out),
            jobs, existing, max_pixels, predictor,
        )  # fmt: skip
        run._refuse_what_it_does_not_give()
        run = replace(run, inputs=Inputs.find(inputs))
        if existing == "refuse":
            refuse_existing(list(run._whole_files().values()))
        return run

    def _refuse_what_it_does_not_give(self) -> None:
        """Outputs that need more than a result, of a method that gives no more."""
        row = self.row
        for name in self.names:
            needs = EXPORTS[name].needs
            if not needs or needs in row.gives:
                continue
            if needs == "hierarchy":
                having = " or ".join(name for name, method in METHODS.items() if method.tree)
                raise OptionError(
                    f"option --write: {name} is of a hierarchy of regions; {row.name} makes none. Use -m {having}"
                )
            if row.tree:
                raise OptionError(
                    f"option --write: {name} are of categories; of {row.name} write boundaries or ultrametric"
                )
            raise OptionError(f"option --write: {name} are the probabilities of a network; {row.name} has none")

    def _whole_files(self) -> dict[str, Path]:
        return {name: self.out / EXPORTS[name].run_file for name in self.names if EXPORTS[name].run_file}

    # --- the work -----------------------------------------------------------------------------------------------------

    def results(self) -> Generator[Done | Failed, None, None]:
        """`Done` or `Failed` of each image, in the order of the inputs."""
        coco = self._coco()
        stop = threading.Event()
        # A network has all cores itself; what it leaves free reads the next image and writes the last.
        turn = threading.Semaphore(self.jobs)
        workers = self.jobs + 2 if self.predictor is not None else self.jobs

        def one(path: Path, stem: Path) -> tuple[Done, CocoEntry | None]:
            classes = self.predictor.metadata.classes if "heatmaps" in self.names else ()
            targets = Targets(self.names, self.out, stem, classes)
            if self.existing == "skip" and targets.finished() and (coco is None or coco.has(path)):
                return Done(path, skipped=True), coco.earlier(path) if coco is not None else None
            if self.existing == "refuse":
                refuse_existing(iter(targets))
            return self._one(path, targets, turn, stop)

        try:
            for item in each(self.inputs.images, one, out=self.out, jobs=workers, stop=stop):
                if isinstance(item, Failed):
                    yield item
                    continue
                done, entry = item
                if coco is not None and entry is not None:
                    coco.entries.append(entry)
                yield done
        finally:
            if coco is not None:
                coco.write()

    def _coco(self) -> CocoRun | None:
        if "coco" not in self.names:
            return None
        from .coco_run import CocoRun

        return CocoRun(self.out / EXPORTS["coco"].run_file, self.inputs.images)

    def _one(
        self, path: Path, targets: Targets, turn: threading.Semaphore, stop: threading.Event
    ) -> tuple[Done, CocoEntry | None]:
        earlier = {target for target in targets if target.exists()}
        written: list[Path] = []
        if self.predictor is not None and self.row.task == "semantic":
            from . import windows

            size = windows.streamed_size(path, self.max_pixels, self.names, bool(self.refine), self.options)
            if size is not None:
                advance = self._watched(path, len(self.predictor.plan(size)), stop)
                with all_or_none(written, earlier), turn:
                    streamed = windows.segment_streamed(path, self.predictor, targets, written, advance)
                note = f"by windows; the network took {streamed.tile_seconds:.1f} of {streamed.seconds:.1f} seconds"
                found = Done(path, tuple(written), size, len(streamed), seconds=streamed.seconds, note=note)
                return found, None
        image = read_image(path, max_pixels=self.max_pixels)
        with turn:
            started = time.perf_counter()
            want: Any = frozenset(EXPORTS[name].needs for name in self.names) - {""}
            outcome = self.row.run(image, self.prompts, self.options, want)
            if self.refine:
                outcome = replace(outcome, result=self.refine.apply(outcome.result))
            seconds = time.perf_counter() - started
        result = outcome.result
        with all_or_none(written, earlier):
            losses = targets.write(Product(image, outcome, targets.classes), written)
        covered = result.foreground if isinstance(result, Segmentation) else None
        objects = None if covered is None else float(covered.mean())
        found = Done(path, tuple(written), image.shape, len(result), objects, seconds, losses)
        if "coco" not in self.names:
            return found, None
        from ..io.coco import CocoEntry

        return found, CocoEntry.of(path.name, result)

    def _watched(self, path: Path, tiles: int, stop: threading.Event) -> Callable[[], None]:
        seen = 0

        def advance() -> None:
            nonlocal seen
            if stop.is_set():  # Ctrl-C: do not go on for minutes
                raise OutputError(f"{path}: stopped")
            seen += 1
            if self.watch is not None:
                self.watch(path, seen, tiles)

        return advance


def chosen_existing(existing: str | None, force: bool) -> Existing:
    """Of the two options of the command line: --force is the short form of --existing replace. Raises OptionError."""
    if existing is not None and existing not in ("refuse", "skip", "replace"):
        raise OptionError(f"option --existing: expected refuse, skip or replace, got {existing!r}")
    if force and existing not in (None, "replace"):
        raise OptionError(f"option --force: it means --existing replace, got --existing {existing} as well. Give one")
    return "replace" if force else cast(Existing, existing or "refuse")
