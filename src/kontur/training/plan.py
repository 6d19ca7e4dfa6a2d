"""Which samples make which step: a pure function of (seed, step), so that a run goes on from any step as if it had never stopped.

Recipe, number of samples -> Plan: step -> epoch, stage, keys (stage, epoch, index) ─TrainingSet▶ tensors
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ..core.errors import InputError
from ..core.image import Image
from ..core.taxonomy import Taxonomy
from ..inference.channels import Channels, picked_bands
from ..transforms import (
    ColourJitter,
    Compose,
    Normalise,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScaleCrop,
    RandomVerticalFlip,
)
from .recipe import Augmentation, Recipe, Stage

Key = tuple[int, int, int]  # stage, epoch, index of the sample


class Plan:
    """The steps of a run. An epoch drops the samples that do not fill a last step."""

    def __init__(self, recipe: Recipe, samples: int, world: int = 1) -> None:
        self.seed, self.samples, self.world = recipe.seed, samples, world
        self.accumulate = recipe.optimiser.accumulate
        self._stages: list[int] = []  # of each epoch
        self._batches: list[int] = []  # samples a process and batch, of each epoch
        self._starts = [0]  # first step of each epoch, and the number of steps
        for number, stage in enumerate(recipe.stages):
            batch = min(stage.batch, max(1, samples // (world * self.accumulate)))
            for _ in range(stage.epochs):
                self._stages.append(number)
                self._batches.append(batch)
                self._starts.append(self._starts[-1] + max(1, samples // (batch * world * self.accumulate)))

    @property
    def steps(self) -> int:
        return self._starts[-1]

    @property
    def epochs(self) -> int:
        return len(self._stages)

    def epoch(self, step: int) -> int:
        """The epoch, from 0, in which a step lies."""
        return int(np.searchsorted(self._starts, step, side="right")) - 1

    def ends_epoch(self, step: int) -> bool:
        """Whether an epoch is complete after this step."""
        return step + 1 in self._starts

    def batch(self, step: int) -> int:
        """Samples of a step, over all processes and accumulated batches."""
        return self._batches[self.epoch(step)] * self.world * self.accumulate

    def keys(self, step: int) -> list[Key]:
        """The samples of a step in order; each process takes its part of each accumulated batch."""
        epoch = self.epoch(step)
        count = self.batch(step)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.samples)
        first = (step - self._starts[epoch]) * count
        chosen = np.resize(order, max(count, self.samples))[first : first + count]  # repeats, if there are too few
        return [(self._stages[epoch], epoch, int(index)) for index in chosen]


class Batches(Sampler):
    """The batches of one process from a step on: `accumulate` of them a step."""

    def __init__(self, plan: Plan, first: int, rank: int = 0) -> None:
        self.plan, self.first, self.rank = plan, first, rank

    def __iter__(self) -> Iterator[list[Key]]:
        plan = self.plan
        for step in range(self.first, plan.steps):
            keys = plan.keys(step)
            size = len(keys) // plan.accumulate
            for start in range(0, len(keys), size):
                yield keys[start : start + size][self.rank :: plan.world]

    def __len__(self) -> int:
        return (self.plan.steps - self.first) * self.plan.accumulate


class Indexed(Sequence):
    """(image, class indices, name) of several data sets in a row; ids of the taxonomy become 0 .. K-1 in its order.

    cache: decoded samples stay in memory. Raises InputError for a set without the taxonomy's categories by name.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            if data.taxonomy is None:
                raise InputError(f"{data.name} {data.split}: expected a data set with categories")
            check_taxonomy(data.taxonomy, [c.name for c in taxonomy])
        self.sets, self.taxonomy = list(sets), taxonomy
        self.ignore = 255 if len(taxonomy) <= 255 else 65535
        self._places = [(s, i) for s, data in enumerate(self.sets) for i in range(len(data))]
        self._cache: dict[int, tuple] | None = {} if cache else None
        highest = max([c.id for c in taxonomy] + [taxonomy.ignore or 0])
        self._table = np.full(highest + 1, self.ignore, np.uint8 if len(taxonomy) <= 255 else np.uint16)
        for place, category in enumerate(taxonomy):
            self._table[category.id] = place

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> tuple:
        if self._cache is not None and index in self._cache:
            return self._cache[index]
        number, place = self._places[index]
        image, target, name = self.sets[number][place]
        if not isinstance(target, np.ndarray):
            raise InputError(
                f"{self.sets[number].name}: expected class ids a pixel, got {type(target).__name__}. Use a semantic data set"
            )
        sample = (image, self._table[target], name)
        if self._cache is not None:
            self._cache[index] = sample
        return sample

    def split(self, share: float, seed: int) -> tuple[Indexed, Indexed]:
        """Two of it, the second with a share of the samples, at least 1, drawn from the seed."""
        held = min(len(self) - 1, max(1, round(share * len(self))))
        if held < 1:
            raise InputError(f"holdout: expected at least 2 samples to hold one out, got {len(self)}")
        order = np.random.default_rng(seed).permutation(len(self))
        parts = []
        for chosen in (order[held:], order[:held]):
            part = Indexed(self.sets, self.taxonomy, cache=self._cache is not None)
            part._places = [self._places[i] for i in sorted(chosen)]
            parts.append(part)
        return parts[0], parts[1]

    def name(self, index: int) -> str:
        """A sample's name, without decoding it."""
        number, place = self._places[index]
        return str(self.sets[number].names[place])


