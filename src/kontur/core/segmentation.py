"""A partition of the image: the one result of semantic, panoptic, superpixel and foreground/background methods."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from .errors import InputError
from .files import atomic_write, reading_saved
from .taxonomy import Category, Taxonomy

BACKGROUND = 1
"""The id of the background in a foreground/background result; the objects are 2, 3, .."""


@dataclass(frozen=True)
class Segment:
    """One region. box: (x0, y0, x1, y1) in pixels, x1 and y1 exclusive. area: pixels. category: an id of the taxonomy."""

    id: int
    area: int
    box: tuple[int, int, int, int]
    category: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Provenance:
    """How a result came to be. seconds: run time of the method alone. notes: scaling of the pixels, bands used, and the like."""

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    version: str = __version__
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Segmentation:
    """ids (H, W) int32, 0 = no segment (void); `segments` describe the ids that occur, in rising order.

    `background` is the id of the background segment (1) or None when the result knows no background.
    """

    ids: NDArray[np.int32]
    segments: tuple[Segment, ...]
    taxonomy: Taxonomy | None = None
    provenance: Provenance | None = None
    background: int | None = None

    # --- making one ---------------------------------------------------------------------------------------------

    @classmethod
    def from_labels(
        cls,
        labels: NDArray,
        *,
        void: int | None = None,
        taxonomy: Taxonomy | None = None,
        background: int | None = None,
    ) -> Segmentation:
        """Any integer map (H, W); its values, in rising order, become 1, 2, 3..; the value `void` becomes 0."""
        labels = _label_map(labels)
        values, positions = _positions(labels)
        new = np.cumsum(values != void).astype(np.int32)
        new[values == void] = 0
        return cls.from_ids(new[positions], taxonomy=taxonomy, background=background)

    @classmethod
    def from_ids(
        cls,
        ids: NDArray,
        *,
        categories: Mapping[int, int] | None = None,
        scores: Mapping[int, float] | None = None,
        taxonomy: Taxonomy | None = None,
        background: int | None = None,
    ) -> Segmentation:
        """Ids are kept as they are (0 = void); areas and boxes are measured. categories, scores: by segment id."""
        ids = _label_map(ids)
        if ids.size and int(ids.min()) < 0:
            raise InputError(f"segment ids: expected 0 (void) or positive, got {int(ids.min())}")
        if ids.size and int(ids.max()) > np.iinfo(np.int32).max:
            raise InputError(f"segment ids: expected at most 2147483647, got {int(ids.max())}")
        ids = np.ascontiguousarray(ids, dtype=np.int32)
        categories, scores = categories or {}, scores or {}
        segments = tuple(Segment(i, area, box, categories.get(i), scores.get(i)) for i, area, box in _measure(ids))
        return cls(ids, segments, taxonomy, None, background)

    @classmethod
    def from_mask(cls, mask: NDArray) -> Segmentation:
        """Foreground/background of a bool mask (H, W): background 1, object 2."""
        mask = np.asarray(mask)
        if mask.ndim != 2 or mask.dtype != bool:
            raise InputError(f"mask: expected a bool array (H, W), got {mask.dtype} {mask.shape}")
        return cls.from_ids(mask.astype(np.int32) + BACKGROUND, background=BACKGROUND)

    @classmethod
    def from_objects(cls, objects: NDArray) -> Segmentation:
        """Foreground/background of a label map: 0 = background, 1, 2.. = objects (become segments 1, 2, 3..)."""
        return cls.from_ids(_label_map(objects).astype(np.int64) + BACKGROUND, background=BACKGROUND)

    @classmethod
    def from_categories(cls, categories: NDArray, taxonomy: Taxonomy) -> Segmentation:
        """Semantic: one segment a category, from a map (H, W) of category ids; the ignore id becomes void."""
        categories = _label_map(categories)
        present = [int(v) for v in np.unique(categories) if v != taxonomy.ignore]
        foreign = [v for v in present if v not in taxonomy]
        if foreign:
            raise InputError(f"category ids: expected those of the taxonomy, got {foreign}")
        order = {category.id: position + 1 for position, category in enumerate(taxonomy)}
        ids = np.zeros(categories.shape, np.int32)
        for value in present:
            ids[categories == value] = order[value]
        return cls.from_ids(ids, categories={order[v]: v for v in present}, taxonomy=taxonomy)

    # --- reading it ---------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return int(self.ids.shape[0]), int(self.ids.shape[1])

    def __len__(self) -> int:
        return len(self.segments)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> NDArray:
        return np.array(self.ids, dtype=dtype, copy=copy)

    @property
    def foreground(self) -> NDArray[np.bool_] | None:
        """The pixels of all objects, (H, W) bool; None where the result knows no background. Void is not foreground."""
        return None if self.background is None else (self.ids != self.background) & (self.ids != 0)

    def segment(self, segment_id: int) -> Segment:
        for segment in self.segments:
            if segment.id == segment_id:
                return segment
        raise InputError(f"segment {segment_id}: expected one of the {len(self.segments)} ids of this result")

    def mask(self, segment_id: int) -> NDArray[np.bool_]:
        """The pixels of one segment, (H, W) bool."""
        return self.ids == self.segment(segment_id).id

    def crop(self, segment_id: int) -> NDArray[np.bool_]:
        """The segment's mask cut to its box, (y1 - y0, x1 - x0) bool."""
        x0, y0, x1, y1 = self.segment(segment_id).box
        return self.ids[y0:y1, x0:x1] == segment_id

    def category_map(self, none: int = 255) -> NDArray[np.int32]:
        """Category ids, (H, W) int32; `none` where a pixel has no category."""
        table = np.full(int(self.ids.max(initial=0)) + 1, none, np.int32)
        for segment in self.segments:
            if segment.category is not None:
                table[segment.id] = segment.category
        return table[self.ids]

    def boundaries(self) -> NDArray[np.bool_]:
        """Pixels with a 4-neighbour of another id, (H, W) bool: lines two pixels wide, one on each side."""
        ids = self.ids
        edge = np.zeros(ids.shape, bool)
        across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
        edge[:, 1:] |= across
        edge[:, :-1] |= across
        edge[1:] |= down
        edge[:-1] |= down
        return edge

    # --- changing it (a new result each time) ---------------------------------------------------------------------

    def split(self) -> Segmentation:
        """Connected components (8-neighbours): each becomes a segment of its own; the background stays one segment, id 1."""
        from scipy import ndimage

        ids = np.zeros(self.ids.shape, np.int32)
        categories: dict[int, int] = {}
        scores: dict[int, float] = {}
        count = self.background or 0  # this id stays the background's, also where it has no pixel
        for segment in self.segments:
            x0, y0, x1, y1 = segment.box
            window = self.ids[y0:y1, x0:x1] == segment.id
            if segment.id == self.background:
                ids[y0:y1, x0:x1][window] = self.background
                news, found = range(self.background, self.background + 1), 0
            else:
                parts, found = ndimage.label(window, np.ones((3, 3), int))
                np.copyto(ids[y0:y1, x0:x1], parts + count, where=window)
                news = range(count + 1, count + found + 1)
            for new in news:
                if segment.category is not None:
                    categories[new] = segment.category
                if segment.score is not None:
                    scores[new] = segment.score
            count += found
        result = Segmentation.from_ids(
            ids, categories=categories, scores=scores, taxonomy=self.taxonomy, background=self.background
        )
        return replace(result, provenance=self.provenance)

    # --- keeping it -------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pixels, as JSON types; `schema` counts up when a key changes its meaning."""
        names = {c.id: c.name for c in self.taxonomy} if self.taxonomy else {}
        return {
            "schema": 1,
            "height": self.shape[0],
            "width": self.shape[1],
            "background": self.background,
            "segments": [
                asdict(s) | {"box": list(s.box), "name": names.get(s.category) if s.category is not None else None}
                for s in self.segments
            ],
            "taxonomy": None if self.taxonomy is None else asdict(self.taxonomy),
            "provenance": None
            if self.provenance is None
            else asdict(self.provenance) | {"notes": list(self.provenance.notes)},
        }

    def save(self, path: str | Path) -> None:
        """Write everything to one file (.npz: the ids and the JSON of `to_dict`); read it again with `load`."""
        buffer = io.BytesIO()
        text = json.dumps(self.to_dict(), allow_nan=False)
        np.savez_compressed(buffer, ids=self.ids, meta=np.frombuffer(text.encode(), np.uint8))
        atomic_write(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Segmentation:
        """Read what `save` wrote. Raises UnreadableFile."""
        with reading_saved(path, "Segmentation.save"), np.load(path, allow_pickle=False) as archive:
            return cls._from_saved(archive["ids"], json.loads(archive["meta"].tobytes()))

    @classmethod
    def _from_saved(cls, ids: NDArray, meta: dict[str, Any]) -> Segmentation:
        taxonomy, provenance = meta["taxonomy"], meta["provenance"]
        return cls(
            _label_map(ids).astype(np.int32, copy=False),
            tuple(Segment(s["id"], s["area"], tuple(s["box"]), s["category"], s["score"]) for s in meta["segments"]),
            taxonomy
            and Taxonomy(
                tuple(Category(c["id"], c["name"], tuple(c["colour"]), c["thing"]) for c in taxonomy["categories"]),
                taxonomy["ignore"],
                taxonomy["name"],
            ),
            provenance and Provenance(**(provenance | {"notes": tuple(provenance["notes"])})),
            meta["background"],
        )

    def __repr__(self) -> str:
        height, width = self.shape
        origin = f" by {self.provenance.method}" if self.provenance else ""
        return f"<Segmentation {height}x{width}, {len(self)} segments{origin}>"

    def _repr_png_(self) -> bytes:
        """A notebook shows the segments in well-spread colours, void black."""
        from PIL import Image as PillowImage

        step = self.ids.astype(np.uint32) * np.uint32(2654435761)  # Knuth's multiplicative hash spreads the hues
        colours = np.stack([(step >> s) & 255 for s in (24, 16, 8)], axis=-1).astype(np.uint8) // 2 + 96
        colours[self.ids == 0] = 0
        buffer = io.BytesIO()
        PillowImage.fromarray(colours).save(buffer, format="PNG")
        return buffer.getvalue()


def _label_map(labels: NDArray) -> NDArray:
    labels = np.asarray(labels)
    if labels.ndim != 2 or not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == bool):
        raise InputError(f"labels: expected an integer array (H, W), got {labels.dtype} {labels.shape}")
    return labels


