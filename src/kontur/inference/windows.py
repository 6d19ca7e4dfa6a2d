"""A TIFF of any size through a network, file to file: read by tiles, written by rows, in bounded memory.

    TIFF -> tiles -> network -> blended, categories, rows -> label TIFF

Each arrow leads to another thread, which works on the next tile while this one goes on.

What is held at a time: a few tiles, a band of scores as high as the overlap, a band of ids as high as a tile, both as
wide as the image, and the decoded tiles of the file that the next ones need again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..core.segmentation import Provenance, Segment, Segmentation
from ..core.taxonomy import Taxonomy
from ..io.tiff_windows import TiffWindows, label_tiff
from .predictor import Channels, Predictor
from .tiles import Plan, ahead, blended

STREAMED = 64_000_000
"""The command line reads TIFFs of more pixels than this by windows."""
PREVIEW = 2048
"""The longest side of a preview in pixels."""


@dataclass(frozen=True)
class Streamed:
    """A result whose pixels lie in a file.

    shape: (H, W). segments: as a Segmentation's. seconds: in all. tile_seconds: of it, the network's own.
    preview, preview_ids: every n-th pixel of the image and of the result, at most `PREVIEW` a side.
    """

    shape: tuple[int, int]
    segments: tuple[Segment, ...]
    taxonomy: Taxonomy
    provenance: Provenance
    seconds: float
    tile_seconds: float
    preview: NDArray
    preview_ids: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.segments)

    def small(self) -> Segmentation:
        """The preview's result."""
        return Segmentation.from_ids(
            self.preview_ids,
            categories={s.id: s.category for s in self.segments if s.category is not None},
            taxonomy=self.taxonomy,
        )

    def to_dict(self) -> dict[str, Any]:
        """As `Segmentation.to_dict`: everything but the pixels."""
        without_pixels = np.broadcast_to(np.int32(0), self.shape)  # has the size and takes no memory
        return Segmentation(without_pixels, self.segments, self.taxonomy, self.provenance).to_dict()


