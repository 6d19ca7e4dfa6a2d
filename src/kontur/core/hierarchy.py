"""A nested family of segmentations: one merge tree, any level of it read afterwards.

Definition: Arbeláez, "Boundary Extraction in Natural Images Using Ultrametric Contour Maps", CVPR Workshops 2006. Two
pixels lie u apart, u the height at which their regions become one; u is an ultrametric, so levels are nested.

    leaves (H, W) + merges (n - 1, 2) + heights (n - 1,) -> level(x), regions(n) -> Segmentation; ultrametric; boundaries
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, OptionError
from .files import atomic_write, reading_saved
from .segmentation import Provenance, Segment, Segmentation


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """leaves (H, W) int32: 1..n, the finest regions. merges (n - 1, 2) int32, heights (n - 1,) float32 in [0, 1], rising.

    Merge k joins two nodes into node n + k; nodes 0..n - 1 are the leaves 1..n. `default`: the level that `level()` takes.
    thinned: (H, W) float32 in [0, 1], the lines of the boundary map that the hierarchy was made of, if it was made of one.

    Raises InputError where leaves miss an id, a node is merged twice or before it exists, or heights fall or leave [0, 1];
    for another size of `thinned` and values or a default outside [0, 1].
    """

    leaves: NDArray[np.int32]
    merges: NDArray[np.int32]
    heights: NDArray[np.float32]
    default: float = 0.5
    provenance: Provenance | None = None
    thinned: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", np.ascontiguousarray(self.leaves, np.int32))
        object.__setattr__(self, "merges", np.ascontiguousarray(self.merges, np.int32).reshape(-1, 2))
        object.__setattr__(self, "heights", np.ascontiguousarray(self.heights, np.float32))
        if self.leaves.ndim != 2 or self.leaves.size == 0:
            raise InputError(f"leaves: expected a map (H, W) of ids 1..n, got shape {self.leaves.shape}")
        counts = np.bincount(self.leaves.ravel()) if self.leaves.min() > 0 else np.zeros(1, int)
        if len(counts) < 2 or (counts[1:] == 0).any():
            raise InputError(
                f"leaves: expected every id of 1..{self.leaves.max()}, got {self.leaves.min()} or gaps between"
            )
        n, joins = len(counts) - 1, len(self.heights)
        if len(self.merges) != n - 1 or joins != n - 1:
            raise InputError(f"merges: expected {n - 1} for {n} leaves, got {len(self.merges)} with {joins} heights")
        if joins:
            late = self.merges.max(axis=1) >= n + np.arange(joins)
            if self.merges.min() < 0 or late.any() or len(np.unique(self.merges)) < 2 * joins:
                raise InputError("merges: expected each node once, after it exists")
            if not (self.heights[0] >= 0 and self.heights[-1] <= 1 and (np.diff(self.heights) >= 0).all()):
                raise InputError("heights: expected rising values in [0, 1]")
        if isinstance(self.default, bool) or not isinstance(self.default, int | float) or not 0 <= self.default <= 1:
            raise InputError(f"default: expected a level in [0, 1], got {self.default!r:.40}")
        if self.thinned is not None:
            object.__setattr__(self, "thinned", np.ascontiguousarray(self.thinned, np.float32))
            if self.thinned.shape != self.leaves.shape:
                raise InputError(f"thinned: expected a map {self.leaves.shape} as the leaves, got {self.thinned.shape}")
            if not (self.thinned.min() >= 0 and self.thinned.max() <= 1):  # NaN fails as well
                raise InputError("thinned: expected values in [0, 1]")

    # --- reading it ---------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return int(self.leaves.shape[0]), int(self.leaves.shape[1])

    def __len__(self) -> int:
        """The number of leaves, the most regions there are."""
        return len(self.heights) + 1

    def level(self, x: float | None = None) -> Segmentation:
        """The regions that are more than x apart: all merges of height x or less are done. x in [0, 1]."""
        x = self.default if x is None else float(x)
        if not 0 <= x <= 1:
            raise OptionError(f"level: expected a number, 0..1, got {x!r}")
        return self._after(int(np.searchsorted(self.heights, np.float32(x), side="right")))

    def regions(self, n: int) -> Segmentation:
        """Exactly n regions, or as many as there are leaves; n >= 1. Of merges of equal height the first of the tree are done."""
        if int(n) != n or n < 1:
            raise OptionError(f"regions: expected a whole number, at least 1, got {n!r}")
        return self._after(max(len(self) - int(n), 0))

    def cut(self, level: float | None, regions: int | None) -> Segmentation:
        """Regions by their number; else by a level; else by the default."""
        return self.level(level) if regions is None else self.regions(regions)

    @cached_property
    def ultrametric(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]: the greater of a pixel's heights to its right and its lower neighbour, 0 inside a leaf.

        The height between two pixels is that at which they become one region. So the pixels above x are, for every x,
        those whose right or lower neighbour is of another region of `level(x)`: lines one pixel wide, on the upper left
        side of a border.
        """
        across, down = self._edge_heights
        out = np.zeros(self.shape, np.float32)
        out[:, :-1] = across
        np.maximum(out[:-1], down, out=out[:-1])
        return out

    @cached_property
    def ultrametric_grid(self) -> NDArray[np.float32]:
        """(2 H + 1, 2 W + 1) float32 in [0, 1]: 0 at the pixels (odd row and column), between two pixels the height at
        which they become one region, at the corners between four the largest of its sides; the outer rim is 0."""
        across, down = self._edge_heights
        height, width = self.shape
        out = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
        out[1::2, 2:-1:2] = across
        out[2:-1:2, 1::2] = down
        inner = out[2:-1:2, 2:-1:2]
        np.maximum(across[:-1], across[1:], out=inner)
        np.maximum(inner, np.maximum(down[:, :-1], down[:, 1:]), out=inner)
        return out

    @property
    def boundaries(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1], lines one pixel wide: `thinned`, which may end in the open; without it `ultrametric`."""
        return self.ultrametric if self.thinned is None else self.thinned

    # --- keeping it -------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write everything to one file (.npz); read it again with `load`."""
        provenance = None if self.provenance is None else asdict(self.provenance)
        meta = json.dumps({"schema": 1, "default": self.default, "provenance": provenance}, allow_nan=False)
        parts: dict[str, Any] = {"leaves": self.leaves, "merges": self.merges, "heights": self.heights}
        if self.thinned is not None:
            parts["thinned"] = self.thinned
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **parts, meta=np.frombuffer(meta.encode(), np.uint8))
        atomic_write(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Hierarchy:
        """Read what `save` wrote. Raises UnreadableFile for a file that is missing, damaged, of another kind, or no tree."""
        with reading_saved(path, "Hierarchy.save"), np.load(path, allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            provenance = meta["provenance"]
            origin = provenance and Provenance(**(provenance | {"notes": tuple(provenance["notes"])}))
            parts = archive["leaves"], archive["merges"], archive["heights"]
            return cls(*parts, meta["default"], origin, archive.get("thinned"))

    def __repr__(self) -> str:
        return f"<Hierarchy {self.shape[0]}x{self.shape[1]}, {len(self)} leaves>"

    # --- how it is read fast ------------------------------------------------------------------------------------------
    # In the order of the tree's leaves every node is a stretch; where two stretches meet stands the merge that joins them.

    @cached_property
    def line(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """(order (n,) int32 of the leaves 0..n - 1, joint (n - 1,) int32: the merge that joins neighbours in that order).

        At every level a region is a stretch of the order: it ends where the height of the joint is above the level.
        """
        n = len(self)
        head, tail = list(range(n)), list(range(n))
        follower, joint = [-1] * n, [0] * n
        for k, (a, b) in enumerate(self.merges.tolist()):
            follower[tail[a]], joint[tail[a]] = head[b], k
            head.append(head[a])
            tail.append(tail[b])
        order = np.empty(n, np.int32)
        leaf = head[-1]
        for position in range(n):
            order[position] = leaf
            leaf = follower[leaf]
        return order, np.array(joint, np.int32)[order[:-1]]

    @cached_property
    def _leaf_sizes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Area (n,) and box (n, 4) of each leaf, in the order of `line`."""
        segments = Segmentation.from_ids(self.leaves).segments
        order = self.line[0]
        return np.array([s.area for s in segments])[order], np.array([s.box for s in segments])[order]

    def _after(self, merges: int) -> Segmentation:
        """The partition after the first merges; its ids 1..k follow the order of the tree."""
        order, joint = self.line
        starts = np.concatenate([[True], joint >= merges])
        table = np.zeros(len(order) + 1, np.int32)
        table[order + 1] = np.cumsum(starts)
        first = np.flatnonzero(starts)
        areas, boxes = self._leaf_sizes
        area = np.add.reduceat(areas, first)
        low, high = np.minimum.reduceat(boxes[:, :2], first), np.maximum.reduceat(boxes[:, 2:], first)
        corners = map(tuple, np.concatenate([low, high], axis=1).tolist())
        segments = tuple(map(Segment, range(1, len(first) + 1), area.tolist(), corners))
        return Segmentation(table[self.leaves], segments, provenance=self.provenance)

    @cached_property
    def _edge_heights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heights between each pixel and the next one to the right, (H, W - 1), and below, (H - 1, W)."""
        order, joint = self.line
        position = np.empty(len(order) + 1, np.int64)
        position[order + 1] = np.arange(len(order))
        places = position[self.leaves]
        # Two leaves are joined by the latest merge between their places: a range maximum from a table of powers of two.
        tables = [joint]
        while 2 << (len(tables) - 1) <= len(joint):
            reach = 1 << (len(tables) - 1)
            tables.append(np.maximum(tables[-1][:-reach], tables[-1][reach:]))

        def between(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
            out = np.zeros(a.shape, np.float32)
            where = np.nonzero(a != b)
            low, high = np.minimum(a, b)[where], np.maximum(a, b)[where]
            power = np.frexp((high - low).astype(np.float64))[1] - 1
            latest = np.zeros(len(low), np.int32)
            for p, table in enumerate(tables):
                mine = power == p
                latest[mine] = np.maximum(table[low[mine]], table[high[mine] - (1 << p)])
            out[where] = self.heights[latest]
            return out

        return between(places[:, :-1], places[:, 1:]), between(places[:-1], places[1:])


def checked_strength(strength: NDArray) -> NDArray[np.float32]:
    """A soft boundary map as contiguous float32."""
    strength = np.asarray(strength)
    if strength.ndim != 2 or strength.size == 0:
        raise InputError(f"boundary strength: expected a map (H, W), got shape {strength.shape}")
    if strength.dtype != bool and not np.issubdtype(strength.dtype, np.floating):
        raise InputError(f"boundary strength: expected float in [0, 1] or bool, got {strength.dtype}")
    low, high = float(strength.min()), float(strength.max())
    if not (low >= 0 and high <= 1):  # NaN fails as well
        raise InputError(f"boundary strength: expected values in [0, 1], got {low:g}..{high:g}")
    return np.ascontiguousarray(strength, np.float32)