def _positions(labels: NDArray) -> tuple[NDArray, NDArray]:
    """The values that occur, rising, and for each pixel the position of its value: np.unique without its sort where values are dense."""
    if labels.size and labels.dtype != bool:
        low, high = int(labels.min()), int(labels.max())
        if high - low < 4 * labels.size + 1000:
            shifted = labels.astype(np.int64) - low
            present = np.bincount(shifted.ravel()) > 0
            return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[shifted]
    values, inverse = np.unique(labels, return_inverse=True)
    return values, inverse.reshape(labels.shape)


def _measure(ids: NDArray[np.int32]) -> list[tuple[int, int, tuple[int, int, int, int]]]:
    """(id, area, box) of every id but 0, in rising order."""
    if ids.size == 0:
        return []
    height, width = ids.shape
    highest = int(ids.max())
    if highest > 4 * ids.size + 1000:  # far-apart ids (panoptic colours): measure on dense ones
        values, inverse = np.unique(ids, return_inverse=True)
        dense = _measure(inverse.reshape(ids.shape).astype(np.int32) + 1)
        return [(int(values[i - 1]), area, box) for i, area, box in dense if values[i - 1] != 0]
    # Only the ends of runs of equal ids move a box, and runs are far fewer than pixels.
    flat = ids.ravel()
    is_start = np.ones(flat.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[::width] = True
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], flat.size)
    run_ids = flat[starts]
    rows, left, right = starts // width, starts % width, (ends - 1) % width + 1
    area = np.bincount(run_ids, weights=ends - starts, minlength=highest + 1).astype(np.int64)
    x0, y0 = np.full(highest + 1, width), np.full(highest + 1, height)
    x1, y1 = np.zeros(highest + 1, np.int64), np.zeros(highest + 1, np.int64)
    np.minimum.at(x0, run_ids, left)
    np.minimum.at(y0, run_ids, rows)
    np.maximum.at(x1, run_ids, right)
    np.maximum.at(y1, run_ids, rows + 1)
    return [
        (int(i), int(area[i]), (int(x0[i]), int(y0[i]), int(x1[i]), int(y1[i]))) for i in np.flatnonzero(area) if i != 0
    ]
