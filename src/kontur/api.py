"""The one call: `segment(image, method)`; and `contours(image)`, every level of regions at once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

from numpy.typing import NDArray

from . import registry
from .core.errors import InputError
from .core.hierarchy import Hierarchy
from .core.image import Image, as_image
from .core.instances import Instances
from .core.options import checked_options
from .core.prompts import Prompts
from .core.segmentation import Segmentation

Boxes = Sequence[int] | Sequence[Sequence[int]] | None
Partition = Literal[
    "contours", "threshold", "otsu", "multi_otsu", "triangle", "li", "yen",
    "isodata", "minimum", "niblack", "sauvola", "local_mean", "local_gaussian", "hysteresis",
    "region_growing", "split_merge", "watershed", "flood", "sobel", "scharr", "prewitt",
    "marr_hildreth", "canny", "snakes", "chan_vese", "geodesic_contours", "gabor", "lbp",
    "glcm", "kmeans", "fuzzy_cmeans", "gaussian_mixture", "mean_shift", "spectral", "pixel_forest",
    "cluster_classify", "slic", "slico", "felzenszwalb", "quickshift", "turbopixels", "graph_cut_a",
    "graph_cut_b", "normalized_cut_superpixels", "ers", "seeds", "watershed_superpixels", "normalized_cut", "random_walker",
    "region_merging", "alpha_expansion", "dense_crf", "graph_cut", "grabcut", "geodesic", "clicks",
    "street",
]  # fmt: skip
"""The methods whose result is a `Segmentation`; others give `Instances`, or one of both."""


@overload
def segment(
    image: str | Path | NDArray | Image,
    method: Partition | None = None,
    *,
    box: Boxes = None,
    point: Boxes = None,
    scribbles: NDArray | str | Path | None = None,
    background_label: int = 1,
    **options: Any,
) -> Segmentation: ...


@overload
def segment(
    image: str | Path | NDArray | Image,
    method: Literal["nuclei"],
    *,
    box: Boxes = None,
    point: Boxes = None,
    scribbles: NDArray | str | Path | None = None,
    background_label: int = 1,
    **options: Any,
) -> Instances: ...


@overload
def segment(
    image: str | Path | NDArray | Image,
    method: str | Path,
    *,
    box: Boxes = None,
    point: Boxes = None,
    scribbles: NDArray | str | Path | None = None,
    background_label: int = 1,
    **options: Any,
) -> Segmentation | Instances: ...


def segment(
    image: str | Path | NDArray | Image,
    method: str | Path | None = None,
    *,
    box: Boxes = None,
    point: Boxes = None,
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

    >>> result = kontur.segment("photo.jpg", "slic", segments=50)
    >>> result.ids.shape, result.ids.dtype.name, 30 < len(result) < 80
    ((120, 160), 'int32', True)
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

    >>> tree = kontur.contours("photo.jpg")
    >>> tree.level(0.3).shape, len(tree.regions(2))   # two segmentations, in milliseconds
    ((120, 160), 2)
    >>> tree.boundaries.dtype.name, tree.ultrametric.dtype.name   # (H, W) in [0, 1]: thin outlines, and closed ones
    ('float32', 'float32')

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
