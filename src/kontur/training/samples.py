"""The samples of a run: several splits of a data set in a row, each read as the task wants its target.

splits -> Samples: index -> (image, label map (H, W), name) ─transforms▶ finished ▶ what the loss takes
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnknownName
from ..core.image import Image
from ..core.instances import Instances
from ..core.taxonomy import Taxonomy
from ..datasets import Dataset
from ..datasets import open as open_data
from .recipe import Data


def opened(data: Data, split: str, root: str | None = None) -> Dataset:
    """A split of a recipe's data set, with its samples named in `only` where there are such. Raises UnknownName."""
    found = open_data(data.set, root or data.root, split, **data.options)
    if data.only:
        for name in data.only:
            if name not in found.names:
                known = found.names
                raise UnknownName("sample", name, known, f"data.only: {found.name} {split} has {len(found)}.")
        found.pairs = tuple(pair for pair in found.pairs if pair.name in data.only)
    return found


def categories_of(sets: Sequence[Any], taxonomy: Taxonomy | None = None) -> Taxonomy:
    """That of the run, or else the first set's own. Raises InputError for a set without categories."""
    found: Taxonomy | None = taxonomy or sets[0].taxonomy
    if found is None:
        raise InputError(f"{sets[0].name}: expected a data set with categories, it has none")
    return found


def check_categories(data: Any, taxonomy: Taxonomy) -> None:
    """Raises InputError for a set with other categories by name, or with none."""
    names = [c.name for c in taxonomy]
    if data.taxonomy is None or [c.name for c in data.taxonomy] != names:
        raise InputError(f"{data.name} {data.split}: expected the categories {', '.join(names)}")


class Samples(Sequence):
    """A task derives from this and reads a sample in `_read`.

    taxonomy: what the network's outputs mean, in their order. ignore: what a label map holds where nothing is known; transforms
    fill with it as well. cache: decoded samples stay in memory.
    """

    collate: Callable[[Any], Any] | None = None
    """What a loader puts samples together with; None: PyTorch's own way, for targets of one shape."""
    own_loss: Callable[[Any, Any], Any] | None = None
    """(the network's output in training mode, targets) -> loss, where the network computes its losses itself; None: the recipe's."""

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, ignore: int, cache: bool = False) -> None:
        self.sets, self.taxonomy, self.ignore = list(sets), taxonomy, ignore
        self.places = [(s, i) for s, data in enumerate(self.sets) for i in range(len(data))]
        self._cache: dict[tuple[int, int], tuple[Image, NDArray[np.integer], str]] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> tuple[Image, NDArray[np.integer], str]:
        place = self.places[index]
        if self._cache is not None and place in self._cache:
            return self._cache[place]
        sample = self._read(place)
        if self._cache is not None:
            self._cache[place] = sample
        return sample

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray[np.integer], str]:
        """place: number of the split, number of the sample in it."""
        raise NotImplementedError

    @property
    def unknown(self) -> int:
        """What a finished target holds where nothing is known; the loss leaves such pixels out."""
        return self.ignore

    def finished(self, index: int, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """A transformed label map of this sample -> the target of the loss, of the same size."""
        return labels

    def split(self, share: float, seed: int) -> tuple[Self, Self]:
        """Two of it, the second with a share of the samples, at least 1, drawn from the seed."""
        held = min(len(self) - 1, max(1, round(share * len(self))))
        if held < 1:
            raise InputError(f"holdout: expected at least 2 samples to hold one out, got {len(self)}")
        order = np.random.default_rng(seed).permutation(len(self))
        return self._part(order[held:]), self._part(order[:held])

    def _part(self, chosen: NDArray[np.integer]) -> Self:
        part = type(self)(self.sets, self.taxonomy, cache=self._cache is not None)  # type: ignore[call-arg]
        part.places = [self.places[i] for i in sorted(chosen)]
        return part

    def crowds(self, index: int, shape: tuple[int, int]) -> Instances:
        """Of a sample of objects of (H, W) pixels, the regions that hold many in one mask; the truth is without them."""
        number, place = self.places[index]
        data = self.sets[number]
        read = data.layout.crowd_objects
        return Instances(shape, ()) if read is None else read(data.pairs[place])

    def name(self, index: int) -> str:
        """A sample's name, without decoding it."""
        number, place = self.places[index]
        return str(self.sets[number].names[place])
