"""Steps of a session: the fast and the exact answer to boxes and strokes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import PromptError
from ...core.segmentation import Segmentation
from .. import strokes
from ..channel import Upload
from .marks import with_marks
from .packing import base64_text, json_bytes, packed, png, rgb24, segment_list, unpacked
from .pictures import Tell, canvas_of


def step(
    folder: Path,
    tell: Tell,
    image: Upload,
    number: int,
    form: str,
    given: dict[str, Any] | None,
    seeds: bytes | None,
    boxes: list[list[int]],
    before: tuple[bytes, list[list[int]], bytes] | None,
    whole: bool,
    counts: dict[str, int],
) -> tuple[bytes, bytes, bytes, list[list[int]]]:
    """A step of a session: (the answer, its seeds, its labels, its boxes).

    given: the new prompts; seeds, boxes: all marks before them. before: (seeds, boxes, labels) from which to go on. whole:
    the exact answer.
    """
    started = time.perf_counter()
    canvas = canvas_of(folder, image)
    shape = canvas.image.shape
    drawn = unpacked(seeds, shape) if seeds else np.zeros(shape, np.uint8)
    if given is not None:
        drawn = with_marks(folder, shape, drawn, given, image.max_pixels)
        boxes = given.get("boxes") or boxes
    marks = strokes.Marks(drawn, tuple(tuple(b) for b in boxes))  # type: ignore[misc]
    if not marks.boxes and not drawn.any():
        raise PromptError("expected a box or a stroke, got none")
    strokes.check(marks, shape)
    past, labels = None, None
    if before is not None:
        past = strokes.Marks(unpacked(before[0], shape), tuple(tuple(b) for b in before[1]))  # type: ignore[misc]
        labels = unpacked(before[2], shape)
    found = (strokes.exact if whole else strokes.fast)(canvas, marks, past, labels)
    answer = _step_answer(found, number, whole, form, boxes, counts, time.perf_counter() - started)
    return answer, packed(drawn), packed(found), boxes


def step_again(
    folder: Path,
    tell: Tell,
    labels: bytes,
    shape: tuple[int, int],
    number: int,
    whole: bool,
    form: str,
    boxes: list[list[int]],
    counts: dict[str, int],
) -> bytes:
    """The answer of a step that is known."""
    return _step_answer(unpacked(labels, shape), number, whole, form, boxes, counts, 0.0)


def _step_answer(
    labels: NDArray[np.uint8], number: int, whole: bool, form: str, boxes: Any, counts: dict[str, int], seconds: float
) -> bytes:
    result = Segmentation.from_ids(labels, background=1)
    answer = {
        "step": number,
        "exact": whole,
        "width": result.shape[1],
        "height": result.shape[0],
        "background": 1,
        "objects": sum(s.id != 1 for s in result.segments),
        "segments": segment_list(result),
        "labels_png": base64_text(png(rgb24(labels) if form == "rgb24" else labels)),
        "seconds": round(seconds, 4),
        "result": f"step{number}",
        "prompts": {"boxes": boxes, **counts},
    }
    return json_bytes(answer)
