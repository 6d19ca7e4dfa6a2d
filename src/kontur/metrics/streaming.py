"""Evaluation over files: truth and prediction paired by name, decoded by threads, measured a few at a time.

    pair_files -> stream(pairs, load and measure one pair) -> counts that are added, in the order of the names

Only the images that the threads hold are in memory: 10,000 images need what 10 need.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
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
    its category maps only. What is hidden is left out (see `visible_files`).

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


def visible_files(folder: Path) -> list[Path]:
    """The files of a folder and its sub-folders, sorted; hidden ones, and those of hidden folders (.git), are left out."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted(path for path in found if path.is_file())


def _find(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Relative path without suffix -> file."""
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise UnreadableFile(f"{folder}: expected a folder, got {what}. Give the folder that holds the files")
    found: dict[str, Path] = {}
    for path in visible_files(folder):
        suffix = next((s for s in suffixes if path.name.lower().endswith(s) and len(path.name) > len(s)), None)
        if suffix is None:
            continue
        name = path.relative_to(folder).as_posix()[: -len(suffix)]
        if name in found:
            raise InputError(f"{folder}: expected one file a name, got {found[name].name} and {path.name}. Remove one")
        found[name] = path
    if not found:
        raise InputError(f"{folder}: expected files that end in {', '.join(suffixes)}, got none")
    return found


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


# --- intervals --------------------------------------------------------------------------------------------------------


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
