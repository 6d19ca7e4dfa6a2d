"""Mask R-CNN's post-processing: a mask by hand, torchvision's pasting, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core import rle
from kontur.core.errors import InputError, OptionError
from kontur.core.taxonomy import Category, Taxonomy
from kontur.inference.mask_rcnn import mask_rcnn, pasted

TAXONOMY = Taxonomy((Category(17, "cat", (9, 9, 9), thing=True), Category(3, "car", (1, 2, 3), thing=True)))


def test_a_full_mask_fills_its_box():
    """Away from the box's border every value is 1; at it the ring of zeros begins, 1/2 at the edge itself."""
    mask = rle.decode(pasted(np.ones((28, 28)), np.array([2.0, 3.0, 30.0, 31.0]), (40, 50)))
    inside = np.zeros((40, 50), bool)
    inside[3:31, 2:30] = True
    assert (mask == inside).all()


def test_labels_scores_and_order_by_hand():
    boxes = np.array([[0, 0, 9, 9], [5, 5, 20, 20], [1, 1, 4, 4]], np.float32)
    found = mask_rcnn(
        boxes, np.array([2, 1, 1]), np.array([0.9, 0.3, 0.04]), np.ones((3, 1, 14, 14), np.float32), (20, 20), TAXONOMY
    )
    assert [(i.category, round(i.score, 2)) for i in found.instances] == [(3, 0.9), (17, 0.3)]
    assert found.taxonomy is TAXONOMY
    assert found.instances[1].box[2:] == (20, 20)  # cut at the image's border


def test_nothing_found_and_nothing_left():
    empty = mask_rcnn(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), np.zeros((0, 28, 28)), (5, 6), TAXONOMY)
    assert len(empty) == 0
    assert empty.shape == (5, 6)
    box = np.array([[1.0, 1, 4, 4], [90, 90, 99, 99]])
    masks = np.stack([np.zeros((28, 28)), np.ones((28, 28))])  # one without a pixel, one beside the image
    assert len(mask_rcnn(box, np.array([1, 1]), np.array([1.0, 1.0]), masks, (5, 6), TAXONOMY)) == 0


def test_small_boxes():
    """A pixel's box gives the pixel; a box without width, or between two pixels' centres, nothing."""
    mask = rle.decode(pasted(np.ones((28, 28)), np.array([3.0, 1.0, 4.0, 2.0]), (8, 8)))
    assert np.argwhere(mask).tolist() == [[1, 3]]
    assert not rle.decode(pasted(np.ones((2, 2)), np.array([3.0, 1.0, 3.0, 5.0]), (8, 8))).any()
    assert not rle.decode(pasted(np.ones((2, 2)), np.array([3.6, 1.0, 4.4, 5.0]), (8, 8))).any()


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_sampling_the_mask_at_every_pixel_of_the_image(seed):
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    rng = np.random.default_rng(seed)
    height, width = 61, 83
    corner = rng.uniform(-15, 70, (20, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.1, 60, (20, 2))], axis=1)
    masks = rng.random((20, 28, 28))
    for mask, (x0, y0, x1, y1) in zip(masks, boxes):
        x = (torch.arange(width) + 0.5 - x0) / (x1 - x0) * 2 - 1
        y = (torch.arange(height) + 0.5 - y0) / (y1 - y0) * 2 - 1
        grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)[None].double()
        soft = torch.nn.functional.grid_sample(torch.from_numpy(mask)[None, None], grid, align_corners=False)[
            0, 0
        ].numpy()
        ours = rle.decode(pasted(mask, np.array([x0, y0, x1, y1]), (height, width)))
        clear = np.abs(soft - 0.5) > 1e-9
        assert (ours == (soft > 0.5))[clear].all()
        assert clear.mean() > 0.99


def test_what_does_not_fit_is_named():
    box, one = np.array([[1.0, 1, 4, 4]]), np.array([1.0])
    with pytest.raises(InputError, match=r"labels: expected 1..2, the categories of the taxonomy, got \[3\]"):
        mask_rcnn(box, np.array([3]), one, np.ones((1, 2, 2)), (5, 6), TAXONOMY)
    with pytest.raises(InputError, match=r"expected boxes \(N, 4\)"):
        mask_rcnn(box, np.array([1, 1]), one, np.ones((1, 2, 2)), (5, 6), TAXONOMY)
    with pytest.raises(InputError, match="NaN"):
        mask_rcnn(box * np.nan, np.array([1]), one, np.ones((1, 2, 2)), (5, 6), TAXONOMY)
    with pytest.raises(OptionError, match="option cut"):
        mask_rcnn(box, np.array([1]), one, np.ones((1, 2, 2)), (5, 6), TAXONOMY, cut=2)
