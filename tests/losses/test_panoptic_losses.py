"""The losses of Panoptic-DeepLab and Panoptic FPN, by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core.errors import InputError  # noqa: E402
from kontur.losses.panoptic_deeplab import (  # noqa: E402
    centre_loss,
    hardest_cross_entropy,
    offset_l1_loss,
    panoptic_deeplab_loss,
)
from kontur.losses.panoptic_fpn import panoptic_fpn_loss  # noqa: E402


def test_hardest_by_hand():
    """Two classes, four pixels at p = 1/2 each; the weights 3, 1, 1, 1 make the first the hardest quarter."""
    logits, target = torch.zeros(1, 2, 1, 4), torch.zeros(1, 1, 4, dtype=torch.long)
    weights = torch.tensor([[[3.0, 1, 1, 1]]])
    assert hardest_cross_entropy(logits, target, weights, share=0.25).item() == pytest.approx(3 * math.log(2))
    assert hardest_cross_entropy(logits, target, weights, share=1.0).item() == pytest.approx(1.5 * math.log(2))
    target[0, 0, 0] = 255
    assert hardest_cross_entropy(logits, target, weights, share=1.0).item() == pytest.approx(math.log(2))


def test_centres_and_offsets_by_hand():
    heatmap = torch.tensor([[[[0.5, 0.0, 9.0]]]])
    counted = torch.tensor([[[True, True, False]]])
    assert centre_loss(heatmap, torch.tensor([[[1.0, 0.0, 0.0]]]), counted).item() == pytest.approx(0.125)
    nan = float("nan")
    target = torch.tensor([[[[2.0, nan]], [[-1.0, nan]]]])
    assert offset_l1_loss(torch.zeros(1, 2, 1, 2), target).item() == pytest.approx(1.5)


def test_the_sum_by_hand_and_where_nothing_counts():
    maps = torch.tensor([0.0, 0, 0.1, 3, 3]).reshape(1, 5, 1, 1).repeat(1, 1, 1, 2).requires_grad_()
    semantic, weights = torch.zeros(1, 1, 2, dtype=torch.long), torch.ones(1, 1, 2)
    centres, offsets, counted = torch.zeros(1, 1, 2), torch.zeros(1, 2, 1, 2), torch.ones(1, 1, 2, dtype=torch.bool)
    value = panoptic_deeplab_loss(maps, semantic, weights, centres, offsets, counted)
    assert value.item() == pytest.approx(math.log(2) + 200 * 0.01 + 0.01 * 3)
    nothing = panoptic_deeplab_loss(maps, semantic + 255, weights, centres, offsets * math.nan, ~counted)
    nothing.backward()
    assert nothing.item() == 0
    assert float(maps.grad.abs().max()) == 0


def test_panoptic_fpn_by_hand():
    losses = {"classes": torch.tensor(1.0), "boxes": torch.tensor(2.0)}
    logits = [torch.zeros(2, 1, 3), torch.zeros(2, 2, 2)]
    stuff = [torch.tensor([[0, 1, 255]]), torch.full((2, 2), 255)]
    value = panoptic_fpn_loss(losses, logits, stuff, instance=2.0, semantic=0.5)
    assert value.item() == pytest.approx(2 * 3 + 0.5 * (math.log(2) + 0) / 2)


def test_what_does_not_fit_is_named():
    ones = torch.ones(1, 1, 2)
    with pytest.raises(InputError, match="weights: expected"):
        hardest_cross_entropy(torch.zeros(1, 2, 1, 2), torch.zeros(1, 1, 2, dtype=torch.long), torch.ones(1, 1, 3))
    with pytest.raises(InputError, match="centres: expected"):
        centre_loss(torch.zeros(1, 2, 1, 2), ones, ones.bool())
    with pytest.raises(InputError, match="offsets: expected"):
        offset_l1_loss(torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 3))
    with pytest.raises(InputError, match="at least one image"):
        panoptic_fpn_loss({}, [], [])
