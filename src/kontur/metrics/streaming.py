"""Evaluation over files: truth and prediction paired by name, decoded by threads, measured a few at a time.

    pair_files -> stream(pairs, load and measure one pair) -> counts that are added, in the order of the names

Only the images that the threads hold are in memory: 10,000 images need what 10 need.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile

T = TypeVar("T")
R = TypeVar("R")

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")
LISTED = 20  # names of missing files that an error shows; the count is always given
MAX_PIXELS = 500_000_000

Progress = Callable[[int, int], None]
"""Called with (images done, images in all) after each image."""


# --- who belongs to whom -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A truth file and its prediction; None where it is missing, if allowed. name: relative path, no suffix."""

    name: str
    truth: Path
    prediction: Path | None


@dataclass(frozen=True)
class Pairing:
    """The pairs in the order of their names, and the names that have no counterpart."""

    pairs: tuple[Pair, ...]
    without_prediction: tuple[str, ...] = ()
    without_truth: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def missing(self) -> str:
        """Both lists in one line; empty when nothing is missing."""
        return missing_line(self.without_prediction, self.without_truth)


def missing_line(without_prediction: Sequence[str], without_truth: Sequence[str]) -> str:
    """ "2 without prediction: a, b; 1 without truth: c", or "" when both are empty."""
    if not without_prediction and not without_truth:
        return ""
    return f"{_listed('without prediction', without_prediction)}; {_listed('without truth', without_truth)}"


def _listed(what: str, names: Sequence[str]) -> str:
    if not names:
        return f"none {what}"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} {what}: {', '.join(names[:LISTED])}{more}"


def pair_files(
    truth: Path | str,
    prediction: Path | str,
    *,
    truth_suffixes: Sequence[str] = LABEL_SUFFIXES,
    prediction_suffixes: Sequence[str] = LABEL_SUFFIXES,
    allow_missing: bool = False,
) -> Pairing:
    """Pair the files of two folders (sub-folders included) by their relative path without the suffix.

    A suffix may have two parts: where the prediction folder is one that `kontur segment` wrote, ".categories.png" takes
    its category maps only.

    Raises InputError: a folder is missing or has no such file, two files share a name, or a counterpart is missing
    (both lists are shown) and allow_missing is False. With it, the pairs without a prediction have None there, and
    files without a truth are left out and listed.
    """
    truths, predictions = _find(Path(truth), truth_suffixes), _find(Path(prediction), prediction_suffixes)
    lonely_truths = tuple(sorted(truths.keys() - predictions.keys()))
    lonely_predictions = tuple(sorted(predictions.keys() - truths.keys()))
    pairing = Pairing(
        tuple(Pair(name, truths[name], predictions.get(name)) for name in sorted(truths)),
        lonely_truths,
        lonely_predictions,
    )
    if pairing.missing and not allow_missing:
        raise InputError(
            f"{truth} and {prediction}: files without counterpart: {pairing.missing}. "
            "Add them, or count missing predictions as misses with --allow-missing"
        )
    return pairing


def _find(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Relative path without suffix -> file."""
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise UnreadableFile(f"{folder}: expected a folder, got {what}. Give the folder that holds the files")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        suffix = next((s for s in suffixes if path.name.lower().endswith(s) and len(path.name) > len(s)), None)
        if suffix is None or path.name.startswith(".") or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()[: -len(suffix)]
        if name in found:
            raise InputError(f"{folder}: expected one file a name, got {found[name].name} and {path.name}. Remove one")
        found[name] = path
    if not found:
        raise InputError(f"{folder}: expected files that end in {', '.join(suffixes)}, got none")
    return found


# --- reading ------------------------------------------------------------------------------------------------------


def read_indices(path: Path) -> NDArray:
    """A label file as the indices it holds, (H, W) integers: grey or palette, never colours (see `io.labels`)."""
    from ..io.labels import read_labels

    return read_labels(path, max_pixels=MAX_PIXELS)


# --- streaming ----------------------------------------------------------------------------------------------------


def stream(items: Iterable[T], work: Callable[[T], R], *, threads: int | None = None) -> Iterator[R]:
    """work(item) of every item, in their order, done by threads that run at most one item each ahead.

    threads: None takes one a processor, at most 8. An error of `work` is raised where its result would have come.
    """
    threads = threads or min(8, os.cpu_count() or 1)
    if threads == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    rest = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        try:
            waiting.extend(pool.submit(work, item) for item in islice(rest, threads))
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
        finally:
            for future in waiting:
                future.cancel()


# --- per image ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image, for the CSV and for the list of the worst."""

    name: str
    values: Mapping[str, float | int]


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


class Bootstrap:
    """How often each image is drawn when as many images are drawn with replacement, for many replicates at once.

    The counts of one replicate are multinomial. They are drawn image by image, each binomial given the ones before, so
    memory depends on the replicates alone.

        bootstrap = Bootstrap(images=100, replicates=1000)
        for value in values:
            total += bootstrap.weights() * value
        low, high = Bootstrap.interval(total / 100)
    """

    def __init__(self, images: int, replicates: int, seed: int = 0) -> None:
        self._generator = np.random.default_rng(seed)
        self._images_left = images
        self._draws_left = np.full(replicates, images, np.int64)

    def weights(self) -> NDArray[np.int64]:
        """Of the next image: (replicates,), its number of times in each."""
        assert self._images_left > 0, "more images than were announced"
        drawn = self._generator.binomial(self._draws_left, 1.0 / self._images_left).astype(np.int64)
        self._images_left -= 1
        self._draws_left -= drawn
        return drawn

    @staticmethod
    def interval(scores: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
        """The percentile interval of the replicates' scores; (nan, nan) if none is defined."""
        defined = scores[~np.isnan(scores)]
        if not len(defined):
            return float("nan"), float("nan")
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


# --- JSON ---------------------------------------------------------------------------------------------------------


def without_nan(value: object) -> object:
    """The same lists and dicts with None for NaN, NumPy numbers as Python's, as JSON wants them."""
    if isinstance(value, Mapping):
        return {str(k): without_nan(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value


def read_json(path: Path) -> object:
    """A JSON file. Raises UnreadableFile when it is missing or does not parse (with the line)."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFile(f"{path}: expected JSON, cannot be parsed: {error}") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None


def list_of(where: Path | str, data: object, key: str) -> list[dict]:
    """data[key], a list of objects. Raises InputError for anything else."""
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(
            f"{where}: expected {key!r}, a list of objects, got {short(value if value is not None else data)}"
        )
    return value


def integer_of(where: str, entry: Mapping, key: str) -> int:
    """entry[key], a whole number. Raises InputError for anything else."""
    value = entry.get(key)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise InputError(f"{where}: expected a whole number as {key!r}, got {short(value)}")
    return int(value)  # type: ignore[arg-type]


def id_of(where: str, entry: Mapping, key: str) -> int | str:
    """entry[key], a whole number or a name. Raises InputError for anything else."""
    value = entry.get(key)
    return value if isinstance(value, str) else integer_of(where, entry, key)


def short(value: object) -> str:
    """For messages: at most 60 characters of what was got."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
