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
from ..inference.predictor import Channels, picked_bands
from ..transforms import (
    ColourJitter,
    Compose,
    CopyPaste,
    Normalise,
    RandomFlattening,
    RandomHorizontalFlip,
    RandomInversion,
    RandomQuarterTurn,
    RandomRotation,
    RandomScaleCrop,
    RandomVerticalFlip,
)
from .recipe import Augmentation, Recipe, Stage
from .samples import Samples

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


class TrainingSet(Dataset):
    """Keys -> (image (C, H, W) float32, target (H, W) int64 or (N, H, W), key), by the transforms of the key's stage."""

    def __init__(self, samples: Samples, recipe: Recipe) -> None:
        self.samples, self.seed, self.channels = samples, recipe.seed, recipe.network.channels
        self.transforms = [_transforms(stage, recipe.augmentation, samples, self.channels) for stage in recipe.stages]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor]:
        stage, epoch, index = key
        image, target, name = self.samples[index]
        seen = as_network_sees(image, self.channels, name)
        pixels, labels = self.transforms[stage](seen, target, np.random.default_rng([self.seed, epoch, index]))
        assert isinstance(labels, Tensor)
        target = torch.from_numpy(self.samples.finished(index, labels.numpy()))
        # A map of every object takes its room; whoever puts them together knows what to make of them.
        return pixels, target.long() if target.ndim == 2 else target, torch.tensor(key)


def as_network_sees(image: Image, channels: int, name: str) -> Image | NDArray[np.float32]:
    """The image in the network's channels and, but for 8 bits as they are, in [0, 1]: the rule of `inference.predictor.picked_bands`.

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


class _Donors(Sequence):
    """Samples as the network sees them, for `CopyPaste`."""

    def __init__(self, samples: Samples, channels: int) -> None:
        self.samples, self.channels = samples, channels

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> tuple[Any, NDArray[np.integer]]:
        image, ids, name = self.samples[index]
        return as_network_sees(image, self.channels, name), ids


def _transforms(stage: Stage, changes: Augmentation, samples: Samples, channels: int) -> Compose:
    ignore = samples.ignore
    fill = changes.mean if len(changes.mean) > 1 else changes.mean[0]
    steps: list[Any] = []
    if changes.copy_paste:
        steps.append(CopyPaste(_Donors(samples, channels), changes.copy_paste, ignore=ignore))
    if changes.degrees:
        steps.append(RandomRotation((-changes.degrees, changes.degrees), fill=fill, ignore=ignore))
    steps.append(RandomScaleCrop(stage.crop, stage.scales, fill=fill, ignore=ignore))
    if changes.flatten:
        steps.append(RandomFlattening(changes.flatten, ignore=ignore))
    if changes.flip:
        steps.append(RandomHorizontalFlip(changes.flip))
    if changes.vertical_flip:
        steps.append(RandomVerticalFlip(changes.vertical_flip))
    if changes.quarter_turns:
        steps.append(RandomQuarterTurn())
    if changes.invert:
        steps.append(RandomInversion(changes.invert))
    if changes.brightness or changes.contrast or changes.saturation or changes.hue:
        steps.append(ColourJitter(changes.brightness, changes.contrast, changes.saturation, changes.hue))
    return Compose([*steps, Normalise(changes.mean, changes.std)])
