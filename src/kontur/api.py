"""The one call: `segment(image, method)`; and `contours(image)`, every level of regions at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from . import registry
from .core.errors import InputError
from .core.hierarchy import Hierarchy
from .core.image import Image, as_image
from .core.instances import Instances
from .core.options import checked_options
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
    method:    a name of `kontur.methods()`, a network's .onnx file, the folder of a training run, or "hf:NAME_OR_FOLDER" (a
               model of transformers); by default `registry.DEFAULT`.
    box:       (x0, y0, x1, y1) in pixels, x1 and y1 exclusive, or a list of them.
    point:     (x, y, label) or a list; labels as in scribbles.
    scribbles: integers (H, W): 0 unmarked, 1 background, 2.. objects, or a PNG with indices or coloured strokes.
    background_label: the label that means background; all others are objects in rising order.
    options:   the method's own, see `kontur describe METHOD`; superpixel methods also take `mask`, (H, W) bool: outside is void.

    Raises a KonturError whose message says what, expected, got, and what to do.
    """
    if method is None:
        method, note = registry.default()
        if note:
            warnings.warn(note, stacklevel=2)
    if isinstance(scribbles, str | Path):
        from .io.labels import read_scribbles

        scribbles = read_scribbles(scribbles)
    row = registry.get(str(method))
    picture = _read(image)
    prompts = Prompts.of(box, point, scribbles, background_label=background_label)
    return row.run(picture, prompts, options).result


def contours(image: str | Path | NDArray | Image, *, model: str | Path | None = None, **options: Any) -> Hierarchy:
    """The outlines of things in a photo, and the closed regions they enclose at every level.

    image:   as in `segment`.
    model:   a boundary network: an .onnx file or the folder of a training run; by default the embedded one.
    options: those of the method `contours` but `level` and `regions` (`kontur describe contours`): flips, scales ..

    >>> tree = kontur.contours("photo.jpg")   # doctest: +SKIP
    >>> tree.level(0.3), tree.regions(20)     # two segmentations, in milliseconds  # doctest: +SKIP
    >>> tree.boundaries, tree.ultrametric     # (H, W) float32 in [0, 1]: thin outlines, and closed ones  # doctest: +SKIP

    Raises a KonturError; NoModels in a build without models where none is given.
    """
    row = registry.get(str(model or "contours"))
    if not row.tree or not isinstance(row, registry.NetworkMethod):
        raise InputError(f"model: expected a network of task boundary, got {row.name} ({row.task})")
    whole = tuple(spec for spec in row.options if spec.name not in registry.CUT)
    outcome = row.run(_read(image), None, checked_options(row.name, whole, options), frozenset({"hierarchy"}))
    assert outcome.hierarchy is not None
    return outcome.hierarchy


def _read(image: str | Path | NDArray | Image) -> Image:
    if isinstance(image, str | Path):
        from .io.photos import read_image

        return read_image(image)
    return as_image(image)


def methods(task: str | None = None) -> list[registry.Method]:
    """All methods, or those of one task, in the order of the registry; then the embedded models."""
    return [row for row in registry.rows() if task is None or row.task == task]
