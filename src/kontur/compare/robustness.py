"""How a method's score falls as images are damaged more and more: methods x kinds x strengths, means over images.

    subjects (image, truth) -> damage of each kind and strength -> method with its default options -> score -> mean

Two scores. covering: of the annotators' regions, as BSDS500 measures it (`kontur.metrics.region_scores`; Arbelaez et al.,
IEEE TPAMI 33(5), 2011), of the segments as the method gives them: clusters are not split into connected parts. iou: of the
foreground (`kontur.metrics.foreground_scores`).
"""

from __future__ import annotations

import csv
import io
import math
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..core.errors import InputError, OptionError, PromptError
from ..core.image import Image
from ..core.instances import Instances
from ..core.options import checked_options
from ..core.segmentation import Provenance
from ..degrade.kinds import KINDS, Kind, find_filter, find_kind
from ..metrics.foreground import foreground_scores
from ..metrics.regions import region_scores
from .trial import told

Score = Literal["auto", "covering", "iou"]

NOISES = tuple(kind.name for kind in KINDS.values() if kind.noise)
CLEAN = "clean"


@dataclass(frozen=True, eq=False)
class Subject:
    """One image with its truth. load: gives the image and the truths, (H, W) integers, one of each annotator."""

    name: str
    load: Callable[[], tuple[Image, tuple[NDArray, ...]]] = field(repr=False)


@dataclass(frozen=True)
class Row:
    """One method under one kind and strength. kind "clean" is the image as it is, its strength None.

    mean: of the score over images. error: standard error of the mean; None for a single image. regions: segments a
    result has in the mean. images: how many have a score. failure: the first image that the method failed on, and how.
    """

    method: str
    kind: str
    option: str
    strength: float | None
    mean: float
    error: float | None
    regions: float
    images: int
    failure: str | None = None


