"""The curves of a run as one picture: loss and mIoU side by side against the epoch, the learning rate small beneath."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..draw.overlay import font

_BLUE, _PALE, _ORANGE, _GREY, _GREEN = (0, 114, 178), (176, 208, 230), (213, 94, 0), (90, 90, 90), (0, 158, 115)
_SIZE = (1100, 620)  # pixels
_SCALE = 2  # drawn twice as large and shrunk, as Pillow's lines have stairs

# What the best checkpoint is chosen by (the first one that a run has), and what is drawn beside it.
_MEASURES = (("mIoU", "val_miou"), ("ODS F", "val_ods"), ("AP", "val_ap"), ("PQ", "val_pq"))
_BESIDE = (("pixel accuracy", "val_pixel_accuracy"), ("AP50", "val_ap50"))

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class _Line:
    name: str
    points: Points
    colour: tuple[int, int, int]
    width: int = 2


@dataclass(frozen=True)
class _Panel:
    """One pair of axes; left, top, right, bottom in pixels of the finished picture."""

    box: tuple[int, int, int, int]
    title: str
    lines: Sequence[_Line]
    low: float
    high: float
    ticks: int = 5
    axis: str = ""


def draw_curves(rows: Sequence[Mapping[str, str]]) -> NDArray[np.uint8] | None:
    """(620, 1100, 3) RGB of rows with step, epoch, loss, val_loss, a score of `_MEASURES` (in [0, 1]) and learning_rate.

    The loss of each row is drawn pale and its running mean over a twentieth of the rows dark. None without any point.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    place = _epochs(rows)
    loss = _points(rows, place, "loss")
    validation = _points(rows, place, "val_loss")
    measure, key = next((m for m in _MEASURES if _points(rows, place, m[1])), _MEASURES[0])
    scores = [(x, 100 * y) for x, y in _points(rows, place, key)]
    others = [_Line(name, [(x, 100 * y) for x, y in _points(rows, place, key)], _GREEN) for name, key in _BESIDE]
    rates = _points(rows, place, "learning_rate")
    if not loss and not scores:
        return None
    every = [*loss, *validation]
    # One step that blew up must not flatten all the others.
    high = float(np.quantile([y for _, y in every], 0.99)) * 1.08 if every else 1.0
    right = max(x for x, _ in (*loss, *scores, *validation, *rates))
    panels = [
        _Panel(
            (70, 44, 530 if scores else 1080, 410),
            "loss",
            [
                _Line("training", loss, _PALE, 1),
                _Line("training, running mean", _smooth(loss), _BLUE),
                _Line("validation", validation, _ORANGE),
            ],
            min(0.0, *(y for _, y in every)) if every else 0.0,
            high,
        ),
        _Panel(
            (620, 44, 1080, 410),
            "validation, %",
            [*others, _Line(measure, scores, _BLUE)],
            0.0,
            100.0,
        ),
        _Panel(
            (70, 470, 1080, 560),
            "learning rate",
            [_Line("", rates, _GREY)],
            0.0,
            max((y for _, y in rates), default=1.0) * 1.05,
            2,
            "epoch",
        ),
    ]
    canvas = Pillow.new("RGB", (_SIZE[0] * _SCALE, _SIZE[1] * _SCALE), "white")
    pen = ImageDraw.Draw(canvas)
    for panel in panels:
        if scores or panel.title != "validation, %":
            _draw(pen, panel, right or 1.0)
    if scores:
        _mark_best(pen, panels[1], scores, right or 1.0)
    return np.asarray(canvas.resize(_SIZE, Pillow.Resampling.LANCZOS))


def _epochs(rows: Sequence[Mapping[str, str]]) -> float:
    """Epochs of one step: several rows of an epoch then lie beside each other, not above."""
    steps = [(_number(row.get("step")), _number(row.get("epoch"))) for row in rows]
    known = [(step, epoch) for step, epoch in steps if step > 0 and epoch > 0]
    return known[-1][1] / known[-1][0] if known else 1.0


