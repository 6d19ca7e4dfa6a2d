"""Covering, Rand index, variation of information: by hand, against plain NumPy and scikit-image, and over levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import variation_of_information

from kontur.core.errors import InputError, OptionError
from kontur.io.bsds import read_bsds_truth
from kontur.metrics.regions import RegionCounts, region_scores


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def regions_of(random: np.random.Generator, shape: tuple[int, int], count: int) -> np.ndarray:
    points = random.random((count, 2)) * shape
    grid = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
    return ((grid[:, :, None] - points) ** 2).sum(-1).argmin(-1)


def by_definition(labels: np.ndarray, truths: list[np.ndarray]) -> tuple[float, float]:
    """Covering and Rand index, region by region and pixel pair by pixel pair."""
    pieces = [labels == v for v in np.unique(labels)]
    covered = sum(
        g.sum() * max((g & s).sum() / (g | s).sum() for s in pieces)
        for truth in truths
        for g in (truth == v for v in np.unique(truth))
    )
    flat = labels.ravel()
    upper = np.triu_indices(flat.size, 1)
    same = (flat[:, None] == flat)[upper]
    rand = [(same == (t.ravel()[:, None] == t.ravel())[upper]).mean() for t in truths]
    return covered / (labels.size * len(truths)), float(np.mean(rand))


def test_by_hand():
    labels, truth = id_map("1122"), id_map("1112")
    scores = region_scores(labels, [truth])
    # Region 1 of the truth (3 pixels) overlaps segment 1 by 2 of 3; region 2 (1 pixel) overlaps segment 2 by 1 of 2.
    assert scores.covering == pytest.approx((3 * 2 / 3 + 1 * 1 / 2) / 4)
    # Pairs together in both: {0,1}; apart in both: {0,3}, {1,3}; the other three of six disagree.
    assert scores.rand_index == pytest.approx(3 / 6)
    # H(S|G): three pixels of region 1 split 2:1; H(G|S): segment 2 splits 1:1.
    given_truth = 3 / 4 * -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert scores.variation_of_information == pytest.approx(given_truth + 2 / 4 * 1)


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_definitions(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(2, 25, 2))
    labels = random.integers(0, 5, shape) if seed % 2 else regions_of(random, shape, 6)
    truths = [regions_of(random, shape, int(n)) for n in random.integers(1, 6, 3)]
    scores = region_scores(labels, truths)
    assert (scores.covering, scores.rand_index) == pytest.approx(by_definition(labels, truths), abs=1e-12)
    expected = np.mean([sum(variation_of_information(labels, t)) for t in truths])
    assert scores.variation_of_information == pytest.approx(expected, abs=1e-12)


def test_identity_and_renaming():
    random = np.random.default_rng(1)
    truth, labels = regions_of(random, (50, 60), 7), regions_of(random, (50, 60), 12)
    perfect = region_scores(truth * 9 - 4, [truth])
    assert (perfect.covering, perfect.rand_index, perfect.variation_of_information) == (1, 1, 0)
    names = random.permutation(12)
    for renamed in (names[labels], names[labels] * 10**9, -names[labels]):
        assert region_scores(renamed, [truth]).to_dict() == pytest.approx(region_scores(labels, [truth]).to_dict())
    forward, backward = region_scores(labels, [truth]), region_scores(truth, [labels])
    assert forward.rand_index == backward.rand_index
    assert forward.variation_of_information == pytest.approx(backward.variation_of_information, abs=1e-12)


def test_best_levels_of_a_set():
    random = np.random.default_rng(2)
    images = []
    for _ in range(4):
        fine = regions_of(random, (30, 30), 20)
        images.append(([fine, fine // 2, fine // 5], [regions_of(random, (30, 30), 5) for _ in range(2)]))
    counts, halves = RegionCounts(3), [RegionCounts(3), RegionCounts(3)]
    table = []
    for i, (levels, truths) in enumerate(images):
        counts.update(levels, truths)
        halves[i % 2].update(levels, truths)
        table.append(
            [(s.covering, s.rand_index, s.variation_of_information) for s in (region_scores(m, truths) for m in levels)]
        )
    values = np.array(table)  # (images, levels, 3); all images are equally large, so coverings average
    scores = counts.scores()
    assert scores.covering_ods == pytest.approx(values[..., 0].mean(axis=0).max())
    assert scores.covering_ois == pytest.approx(values[..., 0].max(axis=1).mean())
    assert scores.rand_index_ods == pytest.approx(values[..., 1].mean(axis=0).max())
    assert scores.rand_index_ois == pytest.approx(values[..., 1].max(axis=1).mean())
    assert scores.variation_of_information_ods == pytest.approx(values[..., 2].mean(axis=0).min())
    assert scores.variation_of_information_ois == pytest.approx(values[..., 2].min(axis=1).mean())
    assert scores.covering_level == values[..., 0].mean(axis=0).argmax()
    assert scores.covering_best >= scores.covering_ois >= scores.covering_ods
    both = (halves[0] + halves[1]).scores()
    assert both.covering_ods == pytest.approx(scores.covering_ods)
    assert both.variation_of_information_ois == pytest.approx(scores.variation_of_information_ois)


def test_one_pixel_and_one_region():
    one = np.zeros((1, 1), int)
    scores = region_scores(one, [one])
    assert (scores.covering, scores.rand_index, scores.variation_of_information) == (1, 1, 0)
    assert math.isnan(RegionCounts(1).scores().covering_ods)


def test_bad_input():
    with pytest.raises(InputError, match="segmentation 4x5, truth of annotator 1 5x4"):
        region_scores(np.zeros((4, 5), int), [np.zeros((5, 4), int)])
    with pytest.raises(InputError, match="colour"):
        region_scores(np.zeros((4, 5, 3), int), [np.zeros((4, 5), int)])
    with pytest.raises(InputError, match="float64"):
        region_scores(np.zeros((4, 5)), [np.zeros((4, 5), int)])
    with pytest.raises(InputError, match="at least one annotator"):
        region_scores(np.zeros((4, 5), int), [])
    with pytest.raises(InputError, match="expected 2"):
        RegionCounts(2).update([np.zeros((4, 5), int)], [np.zeros((4, 5), int)])
    with pytest.raises(OptionError, match="equal levels"):
        RegionCounts(2) + RegionCounts(3)


@pytest.mark.real_data
def test_human_agreement_is_the_published_one(data):
    """Humans on BSDS500 as published by Arbelaez et al. 2011: covering .72, Rand index .88, variation of information 1.17."""
    counts = RegionCounts(1)
    for path in sorted((data / "bsds500" / "groundTruth" / "test").glob("*.mat"))[::10]:
        maps = [d.regions for d in read_bsds_truth(path)]
        for i, drawn in enumerate(maps):
            counts.update([drawn], maps[:i] + maps[i + 1 :])
    scores = counts.scores()
    assert scores.covering_ods == pytest.approx(0.72, abs=0.03)
    assert scores.rand_index_ods == pytest.approx(0.88, abs=0.03)
    assert scores.variation_of_information_ods == pytest.approx(1.17, abs=0.1)
