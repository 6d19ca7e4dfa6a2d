"""The offset loss and its targets. The first test: a target worked by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from kontur.core.errors import InputError  # noqa: E402
from kontur.losses import offset_loss  # noqa: E402
from kontur.losses.offsets import UNIT, offset_targets  # noqa: E402


def test_targets_by_hand():
    ids = torch.tensor([[[0, 1, 1, 1], [0, 0, 0, 2]], [[0, 0, 0, 0], [5, 5, 0, 0]]])
    maps, nearness = offset_targets(ids)
    assert maps[:, 0].tolist() == (ids > 0).float().tolist()
    assert (maps[0, 1] == 0).all()  # a row of three and a pixel: nothing lies up or down
    assert (maps[0, 2] * UNIT).tolist() == [[0, 1, 0, -1], [0, 0, 0, 0]]
    assert (maps[1, 2] * UNIT)[1].tolist() == [0.5, -0.5, 0, 0]
    radius = math.sqrt(3 / math.pi)
    assert nearness[0, 0].tolist() == pytest.approx([0, 1 / radius, 1 / radius, 1 / radius])
    assert maps[0, 3, 0].tolist() == pytest.approx([0, math.exp(-2 / radius**2), 1, math.exp(-2 / radius**2)])


def test_a_centre_outside_its_object_moves_to_the_nearest_pixel():
    ring = torch.ones(1, 5, 5, dtype=torch.long)
    ring[0, 1:4, 1:4] = 0
    ring[0, 2, 1] = 1  # the ring's nearest pixel to its middle
    maps, _ = offset_targets(ring)
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing="ij")
    inside = ring[0] > 0
    assert ((y + UNIT * maps[0, 1])[inside] == 2).all()
    assert ((x + UNIT * maps[0, 2])[inside] == 1).all()


def test_every_pixel_of_random_objects_points_into_its_own():
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 5, (3, 8, 9), generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2)
    maps, _ = offset_targets(ids)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(36.0), indexing="ij")
    for image, found in zip(ids, maps, strict=True):
        rows, columns = (y + UNIT * found[1]).round().long(), (x + UNIT * found[2]).round().long()
        inside = image > 0
        assert (image[rows, columns] == image)[inside].float().mean() > 0.9  # but where rounding crosses a border


def test_the_truth_costs_next_to_nothing_and_less_than_other_answers():
    ids = torch.zeros(2, 16, 16, dtype=torch.long)
    ids[0, 2:8, 3:9], ids[1, 5:14, 4:12] = 1, 7
    maps, _ = offset_targets(ids)
    logits = maps.clone()
    logits[:, 0] = 40 * maps[:, 0] - 20
    logits[:, 3] = torch.logit(maps[:, 3].clamp(1e-6, 1 - 1e-6))
    best = offset_loss(logits, ids, centre=0)
    assert float(best) < 1e-4
    shifted = logits.clone()
    shifted[:, 1] += 1 / UNIT  # a pixel too far down
    radii = [math.sqrt(36 / math.pi), math.sqrt(72 / math.pi)]
    weights = [36 / radii[0], 72 / radii[1]]
    expected = sum(w / r for w, r in zip(weights, radii, strict=True)) / sum(weights)
    assert float(offset_loss(shifted, ids, centre=0) - best) == pytest.approx(expected, rel=1e-4)


def test_ignored_pixels_change_nothing_and_get_no_gradient():
    ids = torch.zeros(1, 8, 8, dtype=torch.long)
    ids[0, 2:5, 2:5] = 1
    ids[0, 6:] = 65535
    logits = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss = offset_loss(logits, ids)
    loss.backward()
    assert (logits.grad[:, :, 6:] == 0).all()
    assert (logits.grad[:, 0, :6] != 0).all()
    changed = logits.detach().clone()
    changed[:, :, 6:] = 9
    assert float(offset_loss(changed, ids)) == pytest.approx(float(loss), rel=1e-6)
    nothing = offset_loss(logits, torch.full_like(ids, 65535))
    assert float(nothing) == 0


def test_no_objects():
    logits = torch.zeros(1, 4, 6, 6, requires_grad=True)
    loss = offset_loss(logits, torch.zeros(1, 6, 6, dtype=torch.long))
    loss.backward()
    assert torch.isfinite(loss)
    assert (logits.grad[:, 1:3] == 0).all()
    assert torch.isfinite(logits.grad).all()


def test_wrong_shapes_and_values():
    ids = torch.zeros(1, 6, 6, dtype=torch.long)
    with pytest.raises(InputError, match=r"expected \(B, 4, H, W\)"):
        offset_loss(torch.zeros(1, 3, 6, 6), ids)
    with pytest.raises(InputError, match="to match the logits"):
        offset_loss(torch.zeros(1, 4, 6, 5), ids)
    with pytest.raises(InputError, match="expected ids of objects"):
        offset_loss(torch.zeros(1, 4, 6, 6), ids.float())
    with pytest.raises(InputError, match="got -3"):
        offset_loss(torch.zeros(1, 4, 6, 6), ids - 3)