def _points(rows: Sequence[Mapping[str, str]], place: float, key: str) -> Points:
    found = [(_number(row.get("step")) * place, _number(row.get(key))) for row in rows]
    return [(x, y) for x, y in found if math.isfinite(x) and math.isfinite(y)]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _smooth(points: Points) -> Points:
    if len(points) < 3:
        return points
    window = max(1, len(points) // 40)  # on each side
    total = np.concatenate([[0.0], np.cumsum([y for _, y in points])])
    at = np.arange(len(points))
    first, last = np.maximum(at - window, 0), np.minimum(at + window + 1, len(points))
    means = (total[last] - total[first]) / (last - first)
    return [(x, float(y)) for (x, _), y in zip(points, means, strict=True)]


def _draw(pen, panel: _Panel, right: float) -> None:  # type: ignore[no-untyped-def]
    small, middle = font(12 * _SCALE), font(15 * _SCALE)
    x0, y0, x1, y1 = (value * _SCALE for value in panel.box)
    pen.text((x0, y0 - 16 * _SCALE), panel.title, fill="black", font=middle, anchor="lm")
    for tick in _ticks(panel.low, panel.high, panel.ticks):
        y = y1 - (tick - panel.low) / (panel.high - panel.low or 1) * (y1 - y0)
        pen.line((x0, y, x1, y), fill=(226, 226, 226), width=_SCALE)
        pen.text((x0 - 7 * _SCALE, y), f"{tick:.4g}", fill=(60, 60, 60), font=small, anchor="rm")
    for tick in _ticks(0.0, right, 10 if x1 - x0 > 600 * _SCALE else 6):
        x = x0 + tick / right * (x1 - x0)
        pen.line((x, y1, x, y1 + 4 * _SCALE), fill=(120, 120, 120), width=_SCALE)
        pen.text((x, y1 + 13 * _SCALE), f"{tick:.4g}", fill=(60, 60, 60), font=small, anchor="mm")
    pen.rectangle((x0, y0, x1, y1), outline=(120, 120, 120), width=_SCALE)
    pen.text(((x0 + x1) / 2, y1 + 30 * _SCALE), panel.axis or "epoch", fill=(60, 60, 60), font=small, anchor="mm")
    drawn = [line for line in panel.lines if line.points]
    for line in drawn:
        places = [_place(panel, point, right) for point in line.points]
        if len(places) > 1:
            pen.line(places, fill=line.colour, width=line.width * _SCALE, joint="curve")
        if len(places) < 40 and line.width > 1:
            r = 3 * _SCALE
            for x, y in places:
                pen.ellipse((x - r, y - r, x + r, y + r), fill=line.colour)
    x = x1
    for line in reversed([line for line in drawn if line.name]):
        x -= font(12 * _SCALE).getlength(line.name)
        pen.text((x, y0 - 14 * _SCALE), line.name, fill="black", font=small, anchor="lm")
        pen.line(
            (x - 24 * _SCALE, y0 - 14 * _SCALE, x - 6 * _SCALE, y0 - 14 * _SCALE), fill=line.colour, width=3 * _SCALE
        )
        x -= 40 * _SCALE


def _place(panel: _Panel, point: tuple[float, float], right: float) -> tuple[float, float]:
    x0, y0, x1, y1 = (value * _SCALE for value in panel.box)
    share = (point[1] - panel.low) / (panel.high - panel.low or 1)
    return x0 + point[0] / right * (x1 - x0), y1 - min(1.0, max(0.0, share)) * (y1 - y0)


def _mark_best(pen, panel: _Panel, scores: Points, right: float) -> None:  # type: ignore[no-untyped-def]
    best = max(scores, key=lambda point: point[1])
    x, y = _place(panel, best, right)
    r = 5 * _SCALE
    pen.ellipse((x - r, y - r, x + r, y + r), outline=_ORANGE, width=2 * _SCALE)
    x0, _, x1, _ = (value * _SCALE for value in panel.box)
    text, face = f"best {best[1]:.2f} at epoch {best[0]:.4g}", font(12 * _SCALE)
    half = face.getlength(text) / 2 + 4 * _SCALE
    pen.text((min(max(x, x0 + half), x1 - half), y + 18 * _SCALE), text, fill=_ORANGE, font=face, anchor="mm")


def _ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) within low..high."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]
