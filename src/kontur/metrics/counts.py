"""Counts of a set of images: they add, and scale by how often each image is drawn.

    counts of an image  --add-->  counts of a set  -->  scores          (counts * weights: many weighted sets at once)

Scores that are ratios of sums are read from the sums of all images, so the counts of 10,000 images need the memory of
those of one, and a bootstrap replicate is a weighted sum.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import KonturError


class Counts:
    """Numbers, or arrays of them, that add over images. SUMS names these attributes; the others say what is counted."""

    SUMS: ClassVar[tuple[str, ...]]

    def unlike(self, other: Self) -> KonturError | None:
        """Why counts of another definition cannot be added to these; None where they can."""
        return None

    def light(self) -> Counts:
        """As much of the counts as their intervals are read from; it is kept for every bootstrap replicate."""
        return self

    def __iadd__(self, other: Self) -> Self:
        if type(other) is not type(self):
            return NotImplemented
        error = self.unlike(other)
        if error is not None:
            raise error
        for name in self.SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def __add__(self, other: Self) -> Self:
        """The counts of both sets of images."""
        if type(other) is not type(self):
            return NotImplemented
        both = copy.copy(self)
        both += other
        return both

    def __mul__(self, weights: int | NDArray[np.integer]) -> Self:
        """The counts as if each image were there `weights` times; of weights (B,) B such sets, read one by one by [b]."""
        many = copy.copy(self)
        for name in self.SUMS:
            setattr(many, name, _plain(np.multiply.outer(weights, getattr(self, name))))
        return many

    def __getitem__(self, number: int) -> Self:
        """One of the sets that weights (B,) have made."""
        one = copy.copy(self)
        for name in self.SUMS:
            setattr(one, name, _plain(getattr(self, name)[number]))
        return one


class Means(Counts):
    """Sums of named values and how many of each were defined (finite)."""

    SUMS: ClassVar[tuple[str, ...]] = ("sums", "defined")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.sums = np.zeros(len(self.names))
        self.defined = np.zeros(len(self.names), np.int64)

    def update(self, rows: NDArray[np.float64]) -> None:
        """Add rows of values, (n, names)."""
        finite = np.isfinite(rows)
        self.sums = self.sums + np.where(finite, rows, 0).sum(axis=0)
        self.defined = self.defined + finite.sum(axis=0)

    def means(self) -> dict[str, float]:
        """The mean of the defined values by name; NaN where there is none."""
        return {n: float(s / d) if d else math.nan for n, s, d in zip(self.names, self.sums, self.defined)}


class Several(Counts):
    """Counts of several definitions over the same images."""

    SUMS = ()

    def __init__(self, *parts: Counts) -> None:
        self.parts = parts

    def __iadd__(self, other: Self) -> Self:
        self.parts = tuple(a + b for a, b in zip(self.parts, other.parts, strict=True))
        return self

    def __mul__(self, weights: int | NDArray[np.integer]) -> Self:
        return type(self)(*(part * weights for part in self.parts))

    def __getitem__(self, number: int) -> Self:
        return type(self)(*(part[number] for part in self.parts))


def _plain(value: NDArray) -> NDArray | int | float:
    return value.item() if np.ndim(value) == 0 else value
