"""BSDS boundaries: the matching is a maximum one, thinning is the official one, the sums are the official sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching
from skimage.morphology import thin as skimage_thin

from kontur.core.errors import InputError, OptionError
from kontur.io.bsds import read_bsds_truth
from kontur.metrics.contours import ContourCounts, contour_scores, match_boundaries, thin


def drawing(text: str) -> np.ndarray:
    """Draw a mask: # is set, one word a row."""
    return np.array([[c == "#" for c in row] for row in text.split()])


def maximum_pairs(prediction: np.ndarray, truth: np.ndarray, reach: float) -> int:
    """The size of a maximum matching, by scipy on the whole distance matrix."""
    a, b = np.argwhere(prediction), np.argwhere(truth)
    if not len(a) or not len(b):
        return 0
    near = ((a[:, None] - b[None]) ** 2).sum(-1) <= reach**2
    return int((maximum_bipartite_matching(csr_matrix(near)) >= 0).sum())


def test_nearest_first_alone_would_lose_a_pair():
    # Reach 1. The middle prediction takes the right truth by reading order or the left one; only one choice pairs all.
    prediction, truth = drawing("##."), drawing(".##")
    found, hit = match_boundaries(prediction, truth, tolerance=1.01 / math.hypot(1, 3))
    assert found.tolist() == prediction.tolist()
    assert hit.tolist() == truth.tolist()


def test_one_to_one():
    # Two predicted lines beside one true line: each true pixel is used once.
    truth, prediction = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    truth[:, 10] = True
    prediction[:, 9] = prediction[:, 11] = True
    found, hit = match_boundaries(prediction, truth, tolerance=0.05)
    assert hit.sum() == found.sum() == 20


@pytest.mark.parametrize("seed", range(30))
def test_pairs_are_as_many_as_can_be(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 40, 2))
    density = random.choice([0.02, 0.1, 0.3, 0.6], 2)
    prediction, truth = random.random(shape) < density[0], random.random(shape) < density[1]
    reach = float(random.choice([0.5, 1, 1.5, 2.3, 4.3, 7]))
    found, hit = match_boundaries(prediction, truth, tolerance=reach / math.hypot(*shape))
    assert found.sum() == hit.sum() == maximum_pairs(prediction, truth, reach)
    assert not (found & ~prediction).any()
    assert not (hit & ~truth).any()
    swapped = match_boundaries(truth, prediction, tolerance=reach / math.hypot(*shape))[0]
    assert swapped.sum() == found.sum()


@pytest.mark.parametrize("density", [(0.5, 0.5), (0.45, 0.55), (0.9, 0.3)])
def test_pairs_far_from_each_other_are_joined_by_long_paths(density: tuple[float, float]):
    """Dense noise: short searches fail and Hopcroft and Karp's phases do the rest."""
    random = np.random.default_rng(8)
    prediction, truth = random.random((90, 90)) < density[0], random.random((90, 90)) < density[1]
    prediction[:, 60:] &= random.random((90, 30)) < 0.5  # a surplus on the left, a lack on the right
    truth[:, :30] &= random.random((90, 30)) < 0.5
    found, _ = match_boundaries(prediction, truth, tolerance=2.3 / math.hypot(90, 90))
    assert found.sum() == maximum_pairs(prediction, truth, 2.3)


@pytest.mark.parametrize("seed", range(20))
def test_thinning_is_that_of_scikit_image(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 70, 2))
    mask = random.random(shape) < random.choice([0.2, 0.5, 0.8, 0.95])
    if seed % 2:  # blobs, which take many rounds
        from scipy.ndimage import gaussian_filter

        mask = gaussian_filter(random.random(shape), 3) > 0.5
    assert np.array_equal(thin(mask), skimage_thin(mask))
    assert np.array_equal(thin(np.ones(shape, bool)), skimage_thin(np.ones(shape, bool)))


def by_definition(prediction: np.ndarray, truths: list[np.ndarray], thresholds: list[float]) -> np.ndarray:
    """Counts of the benchmark with scipy's matching and scikit-image's thinning; recall columns only are unique."""
    reach = 0.0075 * math.hypot(*prediction.shape)
    rows = []
    for threshold in thresholds:
        lines = skimage_thin(prediction >= threshold)
        rows.append([sum(maximum_pairs(lines, t, reach) for t in truths), sum(t.sum() for t in truths), lines.sum()])
    return np.array(rows)


