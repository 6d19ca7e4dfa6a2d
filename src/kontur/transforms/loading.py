"""Samples for a torch DataLoader, the same whatever the number of workers.

    loader = DataLoader(TransformedDataset(scenes, transform, seed=1), batch_size=8, num_workers=4,
                        sampler=EpochSampler(len(scenes), seed=1), persistent_workers=True)

The randomness of a sample comes from (seed, epoch, index). The epoch travels with the index, from the sampler to the
worker, because workers that persist keep the copy of the data set they were started with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from .compose import Compose
from .tensors import Target


class TransformedDataset(Dataset):
    """samples: a sequence of (image, target, name), such as `kontur.datasets.open(..)`; `name` is not looked at.

    data[index] is a sample of epoch 0, data[epoch, index] of any epoch: (image, target) tensors.
    """

    def __init__(self, samples: Sequence[Any], transform: Compose, *, seed: int = 0) -> None:
        self.samples, self.transform, self.seed = samples, transform, seed

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[Tensor, Target]:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        image, target, *_ = self.samples[index]
        return self.transform(image, target, np.random.default_rng([self.seed, epoch, index % len(self)]))


class EpochSampler(Sampler):
    """(epoch, index) of all samples in an order that is drawn from (seed, epoch); each pass is an epoch, from `epoch` on."""

    def __init__(self, count: int, *, seed: int = 0, shuffle: bool = True, epoch: int = 0) -> None:
        self.count, self.seed, self.shuffle, self.epoch = count, seed, shuffle, epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count) if self.shuffle else range(self.count)
        return ((epoch, int(index)) for index in order)
