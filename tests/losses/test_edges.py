"""The edge loss by hand, its gradient, and what it must not count."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core.errors import InputError  # noqa: E402
from kontur.losses import edge_loss  # noqa: E402

THREE = math.log(3.0)  # the logit of 3/4


def batch(*rows):
    """logits (B, 1, 1, W) and targets (B, 1, W) from rows of (logit, percent)."""
    logits = torch.tensor([[[[logit for logit, _ in row]]] for row in rows])
    return logits.requires_grad_(), torch.tensor([[[percent for _, percent in row]] for row in rows])


def test_by_hand():
    """One boundary pixel at p = 3/4, two others at 1/4 and 1/2, one in doubt, one outside: P = 1, N = 2."""
    logits, target = batch([(THREE, 60), (-THREE, 0), (0.0, 0), (9.0, 20), (-9.0, 255)])
    boundary = 2 / 3 * -math.log(3 / 4)
    others = 1.1 * 1 / 3 * (-math.log(3 / 4) - math.log(1 / 2))
    assert edge_loss(logits, target).item() == pytest.approx((boundary + others) / 3, rel=1e-5)


def test_the_share_of_annotators_is_exceeded_not_reached():
    values = [(THREE, 30), (-THREE, 0)]
    assert edge_loss(*batch(values), consensus=0.3).item() == 0  # in doubt; one kind alone weighs nothing
    assert edge_loss(*batch(values), consensus=0.29).item() == pytest.approx(
        (0.5 * -math.log(3 / 4) + 0.55 * -math.log(3 / 4)) / 2, rel=1e-5
    )
    assert edge_loss(*batch([(THREE, 1), (-THREE, 0)]), consensus=0.0).item() > 0


def test_balance_is_within_each_image_and_images_count_alike():
    first = [(0.5, 100), (0.1, 0), (0.2, 0), (0.3, 0)]
    second = [(0.5, 100), (0.1, 100), (0.2, 100), (0.3, 0)]
    empty = [(0.5, 255), (0.1, 20), (0.2, 255), (0.3, 255)]
    alone = [edge_loss(*batch(image)).item() for image in (first, second)]
    assert edge_loss(*batch(first, second, empty)).item() == pytest.approx(sum(alone) / 2, rel=1e-6)
    twice = [pixel for pixel in first for _ in range(2)]
    assert edge_loss(*batch(twice)).item() == pytest.approx(alone[0], rel=1e-6)


def test_both_kinds_pull_alike_at_the_start():
    """At p = 1/2 and balance 1 the gradients of boundary and other pixels cancel, however few are boundary."""
    logits, target = batch([(0.0, 100), *[(0.0, 0)] * 9])
    edge_loss(logits, target, balance=1.0).backward()
    gradient = logits.grad.flatten()
    assert gradient[0].item() == pytest.approx(-gradient[1:].sum().item(), rel=1e-6)
    assert gradient[0].item() == pytest.approx(-0.5 * 9 / 100, rel=1e-6)


def test_gradient_against_finite_differences():
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 0, 20, 40, 100, 255])[torch.randint(0, 6, (2, 4, 5))]
    assert torch.autograd.gradcheck(lambda x: edge_loss(x, target), logits)


@pytest.mark.parametrize("value", [255, 10])
def test_nothing_counted_is_0_with_gradient_0(value):
    logits = torch.full((2, 1, 3, 3), float("inf"), requires_grad=True)
    loss = edge_loss(logits, torch.full((2, 3, 3), value))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_certain_logits_stay_finite():
    logits, target = batch([(1000.0, 0), (-1000.0, 100), (1000.0, 100), (-1000.0, 0)])
    loss = edge_loss(logits.half(), target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx((2 * 1000 + 1.1 * 2 * 1000) / 16)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    ("shape", "target", "words"),
    [
        ((1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), r"\(B, 1, H, W\)"),
        ((1, 1, 2, 2), torch.zeros(1, 2, 3, dtype=torch.long), r"\(1, 2, 2\)"),
        ((1, 1, 2, 2), torch.zeros(1, 2, 2), "percents"),
        ((1, 1, 2, 2), torch.full((1, 2, 2), 101), "101 at 4 pixels"),
    ],
)
def test_what_does_not_fit(shape, target, words):
    with pytest.raises(InputError, match=words):
        edge_loss(torch.zeros(shape), target)
    with pytest.raises(InputError, match="consensus"):
        edge_loss(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long), consensus=1.0)
