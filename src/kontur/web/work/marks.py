"""Boxes, points, strokes and scribbles of a request as marks on the image."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import PromptError
from ...core.prompts import Prompts
from .. import strokes
from ..limits import MOST_LABELS


def read_prompts(folder: Path, shape: tuple[int, int], given: dict[str, Any], max_pixels: int) -> strokes.Marks:
    """PROMPTS of the API as marks; those of a request alone."""
    seeds, boxes = np.zeros(shape, np.uint8), tuple(tuple(b) for b in given.get("boxes") or ())
    return strokes.Marks(with_marks(folder, shape, seeds, given, max_pixels), boxes)  # type: ignore[arg-type]


def with_marks(
    folder: Path, shape: tuple[int, int], seeds: NDArray[np.uint8], given: dict[str, Any], max_pixels: int
) -> NDArray[np.uint8]:
    """`seeds` with a scribbles PNG, then strokes, then points (3 x 3 pixels) over it."""
    Prompts(
        tuple(tuple(b) for b in given.get("boxes") or ()), tuple(tuple(p) for p in given.get("points") or ())
    ).check(shape)  # type: ignore[misc]
    if given.get("scribbles_png"):
        from ...io.labels import read_scribbles

        path = folder / "scribbles"
        try:
            path.write_bytes(base64.b64decode(given["scribbles_png"], validate=True))
        except ValueError:
            raise PromptError("scribbles_png: expected base64, got something else") from None
        marked = read_scribbles(path, max_pixels=max_pixels)
        path.unlink()
        Prompts(scribbles=marked).check(shape)
        if int(marked.max()) > MOST_LABELS:
            raise PromptError(f"scribbles_png: expected labels up to {MOST_LABELS}, got {int(marked.max())}")
        seeds = np.where(marked > 0, marked.astype(np.uint8), seeds)
    seeds = strokes.drawn(shape, given.get("strokes") or [], seeds)
    for x, y, label in given.get("points") or []:
        seeds[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = label
    return seeds
