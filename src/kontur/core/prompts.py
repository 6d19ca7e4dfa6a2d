"""What a person tells an interactive method: boxes, points and scribbles, in one convention.

Scribbles are an (H, W) integer map: 0 = unmarked, 1 = background, 2.. = objects. Points are (x, y, label) with the same labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import PromptError

Box = tuple[int, int, int, int]
Point = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Prompts:
    """boxes: (x0, y0, x1, y1) in pixels, x1 and y1 exclusive. points: (x, y, label). scribbles: (H, W) int32 or None.

    Make one with `Prompts.of`, which takes what people have at hand and brings labels into the convention.
    """

    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()
    scribbles: NDArray[np.int32] | None = None

    @classmethod
    def of(
        cls,
        box: Sequence[int] | Sequence[Sequence[int]] | None = None,
        point: Sequence[int] | Sequence[Sequence[int]] | None = None,
        scribbles: NDArray | None = None,
        *,
        background_label: int = 1,
    ) -> Prompts:
        """One box or a list, one point or a list, an integer map.

        Label `background_label` means background; every other non-zero label is an object, in rising order: with the
        labels 1, 2, 5 and the default, 2 is the first object and 5 the second.
        """
        points = [_whole(p, 3, "point: expected x,y,label") for p in _listed(point)]
        boxes = tuple(_whole(b, 4, "box: expected x0,y0,x1,y1") for b in _listed(box))
        labels = {label for _, _, label in points}
        if scribbles is not None:
            scribbles = np.asarray(scribbles)
            if scribbles.ndim != 2 or not (np.issubdtype(scribbles.dtype, np.integer) or scribbles.dtype == bool):
                raise PromptError(f"scribbles: expected integers (H, W), got {scribbles.dtype} {scribbles.shape}")
            labels |= {int(v) for v in np.unique(scribbles)} - {0}
        if any(label < 0 for label in labels):
            raise PromptError(f"labels: expected 0 or positive, got {min(labels)}")
        if any(label == 0 for _, _, label in points):
            raise PromptError(f"point: expected a label of 1 (background) or more, got 0 (unmarked) in {points}")
        order = {background_label: 1} | {
            label: index + 2 for index, label in enumerate(sorted(labels - {background_label, 0}))
        }
        mapped = None
        if scribbles is not None:
            mapped = np.zeros(scribbles.shape, np.int32)
            for label, new in order.items():
                mapped[scribbles == label] = new
        return cls(boxes, tuple((x, y, order[label]) for x, y, label in points), mapped)  # type: ignore[arg-type]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which were given, of box, point, scribbles."""
        given = {"box": bool(self.boxes), "point": bool(self.points), "scribbles": self.scribbles is not None}
        return tuple(name for name, there in given.items() if there)

    @property
    def empty(self) -> bool:
        return not self.boxes and not self.points and (self.scribbles is None or not self.scribbles.any())

    @property
    def objects(self) -> int:
        """How many objects the labels name (boxes not counted)."""
        highest = max((label for _, _, label in self.points), default=1)
        if self.scribbles is not None:
            highest = max(highest, int(self.scribbles.max(initial=1)))
        return highest - 1

    def check(self, shape: tuple[int, int]) -> None:
        """Raise PromptError unless everything lies inside an image of (H, W) pixels."""
        height, width = shape
        for x0, y0, x1, y1 in self.boxes:
            if x1 <= x0 or y1 <= y0:
                raise PromptError(f"box: expected x0 < x1 and y0 < y1, got {x0},{y0},{x1},{y1} (empty)")
            if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
                raise PromptError(
                    f"box: expected to lie inside the image of {width}x{height} pixels (x1, y1 exclusive), got {x0},{y0},{x1},{y1}"
                )
        for x, y, _ in self.points:
            if not (0 <= x < width and 0 <= y < height):
                raise PromptError(f"point: expected to lie inside the image of {width}x{height} pixels, got {x},{y}")
        if self.scribbles is not None and self.scribbles.shape != (height, width):
            got = f"{self.scribbles.shape[1]}x{self.scribbles.shape[0]}"
            raise PromptError(f"scribbles: expected the image's size {width}x{height}, got {got}")

    def seeds(self, shape: tuple[int, int], *, radius: int = 0) -> NDArray[np.int32]:
        """Scribbles and points in one map (H, W): 0 unmarked, 1 background, 2.. objects; points as squares of 2·radius+1."""
        seeds = np.zeros(shape, np.int32) if self.scribbles is None else self.scribbles.astype(np.int32)
        for x, y, label in self.points:
            seeds[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = label
        return seeds


def _listed(value: Sequence | None) -> Iterable[Sequence[int]]:
    """One tuple of numbers, or many: always many."""
    if value is None or len(value) == 0:
        return []
    first = value[0]
    return [value] if np.isscalar(first) else value


def _whole(values: Sequence[int], count: int, expected: str) -> tuple[int, ...]:
    try:
        whole = tuple(int(v) for v in values)
        exact = all(float(v) == w for v, w in zip(values, whole, strict=True))
    except (TypeError, ValueError, OverflowError):
        exact, whole = False, ()
    if not exact or len(whole) != count:
        raise PromptError(f"{expected} in whole pixels, got {','.join(map(str, values))}")
    return whole
