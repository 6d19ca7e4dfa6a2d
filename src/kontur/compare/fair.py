"""The fair table: any methods on the same images, size, threads and warm-up, each in a process of its own.

    contenders x images --Trial (own process)--> regions, seconds, memory --Ruler--> a row of scores and costs each

Latency is the time of the call alone: the image is decoded, at its size, before; scoring waits outside. Images are asked one
after another, so images per second are those of one caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..core.errors import InputError, OptionError
from ..core.image import Image
from ..datasets import Dataset
from .contenders import Contender
from .fitting import fit_image
from .machine import load, machine, versions
from .rulers import Ruler, ruler_of
from .sheet import Sheet, sheet_pictures
from .trial import told
from .trial_process import Settings, Trial, TrialFailed

Progress = Callable[[], None]
_PRIMING = 120.0  # seconds that kernels may take to compile


@dataclass(frozen=True)
class Row:
    """One contender. error: why it has no score, or None. Times in seconds, memory in MB (10^6 bytes).

    score: of `metric`, in [0, 1]. class_agnostic: its regions were named from the truth, so the score is an upper bound.
    latency_median, latency_p95: over images, of the call alone (of several calls of one image: their median).
    parameters: learnt numbers, 0 for classical methods. gmac: 10^9 multiply-adds of the first image; None: not defined.
    cpu_share: processor's time / clock's time of the calls: above 1 where it used more than one core.
    """

    name: str
    task: str
    kind: str
    metric: str
    options: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    class_agnostic: bool = False
    latency_median: float | None = None
    latency_p95: float | None = None
    images_per_second: float | None = None
    peak_memory_mb: float | None = None
    parameters: int | None = None
    gmac: float | None = None
    cpu_share: float | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in report.json: latency_ms holds median and p95 in milliseconds."""
        values = dict(vars(self))
        median, p95 = values.pop("latency_median"), values.pop("latency_p95")
        values["latency_ms"] = {"median": _rounded(median, 1000), "p95": _rounded(p95, 1000)}
        return values


@dataclass
class ImageRow:
    """One image: scores and seconds by contender; NaN where a score is undefined, nothing where the contender failed.

    height, width: as it was measured, pixels; None where every contender failed before it.
    error: why it could not be measured, its truth being damaged for instance; then it counts for no contender.
    """

    name: str
    height: int | None = None
    width: int | None = None
    scores: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        cells = {
            name: {"score": _nan_to_none(score), "latency_ms": _rounded(self.seconds[name], 1000)}
            for name, score in self.scores.items()
        }
        size = {"height": self.height, "width": self.width}
        return {"name": self.name, **size, "methods": cells, "error": self.error}


@dataclass(frozen=True)
class Comparison:
    """Everything a report needs. conditions: on what, how and where it was measured; sheet: pictures of some images."""

    conditions: dict[str, Any]
    rows: tuple[Row, ...]
    per_image: tuple[ImageRow, ...]
    sheet: Sheet

    def to_dict(self) -> dict[str, Any]:
        """conditions, methods, per_image: report.json."""
        return {
            "conditions": self.conditions,
            "methods": [row.to_dict() for row in self.rows],
            "per_image": [image.to_dict() for image in self.per_image],
        }


def compare(
    contenders: Sequence[Contender],
    data: Dataset,
    *,
    settings: Settings | None = None,
    limit: int | None = None,
    sheet: int = 6,
    progress: Progress | None = None,
) -> Comparison:
    """Measure every contender on the first `limit` images of a data set (None: all).

    sheet: how many images, spread evenly over them, are kept as pictures. progress: called after each image of each
    contender. A contender that fails, crashes or hangs has a row with its error, and so has an image that cannot be read
    or whose truth cannot; it is left out for every contender.

    settings: by default one thread, each image at its own size, one warm-up call, one call an image.

    Raises InputError for an empty data set or one without a ruler here, OptionError for numbers out of range.
    """
    settings = settings or Settings()
    _check(contenders, settings, limit, sheet)
    ruler = ruler_of(data, settings.size)
    count = len(data) if limit is None else min(limit, len(data))
    shown = {round(i * (count - 1) / max(1, sheet - 1)) for i in range(sheet)} if sheet else set()
    began = datetime.now(UTC)
    busy = load()
    pictures = Sheet(ruler.taxonomy)
    images = [ImageRow(name) for name in data.names[:count]]
    for index in sorted(shown):
        found = _read(data, index, ruler, images[index])
        if found is not None:
            image, truth = found
            drawing = ruler.truth_drawing(truth)
            pictures.add(index, images[index].name, sheet_pictures(image, drawing, ruler.taxonomy))
    rows = tuple(_measured(one, data, ruler, images, pictures, settings, progress) for one in contenders)
    conditions = {
        "data": data.name,
        "split": data.split,
        "images": count,
        "images_in_split": len(data),
        "images_failed": sum(image.error is not None for image in images),
        "task": ruler.task,
        "metric": ruler.metric,
        "size": list(settings.size) if settings.size else None,
        "sizes": _sizes(images),
        "threads": settings.threads,
        "warm_up": settings.warm_up,
        "repeat": settings.repeat,
        "date": began.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - began).total_seconds(), 1),
        "machine": machine(),
        "load_average": {"before": busy, "after": load()},
        "versions": versions(),
        "protocol": ruler.protocol,
        "definitions": DEFINITIONS,
    }
    return Comparison(conditions, rows, tuple(images), pictures)


