"""Masks as runs, in COCO's convention: down the columns, lengths of alternating runs, the first outside the mask.

    mask (H, W) bool -> counts [outside, inside, outside, ..], summing to H·W -> text (`to_string`)
                                                                              -> outlines (`to_polygons`)

Source: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, arXiv:1405.0312, and the `segmentation`
field of its annotation files. Runs, text, areas, boxes, IoU and rasterised polygons equal those of pycocotools' `mask`.
Differs from it: everything is checked before memory is taken (that module crashes on polygons with NaN or 1e9 and on a
size of 100000 x 100000, and reads foreign memory when counts are short), and polygons keep their holes and parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError, short
from .polygons import MAX_COORDINATE as MAX_COORDINATE
from .polygons import Polygon as Polygon
from .polygons import checked_rings, fill, outlines
from .rle_text import counts_of, text_of

MAX_PIXELS = 500_000_000
"""Larger masks are refused: the limit for whole images, see `kontur.io.photos`."""


@dataclass(frozen=True, eq=False)
class RLE:
    """A mask of `size` (H, W) pixels. counts: uint32 lengths of runs down the columns, the first outside the mask.

    Runs of length 0 are merged away (but for the first), so equal masks have equal counts.
    Raises InputError when the counts are not whole, are negative, or do not sum to H·W, and for sizes over MAX_PIXELS.
    """

    size: tuple[int, int]
    counts: NDArray[np.uint32]

    def __post_init__(self) -> None:
        size = checked_size(self.size)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "counts", _checked_counts(self.counts, size))

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """First pixel and one past the last of each run inside the mask, in turn; counted down the columns."""
        bounds = np.cumsum(self.counts, dtype=np.int64)
        return bounds[: len(bounds) // 2 * 2]

    @cached_property
    def _box(self) -> tuple[int, int, int, int]:
        starts, ends = self._bounds[0::2], self._bounds[1::2]
        if not len(starts):
            return 0, 0, 0, 0
        height = self.size[0]
        first, last = starts // height, (ends - 1) // height
        if (first != last).any():  # a run over the end of a column covers its last and the next one's first row
            return int(first[0]), 0, int(last[-1]) + 1, height
        return int(first[0]), int((starts % height).min()), int(last[-1]) + 1, int(((ends - 1) % height).max()) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RLE) and self.size == other.size and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.size, self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"<RLE {self.size[0]}x{self.size[1]}, {area(self)} pixels in {len(self.counts) // 2} runs>"

    def to_string(self) -> str:
        """COCO's compressed counts: see `to_string`."""
        return to_string(self)

    def to_coco(self) -> dict[str, Any]:
        """{"size": [H, W], "counts": str}, as in COCO annotation files."""
        return to_coco(self)

    @staticmethod
    def from_string(text: str | bytes, size: Sequence[int]) -> RLE:
        """From COCO's compressed counts and (H, W)."""
        return from_string(text, size)

    @staticmethod
    def from_coco(segmentation: Mapping[str, Any]) -> RLE:
        """From {"size": [H, W], "counts": str, bytes or list of run lengths}."""
        return from_coco(segmentation)


# --- masks and runs -------------------------------------------------------------------------------------------------


