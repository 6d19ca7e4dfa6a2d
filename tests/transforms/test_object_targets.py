"""Targets of networks of objects: by hand, and the way there and back through the post-processing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core.errors import InputError  # noqa: E402
from kontur.core.instances import Instances  # noqa: E402
from kontur.core.segmentation import Segmentation  # noqa: E402
from kontur.core.taxonomy import Category, Taxonomy  # noqa: E402
from kontur.inference.panoptic_deeplab import panoptic_deeplab  # noqa: E402
from kontur.metrics import panoptic_scores  # noqa: E402
from kontur.transforms.object_targets import detection_targets, panoptic_targets, with_masks  # noqa: E402

SKY, CAR, DOG = 40, 7, 9
TAXONOMY = Taxonomy(
    (Category(SKY, "sky", (0, 0, 255)), Category(CAR, "car", (9, 9, 9), True), Category(DOG, "dog", (1, 2, 3), True))
)


def truth(text: str, categories: dict[int, int]) -> Segmentation:
    ids = np.array([[int(c) for c in row] for row in text.split()])
    return Segmentation.from_ids(ids, categories=categories, taxonomy=TAXONOMY)


def test_panoptic_by_hand():
    maps = panoptic_targets(truth("1122 1122 1103", {1: SKY, 2: CAR, 3: DOG}), TAXONOMY, sigma=1.0)
    assert maps.semantic.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 255, 2]]
    assert maps.weights.tolist() == [[1, 1, 3, 3], [1, 1, 3, 3], [1, 1, 1, 3]]
    assert (maps.centres == 1).sum() == 2
    assert maps.centres[0, 2] == 1  # the mean of rows 0, 1 and columns 2, 3, rounded to even
    assert maps.centres[2, 3] == 1  # a one-pixel object
    assert maps.centres[1, 1] == pytest.approx(np.exp(-1))  # a row and a column from (0, 2), farther from (2, 3)
    assert maps.offsets[:, 1, 3].tolist() == [-1, -1]
    assert maps.offsets[:, 2, 3].tolist() == [0, 0]
    assert np.isnan(maps.offsets[:, 0, 0]).all()
    assert np.isnan(maps.offsets[:, 2, 2]).all()
    assert not maps.counted[2, 2]
    assert maps.counted.sum() == 11


def test_a_crowd_has_a_class_but_no_centre():
    maps = panoptic_targets(truth("22 11", {1: SKY, 2: CAR}), TAXONOMY, crowds={2})
    assert maps.semantic[0].tolist() == [1, 1]
    assert maps.centres.max() == 0
    assert maps.counted.tolist() == [[False, False], [True, True]]
    assert np.isnan(maps.offsets).all()


def test_large_objects_weigh_like_stuff_and_the_border_is_no_trouble():
    ids = np.ones((80, 70), int)
    ids[:65, :65] = 2
    maps = panoptic_targets(Segmentation.from_ids(ids, categories={1: SKY, 2: CAR}), TAXONOMY)
    assert (maps.weights == 1).all()
    assert maps.centres[32, 32] == 1
    assert maps.offsets[:, 0, 0].tolist() == [32, 32]


def test_no_objects_and_an_unknown_category():
    maps = panoptic_targets(truth("00 00", {}), TAXONOMY)
    assert (maps.semantic == 255).all()
    assert not maps.counted.any()
    with pytest.raises(InputError, match="segment 1: expected a category of the taxonomy, got 77"):
        panoptic_targets(truth("11", {1: 77}), TAXONOMY)


@pytest.mark.parametrize("seed", range(3))
def test_perfect_maps_decode_to_the_truth(seed):
    """Discs far enough apart for the window: post-processing finds exactly the truth."""
    rng = np.random.default_rng(seed)
    ids, categories = np.ones((96, 128), int), {1: SKY}
    rows, columns = np.mgrid[:96, :128]
    for number, (y, x) in enumerate(((20, 25), (22, 60), (60, 30), (70, 100), (40, 90)), 2):
        radius = rng.integers(1, 15)
        ids[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
        categories[number] = int(rng.choice([CAR, DOG]))
    wanted = Segmentation.from_ids(ids, categories=categories, taxonomy=TAXONOMY)
    maps = panoptic_targets(wanted, TAXONOMY)
    logits = np.where(maps.semantic[None] == np.arange(3)[:, None, None], 9.0, 0.0)
    found = panoptic_deeplab(logits, maps.centres, np.nan_to_num(maps.offsets), TAXONOMY, stuff_area=0)
    scores = panoptic_scores(found, wanted)
    assert scores.all.pq == 1
    assert len(found) == 6


def test_detection_by_hand():
    masks = [np.zeros((4, 6), bool) for _ in range(3)]
    masks[0][1:3, 2:5] = True
    masks[2][3, 5] = True  # one pixel in the corner; the second is empty
    found = Instances.from_masks(masks, shape=(4, 6), categories=[DOG, CAR, CAR])
    targets = detection_targets(found, TAXONOMY)
    assert targets["boxes"].tolist() == [[2, 1, 5, 3], [5, 3, 6, 4]]
    assert targets["labels"].tolist() == [3, 2]
    assert (targets["masks"].numpy() == np.stack([masks[0], masks[2]])).all()


def test_detection_without_objects_and_after_a_crop():
    empty = detection_targets(Instances((4, 6), ()), TAXONOMY)
    assert {k: tuple(v.shape) for k, v in empty.items()} == {"boxes": (0, 4), "labels": (0,), "masks": (0, 4, 6)}
    masks = torch.zeros(2, 5, 5, dtype=torch.bool)
    masks[0, 0, 0], masks[1, 2:, 1:3] = True, True
    cropped = with_masks(torch.tensor([1, 2]), masks[:, 1:, 1:])
    assert cropped["labels"].tolist() == [2]
    assert cropped["boxes"].tolist() == [[0, 1, 2, 4]]


def test_detection_categories():
    mask = [np.ones((1, 1), bool)]
    one = Taxonomy((Category(3, "nucleus", (1, 1, 1), True),))
    assert detection_targets(Instances.from_masks(mask, shape=(1, 1)), one)["labels"].tolist() == [1]
    with pytest.raises(InputError, match="instance 0: expected a category of the taxonomy, got None"):
        detection_targets(Instances.from_masks(mask, shape=(1, 1)), TAXONOMY)
