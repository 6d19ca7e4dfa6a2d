"""Seeded region growing: hand-made images with one right answer, and the paper's rules."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.growing_kernel import grow
from kontur.classical.region_growing import automatic_seeds, region_growing
from kontur.core.errors import PromptError
from kontur.core.image import Image
from kontur.core.prompts import Prompts


def seeds_at(shape: tuple[int, int], *places: tuple[int, int]) -> np.ndarray:
    seeds = np.zeros(shape, np.int32)
    for label, (y, x) in enumerate(places, start=1):
        seeds[y, x] = label
    return seeds


def test_by_hand_a_row_of_pixels():
    # Seeds at both ends, means 0 and 10. Queued: the 1 with 1 from the left, the 6 with 4 from the right.
    # 1 joins the left (mean 0.5) and queues the 2 with 1.5, which joins (mean 1). The 6 now touches both and joins the
    # nearer mean: |6 - 10| < |6 - 1|.
    row = np.array([[[0], [1], [2], [6], [10]]], np.float32)
    labels = grow(row, seeds_at((1, 5), (0, 0), (0, 4)))
    assert labels.tolist() == [[1, 1, 1, 2, 2]]


def test_by_hand_priorities_are_those_of_the_moment_of_queueing():
    # Left seed 0, right seed 4. Queue: 3 at x=1 (3 from the left), 5 at x=4 (1 from the right).
    # 5 joins first (right mean 4.5) and queues 3.4 at x=3 (1.1), which joins (mean 4.133) and queues 1.9 at x=2
    # (2.23): it comes before x=1 and joins the right (mean 3.575); x=1 is now nearer to the right than to the left.
    row = np.array([[[0], [3], [1.9], [3.4], [5], [4]]], np.float32)
    labels = grow(row, seeds_at((1, 6), (0, 0), (0, 5)))
    assert labels.tolist() == [[1, 2, 2, 2, 2, 2]]


@pytest.mark.parametrize("seed", range(3))
def test_two_noisy_halves_are_found_exactly(seed):
    draw = np.random.default_rng(seed)
    truth = np.ones((40, 50), np.int32)
    truth[:, 20:] = 2
    truth[10:30, 20:30] = 1  # a tongue of the left half
    image = (np.where(truth == 1, 0.3, 0.7) + draw.uniform(-0.1, 0.1, truth.shape)).astype(np.float32)
    points = [(5, 20, 1), (45, 20, 2)]
    result = region_growing(image, Prompts.of(point=points))
    assert np.array_equal(result.ids, truth)
    assert result.background == 1


def test_colour_separates_what_grey_does_not():
    image = np.zeros((20, 30, 3), np.float32)
    image[:, :15] = (0.5, 0.0, 0.0)
    image[:, 15:] = (0.0, 0.5 * 0.2125 / 0.7154, 0.0)  # equal luma
    image[3, 3] = (0.45, 0.0, 0.0)
    grey = Image(image).grey()
    assert np.ptp(np.delete(grey, 3, axis=0)) < 1e-6
    ids = region_growing(image, Prompts.of(point=[(0, 0, 1), (29, 0, 2)])).ids
    assert (ids[:, :15] == 1).all()
    assert (ids[:, 15:] == 2).all()


def test_automatic_seeds_lie_apart_and_every_bar_gets_its_own_region():
    image = np.repeat(np.repeat(np.array([[30, 200, 90, 160]], np.uint8), 40, axis=1), 60, axis=0)
    result = region_growing(image, spacing=10, sigma=1.0)
    for bar in range(4):  # regions never cross a bar's edge
        inside = set(np.unique(result.ids[:, 40 * bar : 40 * bar + 40]))
        outside = set(np.unique(np.delete(result.ids, np.s_[40 * bar : 40 * bar + 40], axis=1)))
        assert not inside & outside
    noise = np.random.default_rng(0).integers(0, 256, (90, 120)).astype(np.uint8)
    seeds = automatic_seeds(Image(noise), 15, 2.0)
    places = np.array([np.argwhere(seeds == k).mean(axis=0) for k in range(1, seeds.max() + 1)])
    apart = np.abs(places[:, None] - places[None]).max(axis=2) + 1000 * np.eye(len(places))
    assert len(places) > 8
    assert apart.min() > 13


def test_one_label_is_refused():
    with pytest.raises(PromptError, match="two labels"):
        region_growing(np.eye(5, dtype=np.float32), Prompts.of(point=(1, 1, 2)))
