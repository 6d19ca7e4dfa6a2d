"""What a worker can be asked for: WORK, name -> function(folder, tell, ..). Answers for the page are finished JSON, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...core.image import Image
from ...core.segmentation import Segmentation
from .. import strokes
from . import exports, methods, packing, pictures, steps

WORK: dict[str, Callable[..., Any]] = {
    "methods": methods.methods,
    "open": pictures.opened,
    "shown": pictures.shown,
    "forget": pictures.forget,
    "check": methods.check,
    "segment": methods.segment,
    "tree": methods.tree,
    "step": steps.step,
    "step_again": steps.step_again,
    "export": exports.export,
    "label_studio": methods.label_studio,
}


def warm_up(folder: Path) -> None:
    """Load the compiled kernels of what a page asks for first, on a small picture."""
    y, x = np.mgrid[:240, :320]
    disc = (y - 120) ** 2 + (x - 150) ** 2 < 70**2
    noise = np.random.default_rng(0).integers(0, 40, (240, 320, 3))
    image = Image((noise + np.where(disc[..., None], (180, 90, 60), (40, 90, 150))).clip(0, 255).astype(np.uint8))
    canvas = strokes.Canvas(image)
    canvas.prepare()
    seeds = np.zeros(image.shape, np.uint8)
    boxed = strokes.Marks(seeds, ((70, 40, 230, 200),))
    labels = strokes.fast(canvas, boxed, None, None)
    stroke = [
        {"label": 1, "width": 9, "points": [[5, 5], [300, 8]]},
        {"label": 2, "width": 9, "points": [[140, 110], [160, 130]]},
    ]
    marks = strokes.Marks(strokes.drawn(image.shape, stroke, seeds), boxed.boxes)
    strokes.fast(canvas, marks, boxed, labels)
    strokes.exact(canvas, marks, boxed, labels)
    packing.json_bytes(packing.result_document(Segmentation.from_ids(labels, background=1), "foreground", "rgb24"))
