"""Boxes and strokes of the page, and the two answers to them: a fast one and the exact one.

    strokes -> seeds (H, W) -> fast:  GrabCut at small size -> each fine superpixel takes the label of most of its pixels
                            -> exact: GrabCut at full size, going on from the last exact labels

Superpixels: `kontur.superpixels.slic`; the cut: `kontur.interactive.grabcut`. The first answer is near the second one, but
for objects thinner than a superpixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import PromptError
from ..core.image import Image
from ..core.prompts import Prompts
from ..interactive.grabcut import GrabCut

_SMALL = 50_000
"""Pixels of the size at which the fast answer is cut."""
_GAMMA = 50.0
"""GrabCut's own."""
_FAST_ROUNDS = 3
_EXACT_ROUNDS = 2
_EXACT_MOST = 3_000_000
"""Pixels of the largest image whose exact answer is cut at full size."""
_SUPERPIXEL = 60
"""Pixels of a superpixel, of the size at which they are made."""
_MIDDLE = 1_500_000
"""Pixels of the largest size at which they are made; the exact answer of larger images is cut at about this one."""

Boxes = tuple[tuple[int, int, int, int], ...]


class Canvas:
    """An image and what both answers need of it again and again; made in a worker, and kept there for the next stroke."""

    def __init__(self, image: Image) -> None:
        self.image = image
        height, width = image.shape
        self.shrink = max(1, math.ceil(math.sqrt(height * width / _SMALL)))
        self.step = max(1, math.ceil(math.sqrt(height * width / _MIDDLE)))
        self.reduce = 1 if height * width <= _EXACT_MOST else max(2, round(math.sqrt(height * width / _MIDDLE)))
        self._small: Image | None = None
        self._reduced: Image | None = None
        self._superpixels: NDArray[np.int32] | None = None
        self.fast_state: GrabCut | None = None
        self.exact_state: GrabCut | None = None

    @property
    def small(self) -> Image:
        """The means of squares of `shrink` pixels."""
        if self._small is None:
            self._small = Image(_block_means(self.image, self.shrink))
        return self._small

    @property
    def reduced(self) -> Image:
        """The means of squares of `reduce` pixels."""
        if self._reduced is None:
            self._reduced = Image(_block_means(self.image, self.reduce))
        return self._reduced

    @property
    def superpixels(self) -> NDArray[np.int32]:
        """Ids 1..n of every `step`-th pixel in both directions."""
        if self._superpixels is None:
            from ..superpixels.slic import slic_labels

            pixels = self.image.pixels[:: self.step, :: self.step]
            bands = pixels if pixels.dtype == np.uint8 else self.image.unit()[:: self.step, :: self.step]
            count = max(1, bands.shape[0] * bands.shape[1] // _SUPERPIXEL)
            self._superpixels = slic_labels(np.ascontiguousarray(bands), min(count, 100_000), 10.0, 4)
        return self._superpixels

    def prepare(self) -> None:
        """Make all that the fast answer needs."""
        self.small, self.superpixels  # noqa: B018 both are made when they are first asked for


def drawn(shape: tuple[int, int], strokes: Sequence[dict[str, Any]], seeds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`seeds` (H, W) with strokes over it: round brushes of `width` pixels along `points`. Raises PromptError."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    picture = Pillow.fromarray(seeds)
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        points = [(float(x), float(y)) for x, y in stroke["points"]]
        if not any(0 <= x < shape[1] and 0 <= y < shape[0] for x, y in points):
            raise PromptError(
                f"stroke: expected points inside the image of {shape[1]}x{shape[0]} pixels, got none inside"
            )
        label, width = int(stroke["label"]), float(stroke["width"])
        if len(points) > 1:
            pen.line(points, fill=label, width=max(1, round(width)), joint="curve")
        reach = max(0.0, (width - 1) / 2)
        for x, y in points if width > 2 else [points[0], points[-1]]:
            if reach < 0.5:
                pen.point((round(x), round(y)), fill=label)
            else:
                pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=label)
    return np.asarray(picture).copy()


class Marks:
    """All marks of a session: seeds (H, W) uint8 of the user's labels, and boxes; with the labels numbered without gaps.

    values: the user's label of the numbers 1, 2, ..: box i holds the object of label i + 2, whatever strokes there are.
    number_of: (256,) the number of each label, 0 where it is not used.
    """

    def __init__(self, seeds: NDArray[np.uint8], boxes: Boxes) -> None:
        self.seeds, self.boxes = seeds, boxes
        used = set(np.unique(seeds).tolist()) - {0, 1}
        self.values = np.array([1, *sorted(used | {i + 2 for i in range(len(boxes))})], np.uint8)
        self.number_of = np.zeros(256, np.int32)
        self.number_of[self.values] = np.arange(1, len(self.values) + 1)

    @property
    def prompts(self) -> Prompts:
        return Prompts(self.boxes, (), self.number_of[self.seeds])

    def numbers(self, labels: NDArray[np.uint8] | None) -> NDArray[np.int32] | None:
        """Labels of the user (H, W) as GrabCut counts: 0 background, 1.. objects; None where one of them is gone."""
        if labels is None or not set(np.unique(labels).tolist()) <= set(self.values.tolist()):
            return None
        return self.number_of[labels] - 1

    def labels(self, numbers: NDArray[np.integer]) -> NDArray[np.uint8]:
        return self.values[numbers]


def check(marks: Marks, shape: tuple[int, int]) -> None:
    """Raise PromptError for marks from which nothing can be learnt, in the coordinates of the image."""
    from ..interactive.prompt_labels import allowed_labels

    prompts = marks.prompts
    prompts.check(shape)
    allowed_labels(prompts.seeds(shape), marks.boxes)


def exact(canvas: Canvas, marks: Marks, before: Marks | None, labels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The labels (H, W) of `GrabCut.refine` with all marks, going on from `labels`, the exact ones of `before`.

    Images of more than 3 megapixels are cut at a smaller size, and the border is enlarged smoothly.
    """
    if canvas.exact_state is None:
        image = canvas.image if canvas.reduce == 1 else canvas.reduced
        canvas.exact_state = _state(image, _EXACT_ROUNDS, canvas.reduce)
    if canvas.reduce == 1:
        return _refined(canvas.exact_state, marks, before, labels)
    rough = _refined_small(canvas.exact_state, canvas.reduce, marks, before, labels)
    return _obeyed(marks, _enlarged(rough, marks, canvas.reduce, canvas.image.shape))


def fast(canvas: Canvas, marks: Marks, before: Marks | None, labels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Labels (H, W) near the exact ones, in a small part of their time; going on from `labels` of `before`."""
    if canvas.shrink == 1:
        return exact(canvas, marks, before, labels)
    if canvas.fast_state is None:
        canvas.fast_state = _state(canvas.small, _FAST_ROUNDS, canvas.shrink)
    rough = _refined_small(canvas.fast_state, canvas.shrink, marks, before, labels)
    return _obeyed(marks, _along_superpixels(canvas, marks, rough))


def _state(image: Image, rounds: int, shrink: int) -> GrabCut:
    """GrabCut on a shrunk image, so that it cuts where it would at full size: a pixel there stands for shrink^2, a link for
    shrink, so borders weigh less against colours; and strokes carry as far. docs/log.md has what both bring."""
    return GrabCut(image, iterations=rounds, gamma=_GAMMA / shrink, pixel=float(shrink))


def _refined(state: GrabCut, marks: Marks, before: Marks | None, labels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    start = marks.numbers(labels) if before is not None else None
    if start is None or before is None:
        state.restart()
    else:
        state.resume(start, Prompts(before.boxes, (), marks.number_of[before.seeds]))
    state.refine(marks.prompts)
    assert state.labels is not None
    return marks.labels(state.labels)


def _refined_small(
    state: GrabCut, shrink: int, marks: Marks, before: Marks | None, labels: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """The same at the size of `state`, whose pixels are squares of `shrink` pixels; the result has that size."""
    height, width = marks.seeds.shape
    rows = np.minimum(np.arange(state.shape[0]) * shrink + shrink // 2, height - 1)
    columns = np.minimum(np.arange(state.shape[1]) * shrink + shrink // 2, width - 1)
    start = None if labels is None else labels[rows][:, columns]
    here = _small_marks(marks, shrink, state.shape)
    there = None if before is None else _small_marks(before, shrink, state.shape)
    return _refined(state, here, there, start)


def _obeyed(marks: Marks, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Strokes keep their labels, and boxes their objects, to the pixel."""
    for index, (x0, y0, x1, y1) in enumerate(marks.boxes):
        mine = labels == index + 2
        mine[y0:y1, x0:x1] = False
        labels[mine] = 1
    return np.where(marks.seeds > 0, marks.seeds, labels)


def _enlarged(rough: NDArray[np.uint8], marks: Marks, size: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels at small size -> (H, W): of the labels, each enlarged as a mask, the strongest at a pixel."""
    from PIL import Image as Pillow

    height, width = shape
    best = np.zeros(shape, np.uint8)
    labels = np.ones(shape, np.uint8)
    for label in marks.values.tolist():
        mask = Pillow.fromarray((rough == label).astype(np.uint8) * np.uint8(255))
        box = (0.0, 0.0, width / size, height / size)
        strength = np.asarray(mask.resize((width, height), Pillow.Resampling.BILINEAR, box=box))
        stronger = strength > best
        labels[stronger] = label
        np.maximum(best, strength, out=best)
    return labels


def _small_marks(marks: Marks, shrink: int, shape: tuple[int, int]) -> Marks:
    return Marks(_block_most(marks.seeds, shrink, shape), tuple(_small_box(b, shrink, shape) for b in marks.boxes))


def _small_box(box: tuple[int, int, int, int], shrink: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """At small size, rounded outwards; but of a box that leaves a rim of the image a rim is left, to learn from."""
    x0, y0 = box[0] // shrink, box[1] // shrink
    x1, y1 = min(-(-box[2] // shrink), shape[1]), min(-(-box[3] // shrink), shape[0])
    if (x0, y0, x1, y1) == (0, 0, shape[1], shape[0]) and x1 > 1:
        x1 -= 1  # the whole of an image was refused before, or has strokes of background, which stay
    return x0, y0, x1, y1


def _along_superpixels(canvas: Canvas, marks: Marks, rough: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each superpixel takes the label of most of its pixels in `rough`, which is at small size."""
    height, width = canvas.image.shape
    ids = canvas.superpixels
    step, shrink = canvas.step, canvas.shrink
    rows = np.minimum(np.arange(ids.shape[0]) * step // shrink, rough.shape[0] - 1)
    columns = np.minimum(np.arange(ids.shape[1]) * step // shrink, rough.shape[1] - 1)
    wide = rough[rows][:, columns]
    number = marks.number_of[wide] - 1
    count = len(marks.values)
    votes = np.bincount((ids * count + number).ravel(), minlength=(int(ids.max()) + 1) * count)
    winner = votes.reshape(-1, count).argmax(1).astype(np.uint8)
    labels = marks.values[winner][ids]
    if step > 1:
        labels = labels.repeat(step, 0).repeat(step, 1)[:height, :width]
    return labels


def _block_means(image: Image, size: int) -> NDArray[np.float32]:
    """Means of squares in [0, 1]; at the right and lower rim of what is there, repeated. A row of squares at a time."""
    height, width = image.shape
    low, high = image.limits
    out = np.empty((-(-height // size), -(-width // size), image.channels), np.float32)
    for row in range(len(out)):
        band = image.pixels[row * size : (row + 1) * size].reshape(-1, width, image.channels)
        pad = ((0, size - len(band)), (0, -width % size), (0, 0))
        blocks = np.pad(band, pad, mode="edge").reshape(size, -1, size, image.channels)
        out[row] = blocks.mean((0, 2), dtype=np.float64)
    return np.clip((out - np.float32(low)) / np.float32((high - low) or 1.0), 0, 1)


def _block_most(seeds: NDArray[np.uint8], size: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The highest label of each square, so that a thin stroke on an object is not lost."""
    padded = np.pad(seeds, ((0, -seeds.shape[0] % size), (0, -seeds.shape[1] % size)))
    return padded.reshape(shape[0], size, shape[1], size).max((1, 3))
