"""Accuracy against latency as a figure (SVG): up is better, left is faster, a step line joins those that nobody beats.

    points (name, milliseconds, score) -> axes (milliseconds logarithmic) -> marks -> names placed where they are free

Filled: methods that find the names themselves; hollow: regions named from the truth, an upper bound, so not on the line.
Circles are classical methods, squares networks. Colours come from the page by CSS classes; `standalone` brings its own.
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .fair import Row

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

_ROOM = (52, 34, 20, 46)  # left, top, right, bottom of the axes, pixels
_RADIUS = 5
_LETTER = 6.7  # mean width of a letter at 12 pixels
_LINE = 15

_OWN_STYLE = """
svg { --paper: #fff; background: #fff; font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
.grid { stroke: #e7e7ea } .axis { stroke: #a1a1aa } .tick, .title { fill: #52525b } .name { fill: #18181b }
.front { stroke: #0b6e99 } .mark { fill: #0b6e99; stroke: #0b6e99 } .behind { fill: #8b8b94; stroke: #8b8b94 }
.bound { fill: #fff; stroke: #8b8b94 }
"""
FIGURE_STYLE = """
.grid, .axis { stroke-width: 1; shape-rendering: crispEdges } .front { fill: none; stroke-width: 1.5; opacity: .55 }
.mark { stroke-width: 1.6 } .tick { font-size: 11.5px } .title { font-size: 12px } .name { font-size: 12px }
.best { font-weight: 600 } .name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round }
"""


@dataclass(frozen=True)
class Point:
    """One method with a score. network: drawn as a square. bound: scored with names from the truth, drawn hollow."""

    name: str
    milliseconds: float
    score: float
    network: bool = False
    bound: bool = False


def points_of(rows: Iterable[Row]) -> tuple[Point, ...]:
    """The rows that have both a score and a latency."""
    return tuple(
        Point(r.name, max(r.latency_median * 1000, 1e-3), r.score, r.kind == "network", r.class_agnostic)
        for r in rows
        if r.score is not None and r.latency_median is not None
    )


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other beats in one thing without losing in the other, fastest first.

    Upper bounds take part only where there is nothing else.
    """
    ranked = [p for p in points if not p.bound] or list(points)
    best: list[Point] = []
    for point in sorted(ranked, key=lambda p: (p.milliseconds, -p.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return tuple(best)


def pareto_svg(
    rows: Iterable[Row], metric: str, *, width: int = 760, height: int = 400, standalone: bool = False
) -> str:
    """The figure, of `width` x `height` pixels; standalone: with its own colours, to be a file."""
    points = points_of(rows)
    left, top, right, bottom = _ROOM
    inner_width, inner_height = width - left - right, height - top - bottom
    low, high = _time_range([p.milliseconds for p in points])
    floor, ceiling, step = _score_range([p.score * 100 for p in points])

    def x(milliseconds: float) -> float:
        return left + inner_width * math.log(milliseconds / low) / math.log(high / low)

    def y(percent: float) -> float:
        return top + inner_height * (1 - (percent - floor) / (ceiling - floor))

    parts = []
    tick = floor
    while tick <= ceiling + 1e-9:
        parts.append(_line("axis" if tick == floor else "grid", left, y(tick), width - right, y(tick)))
        parts.append(_text("tick", left - 8, y(tick) + 4, f"{tick:g}", "end"))
        tick += step
    for value in _time_ticks(low, high, inner_width):
        parts.append(_line("axis", x(value), height - bottom, x(value), height - bottom + 4))
        parts.append(_text("tick", x(value), height - bottom + 18, _duration(value), "middle"))
    parts.append(_text("title", left - 40, 14, f"{metric}, %", "start"))
    parts.append(_text("title", width - right, height - 8, "median latency of an image", "end"))

    best = front(points)
    corners = [(x(p.milliseconds), y(p.score * 100)) for p in best]
    if len(best) > 1:
        path = "M{:.1f} {:.1f}".format(*corners[0]) + "".join(f"H{px:.1f}V{py:.1f}" for px, py in corners[1:])
        parts.append(f'<path class="front" d="{path}"/>')
    steps = [
        box
        for (x0, y0), (x1, y1) in itertools.pairwise(corners)
        for box in ((x0, y0 - 1, x1, y0 + 1), (x1 - 1, y1, x1 + 1, y0))
    ]
    places = [(x(p.milliseconds), y(p.score * 100)) for p in points]
    for point, (px, py) in zip(points, places, strict=True):
        kind = "bound" if point.bound else "" if point in best else "behind"
        said = f"{point.name}: {point.score * 100:.1f} %, {_duration(point.milliseconds, exact=True)}"
        parts.append(
            _mark(px, py, f"mark {kind}".strip(), point.network, said + (" (upper bound)" if point.bound else ""))
        )
    frame = (left + 2, 20, width - 4, height - bottom - 2)
    names = _placed([p.name for p in points], places, steps, frame)
    for point, (tx, ty, anchor, name) in zip(points, names, strict=True):
        parts.append(_text("name best" if point in best and not point.bound else "name", tx, ty, name, anchor))
    if not points:
        parts.append(_text("title", left + inner_width / 2, top + inner_height / 2, "no method has a score", "middle"))
    own = f' xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"' if standalone else ""
    style = f"<style>{_OWN_STYLE}{FIGURE_STYLE}</style>" if standalone else ""
    title = f"{metric} against median latency of {len(points)} methods"
    return f'<svg{own} viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">{style}{"".join(parts)}</svg>'


# --- axes -----------------------------------------------------------------------------------------------------------


def _time_range(values: Sequence[float]) -> tuple[float, float]:
    """Room around the values, at least a factor of 10 in all."""
    low, high = min(values, default=1.0) / 1.6, max(values, default=10.0) * 2.2
    spare = math.sqrt(max(1.0, 10 / (high / low)))
    return low / spare, high * spare


def _time_ticks(low: float, high: float, width: float) -> list[float]:
    """1, 2 and 5 of each power of ten while there is room for them, else the powers alone."""
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [
            s * 10.0**e
            for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            for s in steps
            if low <= s * 10.0**e <= high
        ]
        if len(found) <= width / 62:
            break
    return found


def _score_range(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower end, upper end and step in percent: round numbers; from 0 unless all values lie far above it."""
    least, most = min(values, default=0.0), max(values, default=100.0)
    if least < 0.6 * most:
        least = 0.0
    span = max(most - least, 2.0)
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 25) if span / s <= 6 or s == 25)
    floor = max(0.0, math.floor((least - (0.15 * span if least else 0)) / step) * step)
    return floor, min(100.0, math.ceil((most + 0.06 * span) / step) * step), step


def _duration(milliseconds: float, exact: bool = False) -> str:
    digits = ".3g" if exact else "g"
    if milliseconds < 0.999:
        return f"{milliseconds * 1000:{digits}} µs"
    return f"{milliseconds / 1000:{digits}} s" if milliseconds >= 999.5 else f"{milliseconds:{digits}} ms"


# --- marks and names ------------------------------------------------------------------------------------------------


def _placed(
    names: Sequence[str], places: Sequence[tuple[float, float]], lines: Sequence[Box], frame: Box
) -> list[tuple[float, float, str, str]]:
    """For each name (x, y of its baseline, anchor, text): beside, above or below its mark, where least is in the way.

    lines: what else is drawn, as thin boxes. frame: where names must stay.
    """
    r = _RADIUS + 2
    taken = [(px - r, py - r, px + r, py + r) for px, py in places] + list(lines)
    found: dict[int, tuple[float, float, str, str]] = {}
    for index in sorted(range(len(names)), key=lambda i: places[i][1]):
        (px, py), name = places[index], names[index]
        if len(name) > 34:
            name = name[:32] + "…"
        long = len(name) * _LETTER
        choices = [
            (px + r + 3, py + 4, "start"), (px - r - 3, py + 4, "end"), (px, py - r - 4, "middle"),
            (px, py + r + 12, "middle"), (px + r, py - r - 2, "start"), (px + r, py + r + 10, "start"),
            (px - r, py - r - 2, "end"), (px - r, py + r + 10, "end"),
            (px + r, py - r - 16, "start"), (px - r, py - r - 16, "end"), (px + r, py + r + 24, "start"),
        ]  # fmt: skip
        best, least = None, math.inf
        for rank, (tx, ty, anchor) in enumerate(choices):
            start = tx - long * {"start": 0, "middle": 0.5, "end": 1}[anchor]
            box = (start, ty - 11, start + long, ty + _LINE - 11)
            others = [other for i, other in enumerate(taken) if i != index]
            outside = box[2] - box[0] - max(0.0, min(box[2], frame[2]) - max(box[0], frame[0]))
            outside += max(0.0, frame[1] - box[1]) + max(0.0, box[3] - frame[3])
            bad = sum(_overlap(box, other) for other in others) + 40 * outside + rank
            if bad < least:
                best, least = ((tx, ty, anchor, name), box), bad
        assert best is not None
        found[index] = best[0]
        taken.append(best[1])
    return [found[i] for i in range(len(names))]


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0


def _mark(x: float, y: float, kind: str, square: bool, title: str) -> str:
    said = f"<title>{html.escape(title)}</title>"
    if square:
        side = 2 * _RADIUS - 1
        return f'<rect class="{kind}" x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side}" height="{side}">{said}</rect>'
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}">{said}</circle>'


def _line(kind: str, x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<line class="{kind}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'
