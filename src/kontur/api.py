"""The one call: `segment(image, method)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from . import registry
from .core.image import Image, as_image
from .core.instances import Instances
from .core.prompts import Prompts
from .core.segmentation import Segmentation


def segment(
    image: str | Path | NDArray | Image,
    method: str | Path | None = None,
    *,
    box: Sequence[int] | Sequence[Sequence[int]] | None = None,
    point: Sequence[int] | Sequence[Sequence[int]] | None = None,
    scribbles: NDArray | str | Path | None = None,
    background_label: int = 1,
    **options: Any,
) -> Segmentation | Instances:
    """Cut an image into regions by a method of the registry, or by a network.

    image:     a file, an array (H, W) or (H, W, C) in RGB order (uint8, uint16 or float), or a `kontur.Image`.
    method:    a name of `kontur.methods()`, a network's .onnx file or the folder of a training run; by default `registry.DEFAULT`.
    box:       (x0, y0, x1, y1) in pixels, x1 and y1 exclusive, or a list of them.
    point:     (x, y, label) or a list; labels as in scribbles.
    scribbles: integers (H, W): 0 unmarked, 1 background, 2.. objects, or a PNG with indices or coloured strokes.
    background_label: the label that means background; all others are objects in rising order.
    options:   the method's own, see `kontur describe METHOD`; superpixel methods also take `mask`, (H, W) bool: outside is void.

    Raises a KonturError whose message says what, expected, got, and what to do.
    """
    row = registry.get(str(method or registry.DEFAULT))
    if isinstance(image, str | Path):
        from .io.photos import read_image

        image = read_image(image)
    image = as_image(image)
    if isinstance(scribbles, str | Path):
        from .io.labels import read_scribbles

        scribbles = read_scribbles(scribbles)
    prompts = Prompts.of(box, point, scribbles, background_label=background_label)
    given = [
        n
        for n, v in (("box", prompts.boxes), ("point", prompts.points), ("scribbles", prompts.scribbles))
        if v is not None and len(v)
    ]
    row.check_prompts(given)
    function = row.load()
    return function(image, prompts, **options) if given else function(image, **options)


def methods(task: str | None = None) -> list[registry.Method]:
    """All methods, or those of one task, in the order of the registry; then the embedded models."""
    return [row for row in registry.rows() if task is None or row.task == task]
