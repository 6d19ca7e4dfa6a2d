"""What a check of a data set finds: faults to correct, notes to know, and how often each class occurs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = str | int | float | None


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. file: below the root. kind: one word of a fixed list. value: what was met. count: how often.

    advice: what to do about it.
    """

    file: str
    kind: str
    value: Value
    count: int
    advice: str


@dataclass(frozen=True)
class Frequency:
    """How often a class occurs. pixels: those that count (0 where the truth is not made of pixels); objects: instances."""

    id: int
    name: str
    pixels: int
    objects: int
    images: int


@dataclass(frozen=True, eq=False)
class Report:
    """splits: split -> images. findings: faults, by file. notes: one line each; they are no faults."""

    root: Path
    splits: Mapping[str, int]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    frequencies: tuple[Frequency, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, the form of `kontur data check --json`."""
        return {
            "splits": dict(self.splits),
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
        }

    def figure(self) -> NDArray[np.uint8]:
        """The share of each class as a bar chart, (height, width, 3) RGB."""
        return draw_frequencies(self.frequencies)


def draw_frequencies(rows: Iterable[Frequency]) -> NDArray[np.uint8]:
    """Bars of the classes' share of all pixels, or of all objects where there are no pixels; (height, width, 3) RGB."""
    from PIL import Image, ImageDraw, ImageFont

    rows = list(rows)
    counts = [row.pixels or row.objects for row in rows]
    total, most = max(1, sum(counts)), max([*counts, 1])
    font = ImageFont.load_default(14)
    room = int(max([font.getlength(row.name) for row in rows] + [80.0])) + 16
    line, wide = 24, 480
    canvas = Image.new("RGB", (room + wide + 150, line * max(1, len(rows)) + 40), "white")
    pen = ImageDraw.Draw(canvas)
    what = "pixels" if any(row.pixels for row in rows) else "objects"
    pen.text((room, 8), f"share of {total:,} {what}", fill="black", font=font)
    for number, (row, count) in enumerate(zip(rows, counts, strict=True)):
        y = 32 + number * line
        pen.text((room - 8, y + line / 2), row.name, fill="black", font=font, anchor="rm")
        pen.rectangle((room, y + 4, room + round(wide * count / most), y + line - 4), fill=(45, 105, 165))
        told = f"{100 * count / total:.2f} %" if count else "absent"
        pen.text((room + round(wide * count / most) + 8, y + line / 2), told, fill="black", font=font, anchor="lm")
    return np.asarray(canvas)
