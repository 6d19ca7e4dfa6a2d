"""Charts: axes with round ticks, lines with points and error bars, a legend; drawn by Pillow, without a plotting library.

    Panel (box, ranges, ticks, lines) ─draw_panel▶ canvas at `SCALE` times its size ─finished▶ (H, W, 3) RGB

The curves of a run and the table of robustness are such panels; `round_ticks` also serves the SVG of `kontur compare`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .overlay import font

SCALE = 2
"""Charts are drawn so many times as large and shrunk, as Pillow's lines have stairs."""

COLOURS = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (128, 96, 0),
    (86, 180, 233), (120, 120, 120), (230, 159, 0), (0, 0, 0), (148, 0, 211),
)  # fmt: skip
"""Told apart with the common forms of colour blindness as far as ten colours can be; the marker says it a second time."""

_CORNERS = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "up": ((-1, 1), (1, 1), (0, -1)),
    "diamond": ((-1, 0), (0, -1), (1, 0), (0, 1)),
    "down": ((-1, -1), (1, -1), (0, 1)),
}
MARKERS = ("circle", *_CORNERS)

Colour = tuple[int, int, int]
Tick = tuple[float, str]
"""A value on an axis and what is written beside it."""


@dataclass(frozen=True)
class Line:
    """Points (x, y) in the panel's units; errors: half the length of each bar. marker "" draws none."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: Colour
    width: int = 2
    marker: str = ""
    errors: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes. box: left, top, right, bottom in pixels of the finished picture. across, up: the ends of the axes.

    legend: the names of the lines stand above the panel, at its right.
    """

    box: tuple[int, int, int, int]
    title: str
    lines: Sequence[Line]
    across: tuple[float, float]
    up: tuple[float, float]
    x_ticks: Sequence[Tick] = field(default=())
    y_ticks: Sequence[Tick] = field(default=())
    axis: str = ""
    legend: bool = False

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """A point in pixels of the canvas; above and below the panel it is moved to the edge."""
        x0, y0, x1, y1 = (value * SCALE for value in self.box)
        (left, right), (low, high) = self.across, self.up
        share = min(1.0, max(0.0, (point[1] - low) / ((high - low) or 1)))
        return x0 + (point[0] - left) / ((right - left) or 1) * (x1 - x0), y1 - share * (y1 - y0)


def round_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) within low..high."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def ticks(low: float, high: float, count: int) -> list[Tick]:
    return [(value, f"{value:.4g}") for value in round_ticks(low, high, count)]


def canvas(width: int, height: int) -> tuple[Any, Any]:
    """A white picture for a chart of so many pixels, and its pen."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    picture = Pillow.new("RGB", (width * SCALE, height * SCALE), "white")
    return picture, ImageDraw.Draw(picture)


def finished(picture: Any) -> NDArray[np.uint8]:
    """(H, W, 3) RGB at the chart's own size."""
    from PIL import Image as Pillow

    size = picture.width // SCALE, picture.height // SCALE
    return np.asarray(picture.resize(size, Pillow.Resampling.LANCZOS))


def write(pen: Any, x: float, y: float, text: str, size: int, anchor: str, colour: Colour = (0, 0, 0)) -> None:
    """A text at a place of the finished picture. anchor: Pillow's, such as "lm" for left and middle."""
    pen.text((x * SCALE, y * SCALE), text, fill=colour, font=font(size * SCALE), anchor=anchor)


def draw_panel(pen: Any, panel: Panel) -> None:
    """Grid, axes, lines, points and names of a panel."""
    x0, y0, x1, y1 = panel.box
    write(pen, x0, y0 - 16, panel.title, 15, "lm")
    for value, text in panel.y_ticks:
        y = panel.place((panel.across[0], value))[1] / SCALE
        _stroke(pen, (x0, y, x1, y), (226, 226, 226))
        write(pen, x0 - 7, y, text, 12, "rm", (60, 60, 60))
    for value, text in panel.x_ticks:
        x = panel.place((value, panel.up[0]))[0] / SCALE
        _stroke(pen, (x, y1, x, y1 + 4), (120, 120, 120))
        write(pen, x, y1 + 13, text, 12, "mm", (60, 60, 60))
    pen.rectangle([value * SCALE for value in panel.box], outline=(120, 120, 120), width=SCALE)
    write(pen, (x0 + x1) / 2, y1 + 31, panel.axis, 12, "mm", (60, 60, 60))
    for line in panel.lines:
        places = [panel.place(point) for point in line.points]
        if len(places) > 1:
            pen.line(places, fill=line.colour, width=line.width * SCALE, joint="curve")
        for (x, y), bar in zip(line.points, line.errors, strict=False):
            pen.line([panel.place((x, y - bar)), panel.place((x, y + bar))], fill=line.colour, width=SCALE)
        if line.marker:
            for place in places:
                mark(pen, place[0] / SCALE, place[1] / SCALE, line.marker, line.colour)
    if panel.legend:
        _names(pen, panel)


def mark(pen: Any, x: float, y: float, marker: str, colour: Colour, radius: float = 3.5) -> None:
    """One of MARKERS at a place of the finished picture."""
    r, x, y = radius * SCALE, x * SCALE, y * SCALE
    if marker == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    else:
        pen.polygon([(x + r * dx, y + r * dy) for dx, dy in _CORNERS[marker]], fill=colour)


def draw_key(pen: Any, x: float, y: float, line: Line) -> None:
    """A piece of the line with its marker, and its name."""
    _stroke(pen, (x, y, x + 34, y), line.colour, 2)
    if line.marker:
        mark(pen, x + 17, y, line.marker, line.colour)
    write(pen, x + 42, y, line.name, 14, "lm")


def _names(pen: Any, panel: Panel) -> None:
    x, y = float(panel.box[2]), panel.box[1] - 14
    for line in reversed([line for line in panel.lines if line.name and line.points]):
        x -= font(12 * SCALE).getlength(line.name) / SCALE
        write(pen, x, y, line.name, 12, "lm")
        _stroke(pen, (x - 24, y, x - 6, y), line.colour, 3)
        x -= 40


def _stroke(pen: Any, ends: tuple[float, float, float, float], colour: Colour, width: int = 1) -> None:
    pen.line([value * SCALE for value in ends], fill=colour, width=width * SCALE)