@dataclass(frozen=True)
class Robustness:
    """The table, methods in the order asked for. `to_dict()` and `csv()` are the files of `kontur robustness`.

    left_out: images that could not be read, or whose truth could not, and why.
    """

    protocol: str
    score: str
    rows: tuple[Row, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.method for row in self.rows))

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.kind for row in self.rows if row.kind != CLEAN))

    def clean(self, method: str) -> Row:
        """The row of a method on the images as they are."""
        return next(row for row in self.rows if row.method == method and row.kind == CLEAN)

    def of(self, method: str, kind: str) -> tuple[Row, ...]:
        """The rows of a method under a kind, in the order of the strengths."""
        return tuple(row for row in self.rows if row.method == method and row.kind == kind)

    @property
    def failures(self) -> tuple[str, ...]:
        """What went wrong, a line each; the rest is measured."""
        lost = [f"{name}: {error}" for name, error in self.left_out.items()]
        return tuple(dict.fromkeys([*lost, *(row.failure for row in self.rows if row.failure is not None)]))

    def to_dict(self) -> dict[str, object]:
        told: dict[str, object] = {
            "protocol": self.protocol,
            "version": Provenance("robustness", {}).version,
            "score": self.score,
            "rows": [dict(vars(row)) for row in self.rows],
        }
        return told | ({"left_out": dict(self.left_out)} if self.left_out else {})

    def csv(self) -> bytes:
        """A line a row: method, kind, option, strength, mean, error, regions, images, failure."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("method", "kind", "option", "strength", "mean", "error", "regions", "images", "failure"))
        for r in self.rows:
            strength = "" if r.strength is None else f"{r.strength:g}"
            error = "" if r.error is None else f"{r.error:.6f}"
            mean, regions = ("" if math.isnan(v) else f"{v:.{n}f}" for v, n in ((r.mean, 6), (r.regions, 1)))
            writer.writerow((r.method, r.kind, r.option, strength, mean, error, regions, r.images, r.failure or ""))
        return text.getvalue().encode()


def robustness(
    methods: Sequence[str],
    subjects: Sequence[Subject],
    *,
    kinds: Sequence[str] = NOISES,
    strengths: Mapping[str, Sequence[float]] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    score: Score = "auto",
    denoise: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[], None] | None = None,
) -> Robustness:
    """Score every method on every subject, clean and under every kind at every strength.

    strengths: kind -> values of its strength option; by default the kind's ladder, mild to severe.
    options:   method -> its options. denoise: a filter of `kontur.degrade.FILTERS`, applied to every image, clean ones too.
    score:     "auto" is iou where all methods are of the task foreground and all truths masks of 0, 128, 255 (or 0, 1).
    seed:      the noise of an image depends on it, the image's name, kind and strength, so on no other image; all
               methods see the same damaged image.
    jobs:      images worked on at the same time; each is decoded once, memory grows with jobs only.
    progress:  called after each image under each condition: `len(conditions(kinds, strengths)) * len(subjects)` times.

    An image that cannot be read, or whose truth cannot, is left out; a method that fails on an image has no score there.

    Raises UnknownName, OptionError or PromptError before any work, InputError for no subject and where nothing could be
    measured at all.
    """
    runs = _prepared(methods, options or {})
    plan = conditions(kinds, strengths)
    filtered = find_filter(denoise) if denoise else None
    if not subjects:
        raise InputError("expected at least one image with its truth, got none")
    if jobs < 1:
        raise OptionError(f"option jobs: expected a whole number, at least 1, got {jobs}")
    chosen = _score(score, runs, subjects)
    stop = threading.Event()

    def one(subject: Subject) -> list[list[_Cell]] | str:
        """Of one subject: a cell of each condition and method; or why it cannot be read."""
        try:
            image, truths = subject.load()
        except Exception as error:  # whatever a damaged file does to its reader
            for _ in plan if progress is not None else ():
                progress()  # type: ignore[misc]
            return told(error)
        found = []
        for kind, strength in plan:
            if stop.is_set():
                break
            tag = zlib.crc32(f"{subject.name} {kind.name if kind else CLEAN} {strength}".encode())
            try:
                seen = image if kind is None else _damaged(image, kind, strength, seed + tag)
                seen = seen if filtered is None else filtered(seen)
                found.append([_measured(run, seen, truths, chosen, subject.name) for run in runs])
            except Exception as error:  # of a kind or a filter that does not take this image
                found.append([_Cell(math.nan, math.nan, f"{subject.name}: {told(error)}")] * len(runs))
            if progress is not None:
                progress()
        return found

    with ThreadPoolExecutor(min(jobs, len(subjects))) as pool:
        try:
            results = list(pool.map(one, subjects))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    left_out = {s.name: r for s, r in zip(subjects, results, strict=True) if isinstance(r, str)}
    kept = [r for r in results if not isinstance(r, str)]
    rows = tuple(
        _row(run.name, kind, strength, [cells[c][m] for cells in kept])
        for m, run in enumerate(runs)
        for c, (kind, strength) in enumerate(plan)
    )
    table = Robustness(_protocol(chosen, len(kept), denoise, seed), chosen, rows, left_out)
    if all(cell.failure is not None for cells in kept for row in cells for cell in row):
        raise InputError(table.failures[0])
    return table


def conditions(
    kinds: Sequence[str], strengths: Mapping[str, Sequence[float]] | None = None
) -> tuple[tuple[Kind | None, float | None], ...]:
    """(kind, strength) of every column of the table; the first is (None, None), the image as it is."""
    given = {find_kind(name).name: values for name, values in (strengths or {}).items()}
    asked = tuple(dict.fromkeys(find_kind(name).name for name in kinds))
    unused = [name for name in given if name not in asked]
    if unused:
        raise OptionError(f"strengths: expected kinds that are measured ({', '.join(asked)}), got {unused[0]}")
    plan: list[tuple[Kind | None, float | None]] = [(None, None)]
    for name in asked:
        kind = KINDS[name]
        spec = next(spec for spec in kind.options if spec.name == kind.strength)
        values = given.get(name, kind.ladder)
        if not values:
            raise OptionError(f"strengths: expected at least one for {name}, got none")
        plan += [(kind, float(spec.check(value))) for value in values]
    return tuple(plan)


@dataclass(frozen=True)
class _Run:
    row: registry.Method
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.row.name


def _prepared(methods: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> list[_Run]:
    if not methods:
        raise OptionError("methods: expected at least one name of `kontur methods`, got none")
    rows = [registry.get(name) for name in dict.fromkeys(methods)]
    for name in options:
        if name not in methods:
            raise OptionError(f"options: expected one of the methods {', '.join(methods)}, got {name}")
    for row in rows:
        if row.needs_prompt:
            raise PromptError(
                f"{row.name} needs a prompt, so it cannot be measured on a set of images. See `kontur methods`."
            )
    return [_Run(r, checked_options(r.name, r.options, dict(options.get(r.name, {})))) for r in rows]


def _score(score: Score, runs: Sequence[_Run], subjects: Sequence[Subject]) -> str:
    if score not in ("auto", "covering", "iou"):
        raise OptionError(f"score: expected auto, covering or iou, got {score!r}")
    others = [run.name for run in runs if run.row.task != "foreground"]
    if score == "iou" and others:
        raise OptionError(f"score: iou needs methods that find a foreground, got {others[0]}. Use covering")
    if score != "auto":
        return score
    if others:
        return "covering"
    return "iou" if all(_is_mask(subject) for subject in subjects) else "covering"


def _is_mask(subject: Subject) -> bool:
    try:
        truths = subject.load()[1]
    except Exception:  # it will be left out
        return True
    return len(truths) == 1 and (set(np.unique(truths[0])[:4].tolist()) <= {0, 128, 255} or int(truths[0].max()) <= 1)


def _damaged(image: Image, kind: Kind, strength: float | None, seed: int) -> Image:
    seeded = {"seed": seed} if any(spec.name == "seed" for spec in kind.options) else {}
    return kind(image, **{kind.strength: strength}, **seeded)


@dataclass(frozen=True)
class _Cell:
    """One image under one condition by one method. score: NaN where it is undefined, or failed."""

    score: float
    regions: float
    failure: str | None = None


def _measured(run: _Run, image: Image, truths: tuple[NDArray, ...], score: str, name: str) -> _Cell:
    try:
        result = run.row.run(image, None, run.options).result
        flat = result.flatten() if isinstance(result, Instances) else result
        if score != "iou":
            return _Cell(region_scores(flat, truths).covering, len(flat))
        if len(truths) != 1:
            raise InputError(f"iou: expected one mask, got {len(truths)} truths. Use covering")
        return _Cell(foreground_scores(flat, truths[0]).iou, len(flat))
    except Exception as error:  # of one method on one image; all others are measured
        return _Cell(math.nan, math.nan, f"{name}, {run.name}: {told(error)}")


def _row(method: str, kind: Kind | None, strength: float | None, cells: Sequence[_Cell]) -> Row:
    scores = np.array([c.score for c in cells if not math.isnan(c.score)])  # an IoU is undefined without an object
    regions = [c.regions for c in cells if c.failure is None]
    count = len(scores)
    mean = float(scores.mean()) if count else math.nan
    error = float(scores.std(ddof=1) / math.sqrt(count)) if count > 1 else None
    name, option = (kind.name, kind.strength) if kind else (CLEAN, "")
    failure = next((c.failure for c in cells if c.failure is not None), None)
    return Row(method, name, option, strength, mean, error, float(np.mean(regions or math.nan)), count, failure)


def _protocol(score: str, images: int, denoise: str | None, seed: int) -> str:
    what = {
        "covering": "covering of the annotators' regions (BSDS500, one segmentation), segments as the method gives them",
        "iou": "IoU of the foreground, pixels of 128 in the truth left out",
    }[score]
    before = f", each image filtered by {denoise} first" if denoise else ""
    over = f"mean over {images} image{'s' if images != 1 else ''}"
    return f"{what}; {over}, default options unless given{before}; noise seed {seed} and image name"
