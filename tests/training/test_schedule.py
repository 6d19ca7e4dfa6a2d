"""Learning-rate schedules against their formulas, by hand."""

from __future__ import annotations

import math

import pytest

from kontur.training.recipe import Schedule
from kontur.training.schedule import factor


def test_poly_by_hand():
    """DeepLab: (1 - step / steps)^0.9."""
    poly = Schedule(name="poly")
    assert factor(poly, 0, 100) == 1
    assert factor(poly, 50, 100) == pytest.approx(0.5**0.9)
    assert factor(poly, 99, 100) == pytest.approx(0.01**0.9)
    assert factor(Schedule(name="poly", power=2), 75, 100) == pytest.approx(1 / 16)


def test_cosine_by_hand():
    cosine = Schedule(name="cosine", floor=0.1)
    assert factor(cosine, 0, 80) == pytest.approx(1)
    assert factor(cosine, 40, 80) == pytest.approx(0.1 + 0.9 / 2)
    assert factor(cosine, 20, 80) == pytest.approx(0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2)


def test_warm_up_rises_in_equal_steps_to_the_base_rate():
    warm = Schedule(name="poly", warm_up=0.1)
    assert [factor(warm, step, 40) for step in range(5)] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1])
    assert factor(warm, 22, 40) == pytest.approx(0.5**0.9)


def test_one_cycle_rises_from_a_25th_by_a_half_cosine_and_falls_by_another():
    cycle = Schedule(name="one_cycle", warm_up=0.25)
    assert factor(cycle, 0, 80) == pytest.approx(1 / 25)
    assert factor(cycle, 10, 80) == pytest.approx((1 + 1 / 25) / 2)
    assert factor(cycle, 20, 80) == pytest.approx(1)
    assert factor(cycle, 50, 80) == pytest.approx(0.5)


def test_one_cycle_agrees_with_pytorch_after_the_peak():
    """PyTorch's falls to its last step, ours to the step after it; in between both are half cosines."""
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    steps = 1001
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 1.0, total_steps=steps, pct_start=0.25, div_factor=25, final_div_factor=1e9, cycle_momentum=False
    )
    cycle = Schedule(name="one_cycle", warm_up=0.25)
    worst = 0.0
    for step in range(steps):
        worst = max(worst, abs(factor(cycle, step, steps) - optimiser.param_groups[0]["lr"]))
        if step < steps - 1:
            optimiser.step()
            theirs.step()
    assert worst < 0.01


def test_a_constant_rate_stays_and_a_warm_up_of_no_steps_is_none():
    assert {factor(Schedule(name="constant"), s, 7) for s in range(7)} == {1.0}
    assert factor(Schedule(name="poly", warm_up=0.01), 0, 10) == 1