def check_taxonomy(taxonomy: Taxonomy, classes: int | Sequence[str]) -> None:
    """That a network's classes are the data's categories: as many, and by name in the same order where it has names.

    Raises InputError that names what is missing on either side.
    """
    names = [category.name for category in taxonomy]
    what = f"taxonomy {taxonomy.name!r}" if taxonomy.name else "taxonomy"
    if len(names) < 2:
        raise InputError(f"{what}: expected at least 2 categories (the background counts), got {names}")
    if isinstance(classes, int):
        if classes != len(names):
            raise InputError(
                f"{what}: expected the network's {classes} classes, got {len(names)} categories: {', '.join(names)}. "
                "Build the network for this data, or take the data it was trained on"
            )
        return
    if list(classes) == names:
        return
    missing, foreign = [n for n in classes if n not in names], [n for n in names if n not in classes]
    parts = []
    if missing:
        parts.append(f"the data lacks {', '.join(missing)}")
    if foreign:
        parts.append(f"the network lacks {', '.join(foreign)}")
    told = "; ".join(parts) or f"another order: {', '.join(names)}"
    raise InputError(f"{what}: expected the network's classes {', '.join(classes)}; {told}")


class TrainingSet(Dataset):
    """Keys -> (image (C, H, W) float32, class indices (H, W) int64, key), by the transforms of the key's stage."""

    def __init__(self, samples: Sequence[Any], recipe: Recipe, ignore: int) -> None:
        self.samples, self.seed, self.channels = samples, recipe.seed, recipe.network.channels
        self.transforms = [_transforms(stage, recipe.augmentation, ignore) for stage in recipe.stages]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor]:
        stage, epoch, index = key
        image, target, name = self.samples[index]
        image = as_network_sees(image, self.channels, name)
        pixels, labels = self.transforms[stage](image, target, np.random.default_rng([self.seed, epoch, index]))
        assert isinstance(labels, Tensor)
        return pixels, labels, torch.tensor(key)


def as_network_sees(image: Image, channels: int, name: str) -> Image | NDArray[np.float32]:
    """The image in the network's channels and, but for 8 bits as they are, in [0, 1]: the rule of `inference.channels`.

    Raises InputError for bands that do not fit.
    """
    if image.channels == channels and image.pixels.dtype == np.uint8:
        return image
    picked = picked_bands(image.bands, channels)
    if picked is None:
        bands = image.channels
        raise InputError(f"{name}: expected {channels} bands, got {bands}. Set network.channels={bands} in the recipe")
    plain = (0.0,) * channels, (1.0,) * channels
    return np.moveaxis(
        Channels(picked, channels == 1 < image.channels, *image.limits, *plain).apply(image.pixels), 0, -1
    )


def _transforms(stage: Stage, changes: Augmentation, ignore: int) -> Compose:
    fill = changes.mean if len(changes.mean) > 1 else changes.mean[0]
    steps: list[Any] = []
    if changes.degrees:
        steps.append(RandomRotation((-changes.degrees, changes.degrees), fill=fill, ignore=ignore))
    steps.append(RandomScaleCrop(stage.crop, stage.scales, fill=fill, ignore=ignore))
    if changes.flip:
        steps.append(RandomHorizontalFlip(changes.flip))
    if changes.vertical_flip:
        steps.append(RandomVerticalFlip(changes.vertical_flip))
    if changes.brightness or changes.contrast or changes.saturation or changes.hue:
        steps.append(ColourJitter(changes.brightness, changes.contrast, changes.saturation, changes.hue))
    return Compose([*steps, Normalise(changes.mean, changes.std)])
