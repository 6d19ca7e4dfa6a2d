"""The robustness table as a picture: a panel a kind, strength from left (clean) to right, one line a method."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..draw.chart import COLOURS, MARKERS, Line, Panel, canvas, draw_key, draw_panel, finished, write
from .robustness import Robustness

LEGEND = 178  # pixels of one entry
PANEL = (400, 270)  # the axes' rectangle, pixels
ROOM = (62, 44, 26, 54)  # left, top, right, bottom of it
HEAD = 40


def draw_robustness(table: Robustness, title: str = "") -> NDArray[np.uint8]:
    """(height, width, 3) RGB. Bars are the standard error of the mean over images; the vertical axis begins at 0."""
    columns = min(3, max(1, len(table.kinds)))
    rows = -(-len(table.kinds) // columns)
    wide, high = PANEL[0] + ROOM[0] + ROOM[2], PANEL[1] + ROOM[1] + ROOM[3]
    per_line = max(1, columns * wide // LEGEND)
    picture, pen = canvas(columns * wide, HEAD + rows * high + 24 * -(-len(table.methods) // per_line) + 16)
    images = table.rows[0].images
    said = f"{table.score}, mean over {images} image{'s' if images != 1 else ''}, against strength of damage"
    write(pen, 14, HEAD / 2, title or said, 18, "lm")
    top = _ceiling(table)
    for number, kind in enumerate(table.kinds):
        draw_panel(pen, _panel(table, kind, (number % columns) * wide, HEAD + (number // columns) * high, top))
    for number, method in enumerate(table.methods):
        x, y = 24 + (number % per_line) * LEGEND, HEAD + rows * high + 16 + (number // per_line) * 24
        draw_key(pen, x, y, _line(number, method, [], []))
    return finished(picture)


def _ceiling(table: Robustness) -> float:
    """The top of the vertical axis: the next tenth above the largest value."""
    values = [row.mean + (row.error or 0) for row in table.rows if not math.isnan(row.mean)]
    return min(1.0, math.ceil(max(values, default=1.0) * 10 + 1e-9) / 10) or 0.1


def _panel(table: Robustness, kind: str, x: int, y: int, top: float) -> Panel:
    """x, y: the panel's place with its room. The strengths stand at equal distances, whatever they are."""
    rows = table.of(table.methods[0], kind)
    lines = []
    for number, method in enumerate(table.methods):
        found = [
            (at, r) for at, r in enumerate((table.clean(method), *table.of(method, kind))) if not math.isnan(r.mean)
        ]
        lines.append(_line(number, method, [(at, r.mean) for at, r in found], [r.error or 0 for _, r in found]))
    return Panel(
        (x + ROOM[0], y + ROOM[1], x + ROOM[0] + PANEL[0], y + ROOM[1] + PANEL[1]),
        kind.replace("_", " "),
        lines,
        (-0.5, len(rows) + 0.5),
        (0.0, top),
        [(0, "clean"), *((at, f"{row.strength:g}") for at, row in enumerate(rows, 1))],
        [(tenth / 10, f"{tenth / 10:.1f}") for tenth in range(round(top * 10) + 1)],
        rows[0].option,
    )


def _line(number: int, method: str, points: list[tuple[float, float]], errors: list[float]) -> Line:
    return Line(method, points, COLOURS[number % len(COLOURS)], 2, MARKERS[number % len(MARKERS)], errors)
