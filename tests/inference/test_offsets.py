"""Objects from the four maps of an offset network. The first test: two discs that touch come apart."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.inference.offsets import UNIT, Decoding, decoded, labelled


def id_map(text: str) -> np.ndarray:
    """One digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def perfect(ids: np.ndarray) -> np.ndarray:
    """What a network would say that knows the truth."""
    maps = np.zeros((4, *ids.shape), np.float32)
    maps[0], maps[3] = -10, -10
    y, x = np.indices(ids.shape)
    for number in np.unique(ids[ids > 0]):
        own = ids == number
        down, across = y[own].mean() - y, x[own].mean() - x
        maps[0][own], maps[1][own], maps[2][own] = 10, down[own] / UNIT, across[own] / UNIT
        near = np.clip(np.exp(-2 * (down**2 + across**2)[own] * np.pi / own.sum()), 1e-4, 1 - 1e-4)
        maps[3][own] = np.log(near / (1 - near))
    return maps


def discs(shape: tuple[int, int], *circles: tuple[float, float, float]) -> np.ndarray:
    """Ids of discs (row, column, radius); a pixel of two belongs to the nearer centre."""
    y, x = np.indices(shape)
    distance = np.stack([np.hypot(y - row, x - column) / radius for row, column, radius in circles])
    return np.where(distance.min(axis=0) <= 1, distance.argmin(axis=0) + 1, 0)


def same(found: np.ndarray, ids: np.ndarray) -> bool:
    """Whether the objects are the same whatever their numbers."""
    pairs = {(int(a), int(b)) for a, b in zip(found.ravel(), ids.ravel(), strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and (0, 0) in pairs


def test_two_touching_discs_come_apart():
    ids = discs((40, 60), (20, 20, 10.5), (20, 40, 10.5))
    assert (ids[20, 29:32] > 0).all()  # they touch
    found = decoded(perfect(ids), category=1)
    assert len(found) == 2
    assert {found.instances[n].area for n in range(2)} == {int((ids == 1).sum()), int((ids == 2).sum())}
    assert same(labelled(perfect(ids), Decoding())[0], ids)


def test_a_small_one_beside_a_large_one_and_one_at_each_border():
    ids = discs((80, 80), (40, 40, 20), (40, 63, 3.5), (0, 40, 6), (79, 10, 5), (30, 0, 4), (60, 79, 4))
    assert len(np.unique(ids)) == 7
    assert same(labelled(perfect(ids), Decoding())[0], ids)


def test_offsets_that_are_wrong_by_pixels_still_meet():
    ids = discs((40, 60), (20, 20, 10), (20, 39, 10))
    maps = perfect(ids)
    maps[1:3] += np.random.default_rng(0).normal(0, 1.2, maps[1:3].shape) / UNIT
    found, _ = labelled(maps, Decoding())
    assert len(np.unique(found)) == 3
    agree = max((found == a).astype(int)[ids == 1].mean() for a in (1, 2))
    assert agree > 0.95


def test_a_walk_of_several_steps_corrects_the_first():
    ids = discs((60, 60), (30, 30, 25))
    maps = perfect(ids)
    maps[1:3] *= 0.6  # every pixel stops short of the centre by 40 %
    once = labelled(maps, Decoding(steps=1, merge=0.0, least=1))[0]
    often = labelled(maps, Decoding(steps=8, merge=0.2))[0]
    assert len(np.unique(often)) == 2
    assert same(often, ids)
    assert len(np.unique(once)) > 2


def test_nothing_one_pixel_and_one_by_one():
    nothing = np.full((4, 9, 9), -5, np.float32)
    assert len(decoded(nothing)) == 0
    one = perfect(id_map("000 010 000"))
    assert len(decoded(one)) == 0  # smaller than `least`
    found = decoded(one, Decoding(least=1))
    assert len(found) == 1
    assert found.instances[0].box == (1, 1, 2, 2)
    assert len(decoded(np.full((4, 1, 1), 5, np.float32), Decoding(least=1))) == 1
    assert len(decoded(np.full((4, 1, 1), -5, np.float32))) == 0


def test_holes_are_filled_and_results_do_not_overlap():
    ids = discs((30, 30), (15, 15, 9))
    maps = perfect(ids)
    maps[0, 13:16, 12:15] = -10  # a hole
    maps[0, 2, 2] = 10  # a speck
    found, _ = labelled(maps, Decoding())
    assert same(found, ids)


def test_a_piece_that_votes_for_another_object_is_an_object_of_its_own():
    maps = perfect(id_map("\n".join(["11110000001111"] * 4)))
    found = decoded(maps, Decoding(least=4))
    assert sorted(i.area for i in found.instances) == [16, 16]


def test_scores_fall_and_doubt_costs():
    ids = discs((40, 80), (20, 20, 10), (20, 60, 10))
    maps = perfect(ids)
    maps[0] = np.where(ids == 2, 1.0, maps[0])  # 73 % sure of the second
    found = decoded(maps, category=1)
    first, second = (i.score for i in found.instances)
    assert first > 0.95 > 0.8 > second > 0.5
    assert found.instances[0].box[0] < 20


def test_huge_offsets_stay_in_the_image():
    maps = np.full((4, 20, 20), 5, np.float32)
    maps[1:3] = 1e6
    assert len(decoded(maps)) == 1


def test_wrong_maps_and_options():
    with pytest.raises(InputError, match=r"expected \(4, H, W\)"):
        decoded(np.zeros((3, 4, 4), np.float32))
    with pytest.raises(InputError, match="NaN"):
        decoded(np.full((4, 4, 4), np.nan, np.float32))
    with pytest.raises(OptionError, match="level"):
        Decoding(level=2.0)
    with pytest.raises(OptionError, match="steps"):
        Decoding(steps=1.5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="expected level"):
        Decoding.of({"levels": 0.5})
    assert Decoding.of({"level": 0.4}).level == 0.4


@pytest.mark.real_data
def test_truth_decoded_is_the_truth(data):
    """The targets the network learns, taken for its output, give the nuclei back."""
    torch = pytest.importorskip("torch")
    from kontur import datasets
    from kontur.losses.offsets import offset_targets
    from kontur.metrics import instance_scores

    truths, found = [], []
    nuclei = datasets.open("dsb2018", data / "dsb2018", "train")
    for place in range(0, len(nuclei), 23):
        _, truth, _ = nuclei[place]
        ids = np.zeros(truth.shape, np.int64)
        for number in range(len(truth)):
            ids[truth.mask(number)] = number + 1
        targets, _ = offset_targets(torch.from_numpy(ids)[None])
        maps = targets[0].numpy().copy()
        near = np.clip(maps[3], 1e-4, 1 - 1e-4)
        maps[0], maps[3] = 20 * maps[0] - 10, np.log(near / (1 - near))
        truths.append(truth)
        found.append(decoded(maps, category=1, taxonomy=truth.taxonomy))
    scores = instance_scores(found, truths, max_detections=1000)
    assert scores.AP50 > 0.99
    assert scores.AP > 0.97