def segment_windows(
    predictor: Predictor,
    source: str | Path,
    labels: str | Path | None,
    categories: str | Path | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Streamed:
    """Segment a TIFF of any size; nothing of its size is held in memory.

    labels:     the TIFF to write segment ids to (1 for the first category); None writes none.
    categories: the TIFF to write category ids to.
    advance:    called after each tile.

    Each file appears whole, at the end, or not at all. They have the source's georeference.

    Raises OptionError with crf, which needs the whole image; what TiffWindows raises of the source; InputError when its bands
    do not fit; OutputError when a file cannot be written.
    """
    if predictor.crf:
        raise OptionError(
            "option crf: expected false for an image that is read by windows, as it needs the whole image at once"
        )
    started = time.perf_counter()
    taxonomy = predictor.metadata.taxonomy
    order = np.array([0, *(c.id for c in taxonomy)])
    with contextlib.ExitStack() as stack:
        image = stack.enter_context(TiffWindows(source, band_rows=predictor.tile_size[0]))
        channels = Channels.of(image.bands, image.limits, predictor.metadata)
        plan = predictor.plan(image.shape)
        tags = image.geo_tags()
        writers: list[Callable[[NDArray], None]] = []
        if labels is not None:
            writers.append(stack.enter_context(label_tiff(labels, image.shape, len(taxonomy), tags)))
        if categories is not None:
            put = stack.enter_context(label_tiff(categories, image.shape, int(order.max()), tags))
            table = order.astype(np.min_scalar_type(int(order.max())))
            writers.append(lambda rows: put(table[rows]))
        preview = _Preview(image.shape)
        network = _Clock(predictor, advance)
        tally = _Tally(len(taxonomy))
        row_ids: NDArray | None = None
        pixels = stack.enter_context(contextlib.closing(ahead(_tiles(image, channels, plan, preview))))
        scores_ahead = stack.enter_context(contextlib.closing(ahead(network.scores(pixels))))
        for y, x, scores in blended(plan, scores_ahead):
            ids = predictor.categories(scores)
            tally.add(ids, y, x)
            preview.add_ids(ids, y, x)
            if row_ids is None:
                row_ids = np.empty((ids.shape[0], image.shape[1]), ids.dtype)
            row_ids[:, x : x + ids.shape[1]] = ids
            if x + ids.shape[1] == image.shape[1]:
                for write in writers:
                    write(row_ids)
                row_ids = None
        notes = (
            f"{image.dtype}: {image.limits[0]:g}..{image.limits[1]:g} -> 0..1",
            *image.notes,
            *predictor.notes(plan, channels.note),
            "read and written by windows",
        )
    seconds = time.perf_counter() - started
    provenance = Provenance(predictor.metadata.name, predictor.options, seconds=seconds, notes=notes)
    return Streamed(
        image.shape,
        tally.segments(taxonomy),
        taxonomy,
        provenance,
        seconds,
        network.seconds,
        preview.pixels(),
        preview.ids,
    )


def _tiles(image: TiffWindows, channels: Channels, plan: Plan, preview: _Preview) -> Iterator[NDArray[np.float32]]:
    """The plan's tiles, normalised, (C, h, w)."""
    for row, column in plan:
        pixels = image.read(slice(row.start, row.stop), slice(column.start, column.stop))
        preview.add_pixels(pixels, row.start, column.start)
        yield channels.apply(pixels)


class _Clock:
    """The network, timed."""

    def __init__(self, predictor: Predictor, advance: Callable[[], None]) -> None:
        self._predictor, self._advance = predictor, advance
        self.seconds = 0.0

    def scores(self, tiles: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for tile in tiles:
            started = time.perf_counter()
            scores = self._predictor.tile_scores(tile)
            self.seconds += time.perf_counter() - started
            yield scores
            self._advance()


class _Tally:
    """Area and box of each segment, added up over rectangles."""

    def __init__(self, count: int) -> None:
        self._areas = np.zeros(count + 1, np.int64)
        self._boxes: dict[int, tuple[int, int, int, int]] = {}

    def add(self, ids: NDArray, y: int, x: int) -> None:
        for segment in Segmentation.from_ids(ids).segments:
            x0, y0, x1, y1 = (n + d for n, d in zip(segment.box, (x, y, x, y), strict=True))
            a0, b0, a1, b1 = self._boxes.get(segment.id, (x0, y0, x1, y1))
            self._boxes[segment.id] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
            self._areas[segment.id] += segment.area

    def segments(self, taxonomy: Taxonomy) -> tuple[Segment, ...]:
        ids = [category.id for category in taxonomy]
        return tuple(Segment(k, int(self._areas[k]), self._boxes[k], ids[k - 1]) for k in sorted(self._boxes))


class _Preview:
    """Every n-th pixel."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._step = max(1, -(-max(shape) // PREVIEW))
        self.ids = np.zeros([-(-n // self._step) for n in shape], np.int32)
        self._pixels: NDArray | None = None

    def add_ids(self, ids: NDArray, y: int, x: int) -> None:
        self._put(self.ids, ids, y, x)

    def add_pixels(self, pixels: NDArray, y: int, x: int) -> None:
        if self._pixels is None:
            self._pixels = np.zeros((*self.ids.shape, *pixels.shape[2:]), pixels.dtype)
        self._put(self._pixels, pixels, y, x)

    def pixels(self) -> NDArray:
        assert self._pixels is not None
        return self._pixels

    def _put(self, whole: NDArray, part: NDArray, y: int, x: int) -> None:
        step = self._step
        chosen = part[-y % step :: step, -x % step :: step]
        top, left = -(-y // step), -(-x // step)
        whole[top : top + chosen.shape[0], left : left + chosen.shape[1]] = chosen