def encode(mask: NDArray) -> RLE:
    """The runs of a mask (H, W), bool or integers of which every non-zero one is inside."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or not (mask.dtype == bool or np.issubdtype(mask.dtype, np.integer)):
        raise InputError(f"mask: expected a bool array (H, W), got {mask.dtype} {mask.shape}")
    size = checked_size(mask.shape)
    flat = (mask if mask.dtype == bool else mask != 0).ravel(order="F")
    change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0] if not flat[0] else [0, 0], change, [flat.size]])
    return RLE(size, np.diff(edges).astype(np.uint32))


def encode_labels(labels: NDArray) -> dict[int, RLE]:
    """The runs of every value but 0 of an integer map (H, W), in rising order of the values; one pass for all."""
    labels = np.asarray(labels)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"labels: expected an integer array (H, W), got {labels.dtype} {labels.shape}")
    size = checked_size(labels.shape)
    flat = labels.ravel(order="F")
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(starts[1:], flat.size)
    order = np.argsort(flat[starts], kind="stable")
    values, first = np.unique(flat[starts][order], return_index=True)
    found: dict[int, RLE] = {}
    for value, runs in zip(values.tolist(), np.split(order, first[1:]), strict=True):
        if value != 0:
            found[value] = from_bounds(np.stack([starts[runs], ends[runs]], axis=1).ravel(), size)
    return found


def encode_window(window: NDArray[np.bool_], origin: tuple[int, int], size: Sequence[int]) -> RLE:
    """The runs of a mask of `size` (H, W) that is `window` (h, w), bool, at `origin` (row, column) and empty elsewhere.

    Memory is that of the window, not of the image. Raises InputError for a window that does not lie inside.
    """
    height, width = checked_size(size)
    row, column = origin
    if window.ndim != 2 or window.dtype != bool:
        raise InputError(f"window: expected a bool array (h, w), got {window.dtype} {window.shape}")
    if row < 0 or column < 0 or row + window.shape[0] > height or column + window.shape[1] > width:
        raise InputError(f"window: expected it inside {(height, width)} (H, W), got {window.shape} at {tuple(origin)}")
    padded = np.zeros((window.shape[1], window.shape[0] + 2), bool)  # (columns, rows)
    padded[:, 1:-1] = window.T
    columns, rows = np.nonzero(padded[:, 1:] != padded[:, :-1])
    # Runs end with their column; where one meets the next, over the image's whole height, RLE merges them.
    return from_bounds((columns + column).astype(np.int64) * height + rows + row, (height, width))


def decode(runs: RLE) -> NDArray[np.bool_]:
    """The mask, (H, W) bool."""
    height, width = runs.size
    inside = np.arange(len(runs.counts)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs.counts).reshape(width, height).T)


def crop(runs: RLE, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """The mask inside a box (x0, y0, x1, y1) of the image, (y1 - y0, x1 - x0) bool, in the memory of the box's columns."""
    height, (x0, y0, x1, y1) = runs.size[0], box
    first, end = x0 * height, max(x0, x1) * height
    bounds = np.clip(runs._bounds, first, end)
    lengths = np.diff(np.concatenate([[first], bounds, [end]]))
    inside = np.arange(len(lengths)) % 2 == 1
    columns = np.repeat(inside, lengths).reshape(max(0, x1 - x0), height)
    return np.ascontiguousarray(columns[:, y0:y1].T)


def pixels(runs: RLE) -> NDArray[np.int64]:
    """The places of the pixels inside the mask, (N,), counted down the columns: column * H + row, rising."""
    ends = np.cumsum(runs.counts, dtype=np.int64)[1::2]
    lengths = runs.counts[1::2].astype(np.int64)
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(ends - lengths - before, lengths)


def decode_window(runs: RLE) -> NDArray[np.bool_]:
    """The mask cut to its box, (y1 - y0, x1 - x0) bool, in the time and memory of the window."""
    x0, y0, x1, y1 = box(runs)
    window = np.zeros((y1 - y0, x1 - x0), bool)
    columns, rows = np.divmod(pixels(runs), runs.size[0])
    window[rows - y0, columns - x0] = True
    return window


def runs_of(mask: RLE) -> NDArray[np.int32]:
    """The runs inside the mask, (R, 2): first pixel and one past the last, counted down the columns, rising."""
    return mask._bounds.reshape(-1, 2).astype(np.int32)


def area(runs: RLE) -> int:
    """Pixels inside the mask."""
    return int(runs.counts[1::2].sum(dtype=np.int64))


