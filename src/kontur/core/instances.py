"""Overlapping, scored masks. They are kept as runs (RLE), so memory does not grow with N·H·W."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import rle
from .errors import InputError
from .rle import RLE
from .segmentation import Provenance, Segmentation
from .taxonomy import Taxonomy


@dataclass(frozen=True, eq=False)
class Instance:
    """One object: its mask as runs, its category (an id of the taxonomy), its score in [0, 1]; None if unknown."""

    mask: RLE
    category: int | None = None
    score: float | None = None

    @property
    def area(self) -> int:
        """Pixels."""
        return rle.area(self.mask)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) in pixels, x1 and y1 exclusive; (0, 0, 0, 0) when empty."""
        return rle.box(self.mask)


@dataclass(frozen=True, eq=False)
class Instances:
    """The objects of one image of (H, W) pixels; they may overlap."""

    shape: tuple[int, int]
    instances: tuple[Instance, ...]
    taxonomy: Taxonomy | None = None
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "instances", tuple(self.instances))
        for number, instance in enumerate(self.instances):
            if instance.mask.size != tuple(self.shape):
                raise InputError(f"instance {number}: expected a mask of {self.shape}, got {instance.mask.size} (H, W)")

    @classmethod
    def from_masks(
        cls,
        masks: Iterable[NDArray[np.bool_]],
        *,
        shape: tuple[int, int],
        categories: Iterable[int] | None = None,
        scores: Iterable[float] | None = None,
        taxonomy: Taxonomy | None = None,
    ) -> Instances:
        """From bool masks (H, W), read one at a time, so a generator of a thousand needs the memory of one."""
        encoded = [rle.encode(np.asarray(mask)) for mask in masks]
        labels = list(categories) if categories is not None else [None] * len(encoded)
        values = list(scores) if scores is not None else [None] * len(encoded)
        if not len(encoded) == len(labels) == len(values):
            raise InputError(
                f"expected as many categories and scores as masks, got {len(encoded)}, {len(labels)}, {len(values)}"
            )
        return cls(
            shape, tuple(Instance(m, c, s) for m, c, s in zip(encoded, labels, values, strict=True)), taxonomy=taxonomy
        )

    @classmethod
    def from_segmentation(cls, segmentation: Segmentation) -> Instances:
        """Every segment but the background becomes an instance."""
        runs = rle.encode_labels(segmentation.ids)
        found = tuple(
            Instance(runs[segment.id], segment.category, segment.score)
            for segment in segmentation.segments
            if segment.id != segmentation.background
        )
        return cls(segmentation.shape, found, segmentation.taxonomy, segmentation.provenance)

    def __len__(self) -> int:
        return len(self.instances)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """The pixels of one instance (counted from 0), (H, W) bool."""
        return rle.decode(self.instances[number].mask)

    def painted(self, order: Iterable[int]) -> NDArray[np.int32]:
        """(H, W): 0, and n + 1 where instance n, counted from 0, is the last of `order` that covers the pixel."""
        height, width = self.shape
        columns = np.zeros(height * width, np.int32)  # runs go down the columns, so the map is laid out like them
        for number in order:
            columns[rle.pixels(self.instances[number].mask)] = number + 1
        return np.ascontiguousarray(columns.reshape(width, height).T)

    def flatten(self, *, background: bool = True) -> Segmentation:
        """A partition: background 1, objects 2..; where masks overlap the higher score wins, at equal ones the first.

        background: False leaves what is no object void, and gives the objects the numbers 1.. that documents and tables give them.
        """
        first = 2 if background else 1
        order = sorted(range(len(self)), key=lambda n: (self.instances[n].score or 0.0, -n))
        ids = self.painted(order) + np.int32(first - 1)  # best last, so it lies on top
        categories = {n + first: i.category for n, i in enumerate(self.instances) if i.category is not None}
        scores = {n + first: i.score for n, i in enumerate(self.instances) if i.score is not None}
        known = 1 if background else None
        flat = Segmentation.from_ids(
            ids, categories=categories, scores=scores, taxonomy=self.taxonomy, background=known
        )
        return Segmentation(flat.ids, flat.segments, flat.taxonomy, self.provenance, flat.background)

    def __repr__(self) -> str:
        return f"<Instances {self.shape[0]}x{self.shape[1]}, {len(self)} objects>"


def numbered(result: Segmentation | Instances) -> Segmentation:
    """Any result as the partition whose numbers documents and tables give as well; 0 is what is no object of `Instances`."""
    return result.flatten(background=False) if isinstance(result, Instances) else result
