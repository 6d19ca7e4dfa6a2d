"""The moving average of the weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kontur.training.ema import Average


def test_three_updates_by_hand():
    """d is 1/10, 2/11, 3/12 at first, below the decay asked for."""
    weight = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        weight.weight.fill_(0.0)
    average = Average(weight, 0.9)
    wanted = 0.0
    for number, value in enumerate((1.0, 2.0, 4.0)):
        with torch.no_grad():
            weight.weight.fill_(value)
        average.update(weight)
        d = min(0.9, (1 + number) / (10 + number))
        wanted = d * wanted + (1 - d) * value
        assert average.state["weight"].item() == pytest.approx(wanted)
    assert wanted == pytest.approx(0.25 * (2 / 11 * 0.9 + 9 / 11 * 2) + 0.75 * 4)


def test_the_decay_asked_for_is_the_last_one():
    weight = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        weight.weight.fill_(1.0)
    average = Average(weight, 0.5)
    average.updates = 1000
    with torch.no_grad():
        weight.weight.fill_(3.0)
    average.update(weight)
    assert average.state["weight"].item() == pytest.approx(2.0)


def test_statistics_are_averaged_and_counts_are_copied():
    norm = nn.BatchNorm1d(1)
    average = Average(norm, 0.0)
    norm(torch.tensor([[1.0], [3.0]]))
    average.update(norm)
    assert int(average.state["num_batches_tracked"]) == 1
    assert average.state["running_mean"].item() == pytest.approx(0.2)  # 0.1 times the mean of 2


def test_the_weights_themselves_are_left_alone():
    weight = nn.Linear(2, 2)
    before = weight.weight.detach().clone()
    Average(weight, 0.9).update(weight)
    assert torch.equal(weight.weight, before)
