"""The robustness table as a picture: a panel a kind, strength from left (clean) to right, one line a method."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..draw.overlay import font
from .robustness import Robustness, Row

# Told apart with the common forms of colour blindness as far as ten colours can be; the marker says it a second time.
_COLOURS = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (128, 96, 0),
    (86, 180, 233), (120, 120, 120), (230, 159, 0), (0, 0, 0), (148, 0, 211),
)  # fmt: skip
_MARKERS = ("circle", "square", "up", "diamond", "down")
LEGEND = 178  # pixels of one entry
PANEL = (400, 270)  # the axes' rectangle, pixels
ROOM = (62, 44, 26, 54)  # left, top, right, bottom of it


def draw_robustness(table: Robustness, title: str = "") -> NDArray[np.uint8]:
    """(height, width, 3) RGB. Bars are the standard error of the mean over images; the vertical axis begins at 0."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    kinds = table.kinds
    columns = min(3, max(1, len(kinds)))
    rows = -(-len(kinds) // columns)
    wide, high = PANEL[0] + ROOM[0] + ROOM[2], PANEL[1] + ROOM[1] + ROOM[3]
    per_line = max(1, columns * wide // LEGEND)
    legend = 24 * -(-len(table.methods) // per_line) + 16
    head = 40
    canvas = Pillow.new("RGB", (columns * wide, head + rows * high + legend), "white")
    pen = ImageDraw.Draw(canvas)
    first = table.rows[0]
    pen.text(
        (14, head / 2),
        title
        or f"{table.score}, mean over {first.images} image{'s' if first.images != 1 else ''}, against strength of damage",
        fill="black",
        font=font(18),
        anchor="lm",
    )
    top = _ceiling(table)
    for number, kind in enumerate(kinds):
        x = (number % columns) * wide + ROOM[0]
        y = head + (number // columns) * high + ROOM[1]
        _panel(pen, table, kind, x, y, top)
    for number, method in enumerate(table.methods):
        x = 24 + (number % per_line) * LEGEND
        y = head + rows * high + 16 + (number // per_line) * 24
        colour = _COLOURS[number % len(_COLOURS)]
        pen.line((x, y, x + 34, y), fill=colour, width=2)
        _mark(pen, x + 17, y, number, colour)
        pen.text((x + 42, y), method, fill="black", font=font(14), anchor="lm")
    return np.asarray(canvas)


def _ceiling(table: Robustness) -> float:
    """The top of the vertical axis: the next tenth above the largest value."""
    values = [row.mean + (row.error or 0) for row in table.rows if not math.isnan(row.mean)]
    return min(1.0, math.ceil(max(values, default=1.0) * 10 + 1e-9) / 10) or 0.1


def _panel(pen, table: Robustness, kind: str, x: int, y: int, top: float) -> None:  # type: ignore[no-untyped-def]
    width, height = PANEL
    small = font(13)
    rows = table.of(table.methods[0], kind)
    step = width / (len(rows) + 1)
    places = [x + step * (i + 0.5) for i in range(len(rows) + 1)]
    pen.text((x, y - 18), kind.replace("_", " "), fill="black", font=font(16), anchor="lm")
    for tenth in range(round(top * 10) + 1):
        line = y + height - tenth / 10 / top * height
        pen.line((x, line, x + width, line), fill=(225, 225, 225))
        pen.text((x - 8, line), f"{tenth / 10:.1f}", fill=(60, 60, 60), font=small, anchor="rm")
    pen.rectangle((x, y, x + width, y + height), outline=(120, 120, 120))
    for place, text in zip(places, ["clean", *(f"{row.strength:g}" for row in rows)], strict=True):
        pen.line((place, y + height, place, y + height + 4), fill=(120, 120, 120))
        pen.text((place, y + height + 14), text, fill=(60, 60, 60), font=small, anchor="mm")
    pen.text((x + width / 2, y + height + 33), rows[0].option, fill=(60, 60, 60), font=small, anchor="mm")
    for number, method in enumerate(table.methods):
        line_rows: tuple[Row, ...] = (table.clean(method), *table.of(method, kind))
        colour = _COLOURS[number % len(_COLOURS)]
        points = [
            (place, y + height - row.mean / top * height, (row.error or 0) / top * height)
            for place, row in zip(places, line_rows, strict=True)
            if not math.isnan(row.mean)
        ]
        if len(points) > 1:
            pen.line([(px, py) for px, py, _ in points], fill=colour, width=2)
        for px, py, bar in points:
            pen.line((px, py - bar, px, py + bar), fill=colour)
            _mark(pen, px, py, number, colour)


def _mark(pen, x: float, y: float, number: int, colour: tuple[int, int, int]) -> None:  # type: ignore[no-untyped-def]
    r = 4
    shape = _MARKERS[number % len(_MARKERS)]
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        return
    corners = {
        "square": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "up": ((-r, r), (r, r), (0, -r)),
        "diamond": ((-r, 0), (0, -r), (r, 0), (0, r)),
        "down": ((-r, -r), (r, -r), (0, r)),
    }[shape]
    pen.polygon([(x + dx, y + dy) for dx, dy in corners], fill=colour)
