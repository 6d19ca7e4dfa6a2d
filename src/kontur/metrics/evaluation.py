"""What every evaluation gives: numbers with the name of their protocol, tables to print, rows of single images.

files  --stream-->  (row, counts) of each image  --gather-->  counts of all, rows, intervals  -->  Evaluation
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from .counts import Counts
from .streaming import Bootstrap, Progress, stream

T = TypeVar("T")
C = TypeVar("C", bound=Counts)


@dataclass(frozen=True)
class Table:
    """A table for people: floats are scores, whole numbers counts, NaN where a score is undefined."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    title: str = ""


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image, for the CSV and for the list of the worst."""

    name: str
    values: Mapping[str, float | int]


@dataclass(frozen=True)
class Resampling:
    """What is kept of single images: all rows (csv), the worst N, and bootstrap intervals from N resamplings."""

    csv: bool = False
    worst: int = 0
    bootstrap: int = 0
    seed: int = 0


NOTHING_KEPT = Resampling()


@dataclass
class PerImage:
    """Collects ImageScores: all of them when `keep` (a few numbers each), otherwise only the worst."""

    keep: bool = False
    worst: int = 0
    by: str = ""
    lower_is_worse: bool = True
    rows: list[ImageScores] = field(default_factory=list)
    worst_rows: list[ImageScores] = field(default_factory=list)

    def add(self, row: ImageScores) -> None:
        if self.keep:
            self.rows.append(row)
        if self.worst and not np.isnan(row.values[self.by]):
            self.worst_rows.append(row)
            self.worst_rows.sort(key=lambda r: r.values[self.by] * (1 if self.lower_is_worse else -1))
            del self.worst_rows[self.worst :]

    def csv(self) -> bytes:
        """One line an image under a header; undefined values are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self.rows:
            writer.writerow(["image", *self.rows[0].values])
        for row in self.rows:
            values = ("" if isinstance(v, float) and np.isnan(v) else repr(v) for v in row.values.values())
            writer.writerow([row.name, *values])
        return text.getvalue().encode()


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set of images. Each score, and each attribute of `scores`, is an attribute of its own as well.

    protocol:  the definitions the numbers follow, in words.      tables: what to print.
    values:    the scores by name, plain numbers, lists and dicts; fractions in [0, 1] unless the protocol says otherwise.
    missing:   names without counterpart, in words.               notes: what a reader should know, a line each.
    intervals: 95 %, by bootstrap over images.                    scores: the metric's own result, with its methods.
    told:      which of protocol and images `to_dict` has beside the values (COCO's formats have neither).
    """

    protocol: str
    tables: tuple[Table, ...]
    values: Mapping[str, Any]
    images: int
    missing: str = ""
    notes: tuple[str, ...] = ()
    per_image: PerImage = field(default_factory=PerImage)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    scores: Any = field(default=None, repr=False)
    told: tuple[str, ...] = ("protocol", "images")

    def to_dict(self) -> dict[str, Any]:
        """protocol, the values by name, images; NaN stays NaN (`document` has None)."""
        first = {"protocol": self.protocol} if "protocol" in self.told else {}
        last = {"images": self.images} if "images" in self.told else {}
        return {**first, **self.values, **last}

    def document(self) -> dict[str, Any]:
        """`to_dict` as JSON wants it, with the intervals where there are any."""
        told = self.to_dict() | ({"intervals": dict(self.intervals)} if self.intervals else {})
        return without_nan(told)  # type: ignore[return-value]

    def __getattr__(self, name: str) -> Any:
        # Asked for what is no field; copy and pickle ask before there are any.
        fields = object.__getattribute__(self, "__dict__")
        values, scores = fields.get("values", {}), fields.get("scores")
        if not name.startswith("__") and hasattr(scores, name):
            return getattr(scores, name)
        if name in values:
            return values[name]
        raise AttributeError(f"no score named {name!r}; there are {', '.join(map(str, values))}")


def gather(
    items: Sequence[T],
    measure: Callable[[T], tuple[ImageScores, C]],
    counts: C,
    read: Callable[[Any], Mapping[str, float]],
    *,
    keep: Resampling,
    by: str,
    lower_is_worse: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[C, PerImage, dict[str, tuple[float, float]]]:
    """Measure every item, by threads, and add the counts to `counts`: (all of them, rows, intervals).

    read: the scores that have intervals, of `counts.light()`.   by: the score that tells the worst images.
    """
    per_image = PerImage(keep.csv, keep.worst, by, lower_is_worse)
    resampling = Bootstrap(len(items), keep.bootstrap, keep.seed)
    replicates: Counts | None = None
    for done, (row, one) in enumerate(stream(items, measure, threads=threads), 1):
        counts += one
        per_image.add(row)
        if keep.bootstrap:
            weighted = one.light() * resampling.weights()
            replicates = weighted if replicates is None else replicates + weighted
        if progress:
            progress(done, len(items))
    drawn = [read(replicates[b]) for b in range(keep.bootstrap)] if replicates is not None else []
    names = drawn[0] if drawn else ()
    return counts, per_image, {name: Bootstrap.interval(np.array([d[name] for d in drawn])) for name in names}


def score_table(values: Mapping[str, Any], title: str) -> Table:
    """The numbers among the values, a line each; those that a dict holds by its key are named "name within key"."""
    rows: list[tuple[object, ...]] = [(n, v) for n, v in values.items() if isinstance(v, int | float)]
    rows += [(f"{n} within {k}", v) for n, inner in values.items() if isinstance(inner, dict) for k, v in inner.items()]
    return Table(("score", "value"), tuple(rows), title)


def without_nan(value: object) -> object:
    """The same lists and dicts with None for NaN, NumPy numbers as Python's, as JSON wants them."""
    if isinstance(value, Mapping):
        return {str(k): without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value
