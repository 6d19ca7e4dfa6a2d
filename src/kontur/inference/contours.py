"""Contours: the outlines of things in any photo, and the closed regions they enclose, at every level. The default method.

Papers: Xie & Tu, HED, ICCV 2015, arXiv:1504.06375 (a network that learns people's outlines); Arbeláez, Maire, Fowlkes &
Malik, TPAMI 33(5), 2011 (from outlines to a hierarchy of regions):

    image (H, W, C) -> network (models/contours.onnx: contour_net, learnt from BSDS500) -> logit (H, W)
        -> strength (H, W) = sigmoid(a logit + b) -> `graph.contour_hierarchy` -> Hierarchy -> level or number of regions

Differs from the papers: images of more pixels than those the network learnt from are shrunk before they go in, because at
the full size of a large photo the grain of a surface looks like an outline; the strengths are enlarged again, so that
regions have the image's own size. With megapixels=none the network sees every pixel, in tiles.

Memory, beside the image: about 45 bytes a pixel (docs/contours.md has what was measured).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.hierarchy import Hierarchy
from ..core.image import Image
from ..core.method import NOTHING_MORE, Outcome, Want
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation
from .network_file import FilePredictor, NetworkFile
from .predictor import Channels, Predictor
from .shared_options import Device, Flips, Overlap, Scales, Threads, Tile
from .tiles import gathered, resized

if TYPE_CHECKING:
    from ..core.prompts import Prompts

_ROWS = 512  # of the image that are worked on at a time


class ContourPredictor(FilePredictor):
    """Closed regions bounded by the outlines that a person would draw. The default method.

    A small network finds the outlines (models/contours.onnx, learnt from the human drawings of BSDS500); a watershed and
    its merge tree make a hierarchy of regions of them, of which one level is returned: `level` in 0..1, or the coarsest
    one that has `regions` regions. `kontur.contours` gives the whole hierarchy, from which other levels are read in
    milliseconds. Every region is 4-connected.

    Any image: one band goes in three times; of other numbers than one and three red, green and blue by name, else the
    first three (the provenance says which). An image of one colour is one region.
    """

    def __init__(
        self,
        network: NetworkFile | str | Path,
        *,
        level: Annotated[
            float | None, Option("regions whose common border is weaker are one; none: the best for photos", 0, 1)
        ] = None,
        regions: Annotated[
            int | None, Option("number of regions, in place of a level", 1, 100_000_000, "regions")
        ] = None,
        megapixels: Annotated[
            float | None,
            Option(
                "larger images are shrunk to this for the network; none: as they are, in tiles", 0.01, 1e6, "megapixels"
            ),
        ] = 2.0,
        flips: Flips = False,
        scales: Scales = "1",
        tile: Tile = None,
        overlap: Overlap = None,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        self._views = Predictor(
            network, flips=flips, scales=scales, tile=tile, overlap=overlap, device=device, threads=threads
        )
        self.network = self._views.network
        self._level, self._regions, self._megapixels = level, regions, megapixels
        if self.metadata.task != "boundary":
            got = self.metadata.task
            raise InputError(f"{self.network.path}: expected a network of task boundary, got one of {got}")

    def __call__(self, image: Image) -> Segmentation:
        result = self.run(image).result
        assert isinstance(result, Segmentation)
        return result

    def run(self, image: Image, prompts: Prompts | None = None, want: Want = NOTHING_MORE) -> Outcome:
        wanted = "hierarchy" in want
        tree = self._tree(image, thin=wanted)
        return Outcome(tree.cut(self._level, self._regions), tree if wanted else None)

    def _tree(self, image: Image, thin: bool) -> Hierarchy:
        """thin: keep the thinned outlines in it (`Hierarchy.boundaries`), which takes a third of the time after the network."""
        from ..graph.oriented_watershed import contour_hierarchy

        strength, notes = boundary_strength(self._views, image, self._megapixels)
        tree = contour_hierarchy(strength, default=self.metadata.level, thin=thin)
        return replace(tree, provenance=Provenance(self.metadata.name, notes=notes))


def boundary_strength(
    predictor: Predictor, image: Image, megapixels: float | None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """((H, W) in [0, 1]: the probability of an outline at each pixel, notes for the provenance).

    megapixels: larger images are shrunk to it for the network. One colour has no outlines, whatever the network says.
    """
    channels = Channels.of(image.bands, image.limits, predictor.metadata, any_number=True)
    taken = tuple(filter(None, (image.scaling, *image.notes)))
    if _one_colour(image.pixels):
        return np.zeros(image.shape, np.float32), (*taken, "an image of one colour: no outlines")
    height, width = image.shape
    shrink = 1.0 if megapixels is None else min(1.0, (megapixels * 1e6 / (height * width)) ** 0.5)
    if predictor.metadata.fixed is not None:
        shrink = 1.0  # what it can see is decided by its tiles
    seen = max(1, round(height * shrink)), max(1, round(width * shrink))
    plan = predictor.plan(seen)
    if seen == image.shape:
        strength = _strength(predictor, plan, lambda rows, columns: channels.apply(image.pixels[rows, columns]), seen)
        notes = predictor.notes(plan, channels.note)
    else:
        small = _shrunk(image.pixels, channels, seen)
        strength = _enlarged(
            _strength(predictor, plan, lambda rows, columns: small[:, rows, columns], seen), image.shape
        )
        notes = (
            *predictor.notes(plan, channels.note),
            f"the network sees {seen[1]}x{seen[0]} of {width}x{height} pixels",
        )
    return strength, (*taken, *notes)


def _strength(predictor: Predictor, plan: Any, read: Any, shape: tuple[int, int]) -> NDArray[np.float32]:
    tiles = predictor.scores(
        plan, lambda row, column: read(slice(row.start, row.stop), slice(column.start, column.stop))
    )
    strength = gathered(shape, ((y, x, predictor.probable(predictor.refuse_nan(part))[0]) for y, x, part in tiles))
    return np.clip(strength, 0, 1, out=strength)  # the mean of several views may be 1 + 1e-7


def _one_colour(pixels: NDArray) -> bool:
    first = pixels[0, 0]
    return all(bool((pixels[top : top + min(1 + top, _ROWS)] == first).all()) for top in _doubling(len(pixels)))


def _doubling(length: int) -> Iterator[int]:
    """0, 1, 3, 7, .. below length: the first differing row is found early, and no large array is made of equal ones."""
    top = 0
    while top < length:
        yield top
        top += min(1 + top, _ROWS)


def _shrunk(pixels: NDArray, channels: Channels, shape: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W[, C]) -> (C, *shape), normalised, averaged over what falls together; never more than some rows at full size."""
    height, width = pixels.shape[:2]
    step = max(1, min(height // shape[0], width // shape[1]))
    if step == 1:
        return resized(channels.apply(pixels), *shape)
    rows = max(1, _ROWS // step) * step
    parts = [_averaged(channels.apply(pixels[top : top + rows]), step) for top in range(0, height, rows)]
    return resized(np.concatenate(parts, axis=1), *shape)


def _averaged(planes: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means of squares of `step` pixels; of what is there at the right and lower rim."""
    from PIL import Image as Pillow

    return np.stack([np.asarray(Pillow.fromarray(plane).reduce(step)) for plane in planes])


def _enlarged(strength: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) -> shape, bilinear, in bands of rows so that no second map of that size is needed."""
    from PIL import Image as Pillow

    (height, width), (low, narrow) = shape, strength.shape
    picture, out = Pillow.fromarray(strength), np.empty(shape, np.float32)
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        box = (0, top * low / height, narrow, min((top + rows) * low / height, low))
        out[top : top + rows] = np.asarray(picture.resize((width, rows), Pillow.Resampling.BILINEAR, box=box))
    return np.clip(out, 0, 1, out=out)
