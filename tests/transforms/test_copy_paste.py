"""Copy and paste, quarter turns, inversion and flattening: by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.transforms import Compose, CopyPaste, RandomFlattening, RandomInversion, RandomQuarterTurn  # noqa: E402


def scene(value: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.full((*ids.shape, 3), value, np.uint8), ids.astype(np.uint16)


def test_all_objects_of_a_donor_of_one_size():
    own = np.zeros((6, 6), int)
    own[0:2, 0:3] = 4
    theirs = np.zeros((6, 6), int)
    theirs[2:4, 2:4] = 9  # stays in place whatever the flips
    image, ids = Compose([CopyPaste([scene(200, theirs)], 1.0, 1.0)])(*scene(10, own), 0)
    assert (ids[0:2, 0:3] == 4).all()
    assert (ids[2:4, 2:4] == 5).all()
    assert int((ids > 0).sum()) == 10
    assert (image[:, 2:4, 2:4] == 200).all()
    assert int((image == 200).sum()) == 12


def test_what_is_covered_almost_whole_is_no_object_any_more():
    own = np.zeros((6, 6), int)
    own[2:4, 2:4], own[0, 0] = 1, 2
    theirs = np.full((6, 6), 3)
    theirs[0, :], theirs[5, :], theirs[:, 0], theirs[:, 5] = 0, 0, 0, 0
    _, ids = Compose([CopyPaste([scene(200, theirs)], 1.0, 1.0)])(*scene(10, own), 0)
    assert sorted(torch.unique(ids).tolist()) == [0, 2, 3]  # the new one is 2 + 1


def test_a_remnant_below_the_share_goes_and_one_above_stays():
    own = np.zeros((4, 10), int)
    own[:, :] = 1
    theirs = np.ones((4, 10), int)
    theirs[1, 4] = 0
    for visible, left in ((0.1, [0, 2]), (0.01, [1, 2])):
        _, ids = Compose([CopyPaste([scene(9, theirs)], 1.0, 1.0, visible)])(*scene(1, own), 2)
        assert sorted(torch.unique(ids).tolist()) == left


@pytest.mark.parametrize("seed", range(6))
def test_larger_and_smaller_donors_fit(seed):
    random = np.random.default_rng(seed)
    donors = [scene(200, random.integers(0, 4, size)) for size in ((3, 3), (20, 5), (5, 20), (30, 30))]
    own = np.zeros((10, 12), int)
    own[3:6, 3:6] = 7
    own[9] = 65535
    image, ids = Compose([CopyPaste(donors, 1.0, 0.7)])(*scene(10, own), seed)
    assert image.shape == (3, 10, 12)
    assert (ids[9] == 65535).all()
    assert ((image[0, :9] == 200) == (ids[:9] > 7)).all()  # new pixels where there are new objects, nowhere else


def test_never_and_without_donors_nothing_changes():
    own = np.eye(5, dtype=int)
    for change in (CopyPaste([], 1.0), CopyPaste([scene(9, own)], 0.0), CopyPaste([scene(9, own * 0)], 1.0)):
        image, ids = Compose([change])(*scene(10, own), 0)
        assert (ids.numpy() == own).all()
        assert (image == 10).all()
    grey = (np.full((5, 5), 9, np.uint8), own)
    _, ids = Compose([CopyPaste([grey], 1.0, 1.0)])(*scene(10, own), 0)  # of other bands
    assert (ids.numpy() == own).all()


def test_wrong_options_and_targets():
    with pytest.raises(OptionError, match="share"):
        CopyPaste([], share=2)
    with pytest.raises(InputError, match="map of ids"):
        Compose([CopyPaste([scene(1, np.ones((4, 4)))])])(np.zeros((4, 4, 3), np.uint8), None, 0)


def test_quarter_turns_move_image_and_ids_alike():
    ids = np.arange(16).reshape(4, 4)
    image = np.repeat(ids[..., None], 3, axis=2).astype(np.uint8)
    seen = set()
    for seed in range(20):
        turned, labels = Compose([RandomQuarterTurn()])(image, ids, seed)
        assert (turned[0] == labels).all()
        seen.add(tuple(labels.flatten().tolist()))
    assert seen == {tuple(np.rot90(ids, k).ravel().tolist()) for k in range(4)}
    for seed in range(8):
        turned, labels = Compose([RandomQuarterTurn()])(image[:2], ids[:2], seed)
        assert turned.shape == (3, 2, 4)
        assert (turned[0] == labels).all()


def test_inversion():
    image = np.array([[0, 55, 255]], np.uint8)
    inverted, _ = Compose([RandomInversion(1.0)])(image, None, 0)
    assert inverted[0].tolist() == [[255, 200, 0]]
    inverted, _ = Compose([RandomInversion(1.0)])(np.array([[0.25]], np.float32), None, 0)
    assert float(inverted) == 0.75
    same, _ = Compose([RandomInversion(0.0)])(image, None, 0)
    assert same[0].tolist() == image.tolist()


def test_flattening():
    image = np.array([[10, 20, 60, 80], [30, 90, 100, 7]], np.uint8)
    ids = np.array([[0, 0, 1, 1], [0, 2, 2, 65535]], np.int64)
    seen = {str(Compose([RandomFlattening(1.0)])(image, ids, seed)[0][0].tolist()) for seed in range(20)}
    apart = [[20, 20, 70, 70], [20, 95, 95, 7]]
    together = [[20, 20, 82, 82], [20, 82, 82, 7]]  # (60 + 80 + 90 + 100) / 4 = 82.5, rounded to even
    assert seen == {str(apart), str(together)}
    same, _ = Compose([RandomFlattening(0.0)])(image, ids, 0)
    assert same[0].tolist() == image.tolist()
    with pytest.raises(InputError, match="one map of ids"):
        Compose([RandomFlattening(1.0)])(image, np.zeros((2, 2, 4), bool), 0)
