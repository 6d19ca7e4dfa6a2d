"""The curves of a run as one picture: loss and mIoU side by side against the epoch, the learning rate small beneath."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..draw.chart import SCALE, Line, Panel, canvas, draw_panel, finished, ticks, write
from ..draw.overlay import font

_BLUE, _PALE, _ORANGE, _GREY, _GREEN = (0, 114, 178), (176, 208, 230), (213, 94, 0), (90, 90, 90), (0, 158, 115)
_SIZE = (1100, 620)  # pixels

# What the best checkpoint is chosen by (the first one that a run has), and what is drawn beside it.
_MEASURES = (("mIoU", "val_miou"), ("ODS F", "val_ods"), ("AP", "val_ap"), ("PQ", "val_pq"))
_BESIDE = (("pixel accuracy", "val_pixel_accuracy"), ("AP50", "val_ap50"))

Points = list[tuple[float, float]]


def draw_curves(rows: Sequence[Mapping[str, str]]) -> NDArray[np.uint8] | None:
    """(620, 1100, 3) RGB of rows with step, epoch, loss, val_loss, a score of `_MEASURES` (in [0, 1]) and learning_rate.

    The loss of each row is drawn pale and its running mean over a twentieth of the rows dark. None without any point.
    """
    place = _epochs(rows)
    loss = _points(rows, place, "loss")
    validation = _points(rows, place, "val_loss")
    measure, key = next((m for m in _MEASURES if _points(rows, place, m[1])), _MEASURES[0])
    scores = [(x, 100 * y) for x, y in _points(rows, place, key)]
    others = [_line(name, [(x, 100 * y) for x, y in _points(rows, place, key)], _GREEN) for name, key in _BESIDE]
    rates = _points(rows, place, "learning_rate")
    if not loss and not scores:
        return None
    every = [*loss, *validation]
    # One step that blew up must not flatten all the others.
    high = float(np.quantile([y for _, y in every], 0.99)) * 1.08 if every else 1.0
    right = max(x for x, _ in (*loss, *scores, *validation, *rates)) or 1.0
    losses = [
        Line("training", loss, _PALE, 1),
        _line("training, running mean", _smooth(loss), _BLUE),
        _line("validation", validation, _ORANGE),
    ]
    low = min(0.0, *(y for _, y in every)) if every else 0.0
    rate = max((y for _, y in rates), default=1.0) * 1.05
    panels = [
        _panel((70, 44, 530 if scores else 1080, 410), "loss", losses, right, (low, high)),
        _panel((70, 470, 1080, 560), "learning rate", [_line("", rates, _GREY)], right, (0.0, rate), 2),
    ]
    if scores:
        lines = [*others, _line(measure, scores, _BLUE)]
        panels.append(_panel((620, 44, 1080, 410), "validation, %", lines, right, (0.0, 100.0)))
    picture, pen = canvas(*_SIZE)
    for panel in panels:
        draw_panel(pen, panel)
    if scores:
        _mark_best(pen, panels[-1], scores)
    return finished(picture)


def _line(name: str, points: Points, colour: tuple[int, int, int]) -> Line:
    """With its points where they are few."""
    return Line(name, points, colour, marker="circle" if len(points) < 40 else "")


def _panel(
    box: tuple[int, int, int, int],
    title: str,
    lines: Sequence[Line],
    right: float,
    up: tuple[float, float],
    count: int = 5,
) -> Panel:
    across = ticks(0.0, right, 10 if box[2] - box[0] > 600 else 6)
    return Panel(box, title, lines, (0.0, right), up, across, ticks(*up, count), "epoch", legend=True)


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


def _mark_best(pen: Any, panel: Panel, scores: Points) -> None:
    best = max(scores, key=lambda point: point[1])
    x, y = (value / SCALE for value in panel.place(best))
    pen.ellipse([value * SCALE for value in (x - 5, y - 5, x + 5, y + 5)], outline=_ORANGE, width=2 * SCALE)
    text = f"best {best[1]:.2f} at epoch {best[0]:.4g}"
    half = font(12 * SCALE).getlength(text) / SCALE / 2 + 4
    inside = min(max(x, panel.box[0] + half), panel.box[2] - half)
    write(pen, inside, y + 18, text, 12, "mm", _ORANGE)