DEFINITIONS = {
    "latency_ms": "time of the call alone, image decoded and at its size before; of several calls of an image their "
    "median; then median and 95th percentile over images",
    "images_per_second": "images / sum of their latencies, one after another",
    "peak_memory_mb": "most memory of the method's own process at any time, 10⁶ bytes, Python, libraries and the "
    "decoded image included; compiled kernels were cached before; the scores are made elsewhere",
    "parameters": "learnt numbers in the file; 0 for classical methods",
    "gmac": "10⁹ multiply-adds of convolutions and matrix products, of the first image; empty for classical methods, "
    "whose work is of other kinds",
    "class_agnostic": "regions without names were given the name that most of their pixels have in the truth: an upper "
    "bound, not to be ranked among methods that find the names",
    "cpu_share": "processor's time / clock's time of the calls; clearly below the threads where the machine was busy",
}


def _measured(
    one: Contender,
    data: Dataset,
    ruler: Ruler,
    images: list[ImageRow],
    pictures: Sheet,
    settings: Settings,
    progress: Progress | None,
) -> Row:
    """One contender's row; also its column in `images` and `pictures`."""
    row = Row(one.name, one.task, one.kind, ruler.metric, dict(one.options))
    ruler.begin(one)
    done = 0
    seconds: list[float] = []
    clock = processor = 0.0
    agnostic = False
    try:
        if one.kind == "classical":
            _prime(one, data, images, settings)
        with Trial(one, settings) as trial:
            trial.start()
            for index, image in enumerate(images):
                found = _read(data, index, ruler, image)
                if found is None:
                    done += 1
                    if progress is not None:
                        progress()
                    continue
                cut = trial.cut(data.pairs[index].image)
                try:
                    own, drawing = ruler.add(cut, found[1])
                except Exception as error:  # whatever it answered, it costs this row alone
                    raise TrialFailed(told(error)) from None
                image.height, image.width = cut.ids.shape
                agnostic = agnostic or ruler.class_agnostic(cut)
                seconds.append(float(np.median(cut.seconds)))
                clock += sum(cut.seconds)
                processor += cut.cpu_seconds
                image.scores[one.name], image.seconds[one.name] = own, seconds[-1]
                if index in pictures:
                    drawn = sheet_pictures(found[0], drawing, ruler.taxonomy)
                    pictures.add_result(index, one.name, drawn[-1])
                done += 1
                if progress is not None:
                    progress()
            if not seconds:
                raise TrialFailed(f"no image could be measured; {images[0].name}: {images[0].error}")
            costs = trial.finish()
    except TrialFailed as failure:
        for _ in range(len(images) - done if progress is not None else 0):
            progress()  # type: ignore[misc]
        where = f"{images[done].name}: " if 0 < done < len(images) else ""
        return replace(row, error=where + str(failure))
    return replace(
        row,
        score=_nan_to_none(ruler.score),
        scores=ruler.details,
        class_agnostic=agnostic,
        latency_median=float(np.median(seconds)),
        latency_p95=float(np.percentile(seconds, 95)),
        images_per_second=round(len(seconds) / max(sum(seconds), 1e-9), 3),
        peak_memory_mb=None if costs["peak_mb"] is None else round(costs["peak_mb"], 1),
        parameters=costs["parameters"],
        gmac=costs["gmac"],
        cpu_share=round(processor / clock, 3) if clock else None,
    )


def _read(data: Dataset, index: int, ruler: Ruler, image: ImageRow) -> tuple[Image, Any] | None:
    """The image, at the size of the comparison, and its truth; None where they cannot be read, which `image.error` tells."""
    if image.error is not None:
        return None
    try:
        sample = data[index]
        fitted = fit_image(sample.image, ruler.size)
        truth = ruler.truth(data, index, sample.target)
        drawn = ruler.truth_drawing(truth)
        shape = (drawn.labels if drawn.labels is not None else np.asarray(drawn.ids)).shape
        if shape != fitted.shape:
            raise InputError(f"sizes differ: image {fitted.shape}, truth {shape} (H, W)")
        return fitted, truth
    except Exception as error:  # whatever a damaged file does to its reader
        image.error = told(error)
        return None


def _prime(one: Contender, data: Dataset, images: Sequence[ImageRow], settings: Settings) -> None:
    """Have the kernels compiled by another process, which may fail: the measured one will say why."""
    with Trial(one, replace(settings, timeout=min(settings.timeout, _PRIMING)), prime=True) as trial:
        try:
            trial.start()
            trial.prime(next((p.image for p, i in zip(data.pairs, images) if i.error is None), data.pairs[0].image))
        except TrialFailed:
            pass


def _check(contenders: Sequence[Contender], settings: Settings, limit: int | None, sheet: int) -> None:
    if not contenders:
        raise OptionError("methods: expected at least one, got none")
    least = {"threads": settings.threads, "repeat": settings.repeat, "limit": 1 if limit is None else limit}
    for name, value in least.items():
        if value < 1:
            raise OptionError(f"option {name}: expected a whole number, at least 1, got {value}")
    for name, value in {"warm_up": settings.warm_up, "sheet": sheet}.items():
        if value < 0:
            raise OptionError(f"option {name}: expected a whole number, at least 0, got {value}")
    if settings.size is not None and min(settings.size) < 1:
        raise OptionError(f"option size: expected height and width of at least 1, got {settings.size}")
    if not settings.timeout > 0:
        raise OptionError(f"option timeout: expected seconds above 0, got {settings.timeout:g}")


def _sizes(images: Sequence[ImageRow]) -> list[str]:
    """The sizes that occur, as heightxwidth, the commonest first."""
    found = [f"{image.height}x{image.width}" for image in images if image.height]
    return sorted(set(found), key=lambda size: (-found.count(size), size))


def _rounded(value: float | None, factor: float) -> float | None:
    """Four significant digits."""
    return None if value is None else float(f"{value * factor:.4g}")


def _nan_to_none(value: float) -> float | None:
    return None if math.isnan(value) else value