def test_counts_and_scores_follow_the_definition():
    random = np.random.default_rng(4)
    counts = ContourCounts(9)
    thresholds = [i / 10 for i in range(1, 10)]
    expected, best = np.zeros((9, 4)), np.zeros(4)
    for _ in range(3):
        from scipy.ndimage import gaussian_filter

        field = gaussian_filter(random.standard_normal((120, 160)), 4)
        prediction = np.abs(gaussian_filter(field, 2, order=(0, 1)))
        prediction /= prediction.max()
        truths = [skimage_thin(np.abs(field - shift) < 0.01) for shift in (0, 0.02)]
        counts.update(prediction, truths)
        alone = counts.image_counts(prediction, truths)
        recall_columns = by_definition(prediction, truths, thresholds)
        assert np.array_equal(alone[:, [0, 1, 3]], recall_columns)
        # A matched predicted pixel is counted once, however many annotators' matchings have it.
        assert (alone[:, 2] <= alone[:, 0]).all()
        assert (alone[:, 2] * 2 >= alone[:, 0]).all()
        expected += alone
        recall, precision = alone[:, 0] / alone[:, 1], alone[:, 2] / np.maximum(alone[:, 3], 1)
        f = [2 * p * r / (p + r) if p + r else 0 for p, r in zip(precision, recall)]
        best += alone[max(i for i in range(9) if f[i] == max(f))]
    scores = counts.scores()
    recall, precision = expected[:, 0] / expected[:, 1], expected[:, 2] / np.maximum(expected[:, 3], 1)
    assert scores.recall_curve == pytest.approx(recall, abs=1e-12)
    assert scores.precision_curve == pytest.approx(precision, abs=1e-12)
    candidates = []
    for i in range(1, 9):
        for d in np.linspace(0, 1, 100):
            p, r = precision[i] * d + precision[i - 1] * (1 - d), recall[i] * d + recall[i - 1] * (1 - d)
            candidates.append(2 * p * r / (p + r))
    assert scores.ods == pytest.approx(max(candidates), abs=1e-12)
    p, r = best[2] / best[3], best[0] / best[1]
    assert scores.ois == pytest.approx(2 * p * r / (p + r), abs=1e-12)
    curve = {}
    for r, p in sorted(zip(recall, precision)):
        curve[r] = p
    points = np.arange(101) / 100
    area = sum(np.interp(x, list(curve), list(curve.values())) for x in points if min(curve) <= x <= max(curve)) / 100
    assert scores.average_precision == pytest.approx(area, abs=1e-9)


def test_precision_takes_the_union_over_annotators():
    left, right, both = np.zeros((30, 30), bool), np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    left[:, 5] = right[:, 20] = True
    both[:, [5, 20]] = True
    scores = ContourCounts([0.5]).update(both, [left, right])
    assert (scores.precision, scores.recall, scores.ods) == (1, 1, 1)
    scores = ContourCounts([0.5]).update(left, [left, right])
    assert (scores.precision, scores.recall) == (1, 0.5)


def test_splitting_the_data_set_changes_nothing():
    random = np.random.default_rng(5)
    images = [(random.random((40, 50)), [random.random((40, 50)) < 0.1 for _ in range(3)]) for _ in range(5)]
    first, second, whole = ContourCounts(5), ContourCounts(5), ContourCounts(5)
    for i, (prediction, truths) in enumerate(images):
        (first if i % 2 else second).update(prediction, truths)
        whole.update(prediction, truths[::-1])  # nor does the order of annotators
    assert (first + second).scores() == whole.scores()
    assert contour_scores(images, thresholds=5) == whole.scores()


def test_eight_and_sixteen_bit_maps_are_shares_of_their_maximum():
    random = np.random.default_rng(6)
    levels, truth = random.integers(0, 256, (40, 40)), random.random((40, 40)) < 0.1
    expected = ContourCounts(7).update(levels / 255, [truth])
    assert ContourCounts(7).update(levels.astype(np.uint8), [truth]) == expected
    assert ContourCounts(7).update((levels * 257).astype(np.uint16), [truth]) == expected


def test_a_stack_of_maps_is_one_map_a_threshold():
    random = np.random.default_rng(7)
    strength, truths = random.random((40, 50)), [random.random((40, 50)) < 0.1]
    counts = ContourCounts(5)
    stack = np.stack([strength >= t for t in counts.thresholds])
    assert counts.update(stack, truths) == ContourCounts(5).update(strength, truths)
    with pytest.raises(InputError, match=r"expected \(5, H, W\)"):
        counts.update(stack[:4], truths)


def test_nothing_predicted_and_nothing_to_find():
    empty = np.zeros((5, 5), bool)
    scores = ContourCounts(3).update(empty, [empty])
    assert (scores.ods, scores.precision, scores.recall, scores.average_precision) == (0, 0, 0, 0)
    assert math.isnan(ContourCounts(3).scores().ods)
    assert ContourCounts(3).update(np.ones((1, 1)), [np.ones((1, 1))]).ods == 1


def test_bad_input():
    with pytest.raises(InputError, match="map 4x5, truth of annotator 2 5x4"):
        ContourCounts(3).update(np.zeros((4, 5)), [np.zeros((4, 5)), np.zeros((5, 4))])
    with pytest.raises(InputError, match=r"0\.\.255"):
        ContourCounts(3).update(np.array([[0.0, 255.0]]), [np.zeros((1, 2))])
    with pytest.raises(InputError, match="expected values"):
        ContourCounts(3).update(np.array([[0.0, math.nan]]), [np.zeros((1, 2))])
    with pytest.raises(InputError, match="at least one annotator"):
        ContourCounts(3).update(np.zeros((4, 5)), [])
    with pytest.raises(InputError, match=r"\(H, W\)"):
        ContourCounts(3).update(np.zeros((4, 5, 3)), [np.zeros((4, 5))])
    with pytest.raises(OptionError, match="rising"):
        ContourCounts([0.5, 0.4])
    with pytest.raises(OptionError, match="equal thresholds"):
        ContourCounts(3) + ContourCounts(4)


@pytest.mark.real_data
def test_human_agreement_is_the_published_one(data):
    """One annotator against the others: F about .80 (FACTS.md, section 4)."""
    counts = ContourCounts([0.5])
    for path in sorted((data / "bsds500" / "groundTruth" / "test").glob("*.mat"))[::10]:
        outlines = [d.boundaries for d in read_bsds_truth(path)]
        for i, outline in enumerate(outlines):
            counts.update(outline, outlines[:i] + outlines[i + 1 :])
    assert counts.scores().ods == pytest.approx(0.80, abs=0.02)