def box(runs: RLE) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) in pixels, x1 and y1 exclusive; (0, 0, 0, 0) when the mask is empty."""
    return runs._box


# --- several masks --------------------------------------------------------------------------------------------------


def iou(
    a: Sequence[RLE], b: Sequence[RLE], crowd: Sequence[bool] | NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Intersection over union of every mask of `a` with every mask of `b`: (A, B) float64.

    crowd: one flag for each mask of `b`; against a crowd the union is the area of `a` alone, as in COCO's evaluation.
    Two empty masks have an IoU of 0. Raises InputError when the sizes of the masks differ.
    """
    result = np.zeros((len(a), len(b)))
    flags = np.zeros(len(b), bool) if crowd is None else np.asarray(crowd, dtype=bool)
    if flags.shape != (len(b),):
        raise InputError(f"crowd: expected {len(b)} flags, one for each mask of the second list, got {flags.size}")
    if not len(a) or not len(b):
        return result
    _same_size([*a, *b])
    lengths = np.array([len(r._bounds) for r in b])
    bounds = np.concatenate([r._bounds for r in b])
    owner = np.repeat(np.arange(len(b)), lengths)
    sign = np.where(np.arange(len(bounds)) % 2 == 1, 1, -1)  # every mask has an even number of bounds
    first = np.array([r._bounds[0] if len(r._bounds) else 0 for r in b])
    last = np.array([r._bounds[-1] if len(r._bounds) else 0 for r in b])
    boxes = np.array([box(r) for r in b])
    areas = np.array([area(r) for r in b], np.int64)
    for row, mask in enumerate(a):
        own = mask._bounds
        if not len(own):
            continue
        x0, y0, x1, y1 = box(mask)
        touching = (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
        touching &= (first < own[-1]) & (last > own[0])
        if not touching.any():
            continue
        chosen = touching[owner]
        at, whose, by = bounds[chosen], owner[chosen], sign[chosen]
        # Pixels of `mask` before each bound of the others; a run holds those before its end less those before its start.
        inside = np.cumsum(own[1::2] - own[0::2])
        where = np.searchsorted(own[0::2], at, side="right")
        before = np.where(where > 0, inside[where - 1] - np.maximum(own[1::2][where - 1] - at, 0), 0)
        common = np.bincount(whose, weights=before * by, minlength=len(b))
        own_area = int(inside[-1])
        union = np.where(flags, own_area, own_area + areas - common)
        result[row] = common / np.maximum(union, 1)
    return result


def merge(masks: Sequence[RLE], *, intersect: bool = False) -> RLE:
    """The union of masks of one size, or what all have in common. Raises InputError for none or differing sizes."""
    if not masks:
        raise InputError("merge: expected at least one mask, got none")
    size = _same_size(masks)
    at, depth = _depths(masks)
    inside = depth >= (len(masks) if intersect else 1)
    change = inside != np.concatenate([[False], inside[:-1]])[: len(inside)]
    return from_bounds(at[change], size)


def claimed_twice(masks: Sequence[RLE]) -> int:
    """Pixels inside more than one of the masks, which have one size."""
    at, depth = _depths(masks)
    return int(np.diff(at)[depth[:-1] > 1].sum())


def _depths(masks: Sequence[RLE]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places, rising, where the number of masks around a pixel may change, and that number from there on."""
    at = np.concatenate([np.zeros(0, np.int64), *(m._bounds for m in masks)])
    step = np.where(np.arange(len(at)) % 2 == 0, 1, -1)  # every mask has an even number of bounds
    order = np.argsort(at, kind="stable")
    at, depth = at[order], np.cumsum(step[order])
    final = np.append(at[1:] != at[:-1], True)[: len(at)]  # only the depth after all bounds at one position counts
    return at[final], depth[final]


# --- COCO's text and JSON -------------------------------------------------------------------------------------------


def to_string(runs: RLE) -> str:
    """COCO's compressed counts."""
    return text_of(runs.counts)


def from_string(text: str | bytes, size: Sequence[int]) -> RLE:
    """From COCO's compressed counts and (H, W). Raises InputError for foreign characters, cut-off text, wrong sums."""
    return RLE(checked_size(size), counts_of(text))  # type: ignore[arg-type]


def to_coco(runs: RLE) -> dict[str, Any]:
    """{"size": [H, W], "counts": str}, as in COCO annotation files."""
    return {"size": [runs.size[0], runs.size[1]], "counts": to_string(runs)}


def from_coco(segmentation: Mapping[str, Any]) -> RLE:
    """From {"size": [H, W], "counts": ..}; counts are COCO's text (str or bytes) or a list of run lengths."""
    if not isinstance(segmentation, Mapping) or not {"size", "counts"} <= set(segmentation):
        raise InputError(f"RLE: expected {{'size': [H, W], 'counts': ...}}, got {short(segmentation)}")
    size, counts = segmentation["size"], segmentation["counts"]
    if isinstance(counts, str | bytes | bytearray):
        return from_string(bytes(counts) if isinstance(counts, bytearray) else counts, size)
    return RLE(checked_size(size), counts)


# --- polygons -------------------------------------------------------------------------------------------------------


def from_polygons(polygons: Sequence[ArrayLike], height: int, width: int) -> RLE:
    """The union of polygons, each [x0, y0, x1, y1, ..] or (N, 2) in pixels, by COCO's rule.

    Each fills even-odd within itself. Coordinates may leave the image. Raises InputError before any work for NaN,
    coordinates over MAX_COORDINATE, an odd number of coordinates or fewer than three points.
    """
    size = checked_size((height, width))
    rings = checked_rings(polygons)
    if not rings:
        return from_bounds(np.zeros(0, np.int64), size)
    return merge([from_bounds(fill([ring], size), size) for ring in rings])


def from_rings(rings: Sequence[ArrayLike], height: int, width: int) -> RLE:
    """All rings together, even-odd: a ring inside another is a hole. The inverse of `to_polygons`; errors as above."""
    size = checked_size((height, width))
    return from_bounds(fill(checked_rings(rings), size), size)


def check_polygons(polygons: Sequence[ArrayLike], height: int, width: int) -> None:
    """Raise the InputError that `from_polygons` would, without filling anything."""
    checked_size((height, width))
    checked_rings(polygons)


def to_polygons(mask: RLE | NDArray[np.bool_]) -> list[Polygon]:
    """The outlines along the pixels' edges: see `kontur.core.polygons.outlines`. `from_rings` fills them again."""
    return outlines(decode(mask) if isinstance(mask, RLE) else mask)


# --- checks ---------------------------------------------------------------------------------------------------------


def from_bounds(bounds: NDArray[np.integer], size: tuple[int, int]) -> RLE:
    """From the places, counted down the columns and rising, where inside and outside change; the first is outside."""
    return RLE(size, np.diff(np.concatenate([[0], bounds, [size[0] * size[1]]])).astype(np.uint32))


def _same_size(masks: Sequence[RLE]) -> tuple[int, int]:
    sizes = {m.size for m in masks}
    if len(sizes) > 1:
        raise InputError(f"masks: expected one size (H, W), got {sorted(sizes)[:3]}")
    return masks[0].size


def checked_size(size: Any) -> tuple[int, int]:
    """(H, W) of two whole numbers from 1, MAX_PIXELS in all. Raises InputError for anything else."""
    whole = isinstance(size, Sequence | np.ndarray) and not isinstance(size, str | bytes) and len(size) == 2
    if not whole or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in size):
        raise InputError(f"mask size: expected two whole numbers (H, W), got {short(size)}")
    height, width = int(size[0]), int(size[1])
    if height < 1 or width < 1:
        raise InputError(f"mask size: expected at least 1 x 1 pixels, got {height} x {width}")
    if height * width > MAX_PIXELS:
        raise InputError(
            f"mask size: expected at most {MAX_PIXELS // 1_000_000} megapixels, got {height} x {width} = "
            f"{height * width // 1_000_000} megapixels. Work in tiles."
        )
    return height, width


def _checked_counts(counts: Any, size: tuple[int, int]) -> NDArray[np.uint32]:
    pixels = size[0] * size[1]
    try:
        array = np.asarray(counts)
    except (ValueError, OverflowError):
        array = np.empty(0, object)
    if array.size == 0 or array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"RLE counts: expected run lengths, whole numbers of 0 or more, got {short(counts)}")
    if int(array.min()) < 0:
        raise InputError(f"RLE counts: expected run lengths of 0 or more, got {int(array.min())}")
    total = int(array.sum(dtype=np.int64)) if int(array.max()) <= pixels else int(array.max())
    if total != pixels:
        size_text = f"{size[0]} x {size[1]} = {pixels} pixels"
        raise InputError(
            f"RLE counts: expected a sum of {size_text}, got {total}. The counts or the size are of another mask."
        )
    if (array[1:] == 0).any():
        # Away with empty runs: bounds that two runs share cancel out in pairs.
        bounds, times = np.unique(np.cumsum(array, dtype=np.int64)[:-1], return_counts=True)
        kept = bounds[(times % 2 == 1) & (bounds < pixels)]
        array = np.diff(np.concatenate([[0], kept, [pixels]]))
    array = array.astype(np.uint32)
    array.setflags(write=False)
    return array
