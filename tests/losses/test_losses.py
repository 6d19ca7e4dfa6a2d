"""Losses by hand, by finite differences, and by what every loss must do."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur import losses  # noqa: E402
from kontur.core.errors import InputError  # noqa: E402
from kontur.losses.boundary import signed_distances  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

ALL = {
    "cross_entropy": losses.cross_entropy,
    "weighted": lambda x, t, ignore=255: losses.cross_entropy(
        x, t, ignore=ignore, weights=torch.tensor([1.0, 2.0, 3.0])
    ),
    "ohem": losses.ohem_cross_entropy,
    "bootstrapped": losses.bootstrapped_cross_entropy,
    "focal": losses.focal_loss,
    "dice": losses.dice_loss,
    "generalised_dice": losses.generalised_dice_loss,
    "jaccard": losses.jaccard_loss,
    "tversky": losses.tversky_loss,
    "focal_tversky": losses.focal_tversky_loss,
    "lovasz": losses.lovasz_softmax,
    "boundary": losses.boundary_loss,
    "combined": losses.combined([(1.0, losses.cross_entropy), (0.5, losses.dice_loss)]),
}


def two_pixels():
    """Softmax (0.75, 0.25) at the first pixel, (0.5, 0.5) at the second; truth 0 and 1."""
    logits = torch.tensor([[[[math.log(3.0), 0.0]], [[0.0, 0.0]]]])  # (1, 2, 1, 2)
    return logits, torch.tensor([[[0, 1]]])


def test_cross_entropy_by_hand():
    logits, target = two_pixels()
    assert losses.cross_entropy(logits, target).item() == pytest.approx((-math.log(0.75) - math.log(0.5)) / 2)
    weighted = losses.cross_entropy(logits, target, weights=torch.tensor([1.0, 3.0]))
    assert weighted.item() == pytest.approx((-math.log(0.75) - 3 * math.log(0.5)) / 4)
    first_only = losses.cross_entropy(logits, torch.tensor([[[0, 255]]]))
    assert first_only.item() == pytest.approx(-math.log(0.75))


def test_hard_pixel_losses_by_hand():
    logits, target = two_pixels()
    assert losses.ohem_cross_entropy(logits, target, threshold=0.7).item() == pytest.approx(-math.log(0.5))
    assert losses.ohem_cross_entropy(logits, target, threshold=0.1, least=1.0).item() == pytest.approx(
        (-math.log(0.75) - math.log(0.5)) / 2
    )
    assert losses.bootstrapped_cross_entropy(logits, target, share=0.5).item() == pytest.approx(-math.log(0.5))
    focal = (-(0.25**2) * math.log(0.75) - 0.5**2 * math.log(0.5)) / 2
    assert losses.focal_loss(logits, target, gamma=2.0).item() == pytest.approx(focal, rel=1e-5)
    assert losses.focal_loss(logits, target, gamma=0.0).item() == pytest.approx(
        losses.cross_entropy(logits, target).item()
    )


def test_overlap_losses_by_hand():
    """Σpg = 0.75 and 0.5, Σp = 1.25 and 0.75, Σg = 1 and 1."""
    logits, target = two_pixels()
    dice = 1 - ((2 * 0.75 + 1) / (1.25 + 1 + 1) + (2 * 0.5 + 1) / (0.75 + 1 + 1)) / 2
    assert losses.dice_loss(logits, target).item() == pytest.approx(dice)
    iou = 1 - (0.75 / (1.25 + 1 - 0.75) + 0.5 / (0.75 + 1 - 0.5)) / 2
    assert losses.jaccard_loss(logits, target, smooth=0.0).item() == pytest.approx(iou)
    tversky = 1 - (0.75 / (0.75 + 0.3 * 0.5 + 0.7 * 0.25) + 0.5 / (0.5 + 0.3 * 0.25 + 0.7 * 0.5)) / 2
    assert losses.tversky_loss(logits, target, smooth=0.0).item() == pytest.approx(tversky)
    half = losses.tversky_loss(logits, target, alpha=0.5, beta=0.5, smooth=0.0).item()
    assert half == pytest.approx(losses.dice_loss(logits, target, smooth=0.0).item())
    generalised = 1 - 2 * (0.75 + 0.5) / (2.25 + 1.75)
    assert losses.generalised_dice_loss(logits, target).item() == pytest.approx(generalised)


def test_lovasz_of_certain_predictions_is_the_jaccard_loss():
    """Errors of 0 and 1: truth 0 0 1 1, predicted 0 1 1 1 -> IoU 1/2 and 2/3."""
    predicted, truth = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    logits = torch.nn.functional.one_hot(predicted, 2).float().T.reshape(1, 2, 1, 4) * 200
    expected = ((1 - 1 / 2) + (1 - 2 / 3)) / 2
    assert losses.lovasz_softmax(logits, truth.reshape(1, 1, 4)).item() == pytest.approx(expected)


def test_boundary_loss_sees_no_border_at_an_ignored_rim():
    """A row of eight, class 1 in the middle of ignored pixels or of class 0: only the step from 1 to 0 is a border."""
    row = torch.tensor([[[255, 1, 1, 1, 0, 0, 255, 255]]])
    found = signed_distances(row, 2, 255)[0, 1, 0] * math.hypot(1, 8)
    assert found[1:6].tolist() == pytest.approx([-2, -1, 0, 1, 2])
    alone = torch.tensor([[[255, 1, 1, 255]]])  # fills what counts
    assert not signed_distances(alone, 2, 255).any()
    logits = torch.randn(1, 2, 1, 4)
    assert losses.boundary_loss(logits, alone).item() == 0


@pytest.mark.parametrize("loss", ["cross_entropy", "ohem_cross_entropy", "focal_loss"])
@pytest.mark.parametrize("weights", [[1.0, 2.0], [1.0, -1.0, 1.0], [1.0, float("nan"), 1.0], [[1.0, 1.0, 1.0]]])
def test_every_loss_with_weights_checks_them_alike(loss, weights):
    logits, target = torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long)
    with pytest.raises(InputError, match="weights: expected 3 finite numbers of at least 0"):
        getattr(losses, loss)(logits, target, weights=torch.tensor(weights))
    counted = getattr(losses, loss)(logits, target, weights=torch.tensor([2.0, 2.0, 2.0], dtype=torch.float64))
    assert counted.dtype == torch.float32


def test_the_readme_counts_the_losses():
    """13 losses are public; what weighs classes or adds losses up is none."""
    public = [n for n in losses.__all__ if n.endswith(("_loss", "entropy", "softmax"))]
    assert len(public) == 13
    for page in ("README.md", "CHANGELOG.md"):
        assert "thirteen losses" in (ROOT / page).read_text(encoding="utf-8")


def test_boundary_loss_by_hand():
    """One row 0 0 1 1: φ of class 1 is (2, 1, 0, -1) / diagonal, of class 0 (-1, 0, 1, 2) / diagonal."""
    target = torch.tensor([[[0, 0, 1, 1]]])
    diagonal = math.hypot(1, 4)
    logits = torch.zeros(1, 2, 1, 4)
    assert losses.boundary_loss(logits, target).item() == pytest.approx((0.5 * 2 + 0.5 * 2) / diagonal / 8)
    certain = torch.nn.functional.one_hot(target[0, 0], 2).float().T.reshape(1, 2, 1, 4) * 100
    assert losses.boundary_loss(certain, target).item() == pytest.approx((-1 - 1) / diagonal / 8)


def test_class_weights_by_hand():
    counts = torch.tensor([100, 300, 600, 0])
    assert losses.median_frequency(counts).tolist() == pytest.approx([3.0, 1.0, 0.5, 0.0])
    # frequencies within the images that hold the class: 0.5, 0.3, 0.6 -> median 0.5
    images = torch.tensor([200, 1000, 1000, 0])
    assert losses.median_frequency(counts, images).tolist() == pytest.approx([1.0, 0.5 / 0.3, 0.5 / 0.6, 0.0])
    assert losses.inverse_log(torch.tensor([0, 10])).tolist() == pytest.approx([1 / math.log(1.02), 1 / math.log(2.02)])
    raw = [(1 - 0.9) / (1 - 0.9**n) for n in (1, 2)]
    assert losses.effective_number(torch.tensor([1, 2]), beta=0.9).tolist() == pytest.approx(
        [w * 2 / sum(raw) for w in raw]
    )


@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky", "focal_tversky", "generalised_dice", "lovasz", "focal"])
def test_gradients_by_finite_differences(name):
    torch.manual_seed(0)
    target = torch.randint(0, 3, (1, 4, 5))
    target[0, 0, 0] = 255
    start = torch.randn(1, 3, 4, 5, dtype=torch.float64)
    logits = start.clone().requires_grad_(True)
    loss = ALL[name]
    (gradient,) = torch.autograd.grad(loss(logits, target), logits)
    for _ in range(5):
        direction = torch.randn_like(start)
        step = 1e-6  # small, so that the order of the errors (Lovász) does not change
        numeric = (loss(start + step * direction, target) - loss(start - step * direction, target)) / (2 * step)
        assert numeric.item() == pytest.approx((gradient * direction).sum().item(), abs=1e-7)


@pytest.mark.parametrize("name", list(ALL))
class TestEveryLoss:
    def test_all_ignored_gives_zero_with_zero_gradient(self, name):
        logits = torch.randn(2, 3, 4, 4, requires_grad=True)
        loss = ALL[name](logits, torch.full((2, 4, 4), 255))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(logits.grad, torch.zeros_like(logits))

    def test_ignored_pixels_change_nothing(self, name):
        torch.manual_seed(1)
        logits, target = torch.randn(1, 3, 6, 6), torch.randint(0, 3, (1, 6, 6))
        target[0, :2] = 255
        other = logits.clone()
        other[:, :, :2] = torch.randn(1, 3, 2, 6) * 50
        assert ALL[name](logits, target).item() == pytest.approx(ALL[name](other, target).item(), abs=1e-6)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_finite_in_half_precision_at_large_logits(self, name, dtype):
        target = torch.randint(0, 3, (1, 8, 8), generator=torch.Generator().manual_seed(0))
        for sign in (1, -1):
            logits = (torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2) * 200.0 - 100) * sign
            logits = logits.to(dtype).requires_grad_(True)
            loss = ALL[name](logits, target)
            loss.backward()
            assert torch.isfinite(loss)
            assert torch.isfinite(logits.grad).all()

    def test_the_right_answer_is_better_than_the_wrong_one(self, name):
        target = torch.randint(0, 3, (1, 8, 8), generator=torch.Generator().manual_seed(0))
        right = torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float() * 8
        wrong = torch.nn.functional.one_hot((target + 1) % 3, 3).permute(0, 3, 1, 2).float() * 8
        assert ALL[name](right, target) < ALL[name](torch.zeros_like(right), target) < ALL[name](wrong, target)

    def test_bad_input_is_named_before_any_kernel_fails(self, name):
        loss, logits = ALL[name], torch.randn(1, 3, 4, 4)
        good = torch.zeros(1, 4, 4, dtype=torch.long)
        with pytest.raises(InputError, match=r"expected \(B, H, W\) = \(1, 4, 4\).*got \(1, 4, 5\)"):
            loss(logits, torch.zeros(1, 4, 5, dtype=torch.long))
        with pytest.raises(InputError, match=r"expected integer class ids, got torch\.float32"):
            loss(logits, good.float())
        bad = good.clone()
        bad[0, 0, :2] = 7
        with pytest.raises(InputError, match=r"expected ids 0\.\.2 or 255 \(ignore\), got 7 at 2 pixels"):
            loss(logits, bad)
        with pytest.raises(InputError, match="K >= 2"):
            loss(torch.randn(1, 1, 4, 4), good)


def test_uint8_targets_are_class_ids_too():
    logits, target = two_pixels()
    assert losses.cross_entropy(logits, target.to(torch.uint8)).item() == losses.cross_entropy(logits, target).item()
