"""What a network sees of an image: the whole, or tiles of one of any size; and several views, whose answers are averaged.

Images of any size, tile by tile: overlapping tiles, blended so that no seam shows, in bounded memory.

    tile of row i   |<------- size ------->|
    tile of row i+1               |<------- size ------->|
                                  |overlap |
    weight of i+1                 |0 0 / 1 1|   its outer quarter counts nothing: there it sees the border, not the image

Along each axis the next tile starts size - overlap pixels on. In an overlap the scores are a + w (b - a), so that equal
scores stay what they are to the last bit; a network that sees no further than overlap / 4 pixels around each pixel gives
what it gives on the whole image. Only a band of scores, as high as the overlap and as wide as the image, is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]

ALIGNED = 32  # strides of networks: a tile that starts on one sees the grid that the whole image has


@dataclass(frozen=True)
class Span:
    """Where a tile lies along one axis: pixels [start, stop), of which it gives those from `cut` on."""

    start: int
    stop: int
    cut: int


@dataclass(frozen=True)
class Plan:
    """Rows and columns of tiles. overlaps: (down, across) in pixels."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    overlaps: tuple[int, int]

    @classmethod
    def of(cls, shape: tuple[int, int], tile: tuple[int, int], overlap: int, grids: Sequence[int] = (ALIGNED,)) -> Plan:
        """shape, tile: (H, W) in pixels. overlap: at least so many pixels, at most half a tile.

        grids: tiles start on multiples of the first of them that is not too coarse.
        """
        rows, down = _spans(shape[0], tile[0], overlap, grids)
        columns, across = _spans(shape[1], tile[1], overlap, grids)
        return cls(rows, columns, (down, across))

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        """Row by row, from left to right."""
        return ((row, column) for row in self.rows for column in self.columns)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


def _spans(length: int, size: int, overlap: int, grids: Sequence[int]) -> tuple[tuple[Span, ...], int]:
    """The tiles of one axis, and the overlap they have."""
    if length <= size:
        return (Span(0, length, 0),), 0
    most = size - min(overlap, size // 2)
    grid = next((g for g in grids if g <= most), 1)
    step = most // grid * grid
    spans = [Span(0, size, 0)]
    while spans[-1].stop < length:
        start = spans[-1].start + step
        if start + size >= length:  # the last: as much as it can see, on the grid
            start = min(start, -(-(length - size) // grid) * grid)
        spans.append(Span(start, min(start + size, length), spans[-1].stop - (size - step)))
    return tuple(spans), size - step


def blended(plan: Plan, scores: Iterable[NDArray[np.float32]]) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Scores (K, h, w) of the plan's tiles, in its order -> finished rectangles (y, x, scores): disjoint, all of the image.

    The arrays that come in are changed.
    """
    down, across = plan.overlaps
    # The last rows of the tiles above, which the tiles below will be mixed into; and the same of the tile on the left.
    band: NDArray[np.float32] | None = None
    strip: NDArray[np.float32] | None = None
    width = plan.columns[-1].stop
    ramps = _ramp(down)[:, None], _ramp(across)
    for (row, column), tile in zip(plan, scores, strict=True):
        part = tile[:, row.cut - row.start :, column.cut - column.start :]
        if column.cut and strip is not None:
            _mix(strip, part[:, :, :across], ramps[1])
        if column.stop < width:
            part, strip = np.split(part, [part.shape[2] - across], axis=2)
            strip = strip.copy()  # or it would keep the whole tile
        here = slice(column.cut, column.cut + part.shape[2])
        if row.cut and band is not None:
            _mix(band[:, :, here], part[:, :down], ramps[0])
        if row.stop < plan.rows[-1].stop:
            if band is None:
                band = np.empty((len(tile), down, width), np.float32)
            part, band[:, :, here] = np.split(part, [part.shape[1] - down], axis=1)
        yield row.cut, column.cut, part


def gathered(
    shape: tuple[int, ...], parts: Iterable[tuple[int, int, NDArray]], dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Rectangles (y, x, (.., h, w)), disjoint and all of the image -> an array of `shape`, (.., H, W)."""
    whole = np.empty(shape, dtype)
    for y, x, part in parts:
        whole[..., y : y + part.shape[-2], x : x + part.shape[-1]] = part
    return whole


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """The same items; while one is in use a thread makes the next. Close it to have the thread end."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(next, source, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield item


def _mix(before: NDArray[np.float32], after: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    """after = before + weight (after - before), in place."""
    after -= before
    after *= weight
    after += before


def _ramp(overlap: int) -> NDArray[np.float32]:
    """Weights of the later tile over an overlap: 0 in the first quarter, 1 in the last, half a cosine between."""
    place = (np.arange(overlap) + 0.5) / max(overlap, 1)
    return ((1 - np.cos(np.pi * np.clip(2 * place - 0.5, 0, 1))) / 2).astype(np.float32)


# --- several views of one image: mirrored, and at other scales ----------------------------------------------------------
# A common practice of the field, for example Chen et al., DeepLab, TPAMI 2018, arXiv:1606.00915, section 4.3 (there the
# maximum over scales; here the mean over all views).


def ensemble(
    network: Network, activation: Network, image: NDArray[np.float32], scales: tuple[float, ...], flips: bool
) -> NDArray[np.float32]:
    """(C, H, W) -> mean probabilities (K, H, W), over the scales, and over left and right where `flips`.

    activation: logits (K, h, w), which it may overwrite, -> probabilities.
    """
    total: NDArray[np.float32] | None = None
    for scale in scales:
        scaled = resized(image, _scaled(image.shape[1], scale), _scaled(image.shape[2], scale))
        seen = activation(network(scaled))
        if flips:
            seen += activation(network(np.ascontiguousarray(scaled[:, :, ::-1])))[:, :, ::-1]
        seen = resized(seen, *image.shape[1:])
        total = seen if total is None else np.add(total, seen, out=total)
    assert total is not None
    total /= np.float32(len(scales) * (2 if flips else 1))
    return total


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the first axis of (K, H, W), in place."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits


def sigmoid(logits: NDArray[np.float32], calibration: tuple[float, float] = (1.0, 0.0)) -> NDArray[np.float32]:
    """1 / (1 + exp(-(a logit + b))) with calibration (a, b), a new array."""
    from scipy.special import expit

    a, b = calibration
    return expit(np.float32(a) * logits + np.float32(b))


def resized(planes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """(N, h, w) -> (N, height, width), bilinear, averaged where it shrinks; the same array when the size is right."""
    if planes.shape[1:] == (height, width):
        return planes
    from PIL import Image as Pillow

    out = np.empty((len(planes), height, width), np.float32)
    for plane, target in zip(planes, out, strict=True):
        picture = Pillow.fromarray(np.ascontiguousarray(plane))
        target[...] = np.asarray(picture.resize((width, height), Pillow.Resampling.BILINEAR))
    return out


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))
