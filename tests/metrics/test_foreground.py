"""Object against background: by hand, with the unknown band left out, and against plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError
from kontur.core.segmentation import Segmentation
from kontur.metrics.foreground import ForegroundCounts, SoftMaskCounts, foreground_scores, soft_mask_scores


def trimap(text: str) -> np.ndarray:
    """Draw a truth: # object, ? unknown, anything else background; one word a row."""
    return np.array([[{"#": 255, "?": 128}.get(c, 0) for c in row] for row in text.split()], np.uint8)


def test_by_hand():
    truth = trimap("##?. ##?.")
    prediction = trimap("#.## ##..")
    # Six pixels count; one object pixel is missed, one background pixel is taken; the band says nothing.
    scores = foreground_scores(prediction, truth)
    assert (scores.error_rate, scores.iou, scores.pixels) == (2 / 6, 3 / 5, 6)
    assert "128" in scores.protocol


def test_unknown_pixels_change_nothing():
    random = np.random.default_rng(0)
    truth = random.choice([0, 128, 255], (40, 50)).astype(np.uint8)
    prediction = random.random((40, 50)) < 0.5
    other = np.where(truth == 128, random.random((40, 50)) < 0.5, prediction)
    assert foreground_scores(other, truth) == foreground_scores(prediction, truth)
    soft = random.random((40, 50))
    other = np.where(truth == 128, random.random((40, 50)), soft)
    assert soft_mask_scores(other, truth) == soft_mask_scores(soft, truth)


def test_forms_of_the_same_mask():
    random = np.random.default_rng(1)
    prediction, truth = random.random((20, 30)) < 0.5, random.random((20, 30)) < 0.5
    expected = foreground_scores(prediction, truth)
    assert foreground_scores(prediction.astype(np.uint8) * 7, truth.astype(np.uint8) * 255) == expected
    assert foreground_scores(Segmentation.from_mask(prediction), truth.astype(int)) == expected
    assert foreground_scores(prediction, Segmentation.from_mask(truth)) == expected
    assert foreground_scores(truth, truth).iou == 1
    assert foreground_scores(~truth, truth).error_rate == 1


def test_within_counts_only_the_open_pixels():
    truth, prediction = trimap("##.. ##.."), trimap("#... ####")
    within = np.array([[1, 1, 0, 0], [1, 1, 0, 0]])
    assert foreground_scores(prediction, truth, within=within).error_rate == 1 / 4


def test_a_set_is_counted_by_pixels_and_averaged_by_images():
    random = np.random.default_rng(2)
    pairs = [(random.random((n, 10)) < 0.5, random.random((n, 10)) < 0.5) for n in (3, 10, 40)]
    pairs.append((np.zeros((5, 5), bool), np.zeros((5, 5), bool)))
    whole, parts = ForegroundCounts(), [ForegroundCounts(), ForegroundCounts()]
    alone = []
    for i, (prediction, truth) in enumerate(pairs):
        alone.append(whole.update(prediction, truth))
        parts[i % 2].update(prediction, truth)
    assert vars(parts[0] + parts[1]) == pytest.approx(vars(whole))
    scores = whole.scores()
    assert scores.pooled_error_rate == sum((p != t).sum() for p, t in pairs) / sum(p.size for p, _ in pairs)
    assert scores.pooled_iou == sum((p & t).sum() for p, t in pairs) / sum((p | t).sum() for p, t in pairs)
    assert scores.error_rate == pytest.approx(np.mean([s.error_rate for s in alone]))
    assert scores.iou == pytest.approx(np.mean([s.iou for s in alone[:3]]))
    assert math.isnan(alone[3].iou)
    assert math.isnan(ForegroundCounts().scores().error_rate)
    whole.update(np.zeros((2, 2), bool), np.full((2, 2), 128))
    assert whole.scores() == scores


def test_all_unknown():
    truth = np.full((4, 4), 128, np.uint8)
    scores = foreground_scores(truth == 0, truth)
    assert scores.pixels == 0
    assert math.isnan(scores.error_rate)
    assert math.isnan(soft_mask_scores(np.zeros((4, 4)), truth).mae)


def test_soft_mask_by_hand():
    truth = np.array([[True, True, False, False]])
    soft = np.array([[1.0, 0.4, 0.6, 0.0]])
    scores = soft_mask_scores(soft, truth)
    assert scores.mae == pytest.approx((0 + 0.6 + 0.6 + 0) / 4)
    # Above 0.6: precision 1, recall 1/2. At 0.4: precision 2/3, recall 1. At 0: precision 1/2, recall 1.
    candidates = [1.3 * p * r / (0.3 * p + r) for p, r in ((1, 0.5), (2 / 3, 1), (1 / 2, 1))]
    assert scores.max_f == pytest.approx(max(candidates))
    assert scores.threshold > 0.6


@pytest.mark.parametrize("seed", range(4))
def test_soft_scores_equal_their_formulas(seed: int):
    random = np.random.default_rng(seed)
    pairs = [(random.integers(0, 256, (20, 25)).astype(np.uint8), random.random((20, 25)) < 0.4) for _ in range(3)]
    pairs.append((pairs[0][0], np.zeros((20, 25), bool)))  # nothing to find: counts for MAE only
    counts, parts = SoftMaskCounts(), [SoftMaskCounts(), SoftMaskCounts()]
    curves = []
    for i, (soft, truth) in enumerate(pairs):
        counts.update(soft, truth)
        parts[i % 2].update(soft / 255, truth)
        if truth.any():
            curve = []
            for level in range(256):
                chosen = soft >= level
                hits = (chosen & truth).sum()
                p, r = hits / max(chosen.sum(), 1), hits / truth.sum()
                curve.append(1.3 * p * r / (0.3 * p + r) if p + r else 0)
            curves.append(curve)
    scores = counts.scores()
    assert scores.max_f == pytest.approx(np.mean(curves, axis=0).max(), abs=1e-12)
    assert scores.mae == pytest.approx(np.mean([np.abs(s / 255 - t).mean() for s, t in pairs]), abs=1e-12)
    together = (parts[0] + parts[1]).scores()
    assert (together.mae, together.max_f) == pytest.approx((scores.mae, scores.max_f), abs=1e-12)


def test_bad_input():
    small, large = np.zeros((4, 5), bool), np.zeros((5, 4), bool)
    for score in (foreground_scores, soft_mask_scores):
        with pytest.raises(InputError, match="prediction 4x5, truth 5x4"):
            score(small, large)
        with pytest.raises(InputError, match="colour"):
            score(np.zeros((4, 5, 3), np.uint8), small)
        with pytest.raises(InputError, match="3 values: 0, 7, 9"):
            score(small, np.array([[0, 7, 9]] * 4, np.uint8))
    with pytest.raises(InputError, match="Threshold"):
        foreground_scores(np.zeros((4, 5)), small)
    with pytest.raises(InputError, match=r"0\.\.255"):
        soft_mask_scores(np.full((4, 5), 255.0) * (np.arange(5) > 0), small)
    with pytest.raises(InputError, match="expected values"):
        soft_mask_scores(np.full((4, 5), math.nan), small)
    with pytest.raises(OptionError, match="beta_squared"):
        soft_mask_scores(small, small, beta_squared=0)


@pytest.mark.real_data
def test_the_grabcut_truths_have_an_unknown_band(data):
    from PIL import Image

    paths = sorted((data / "grabcut" / "ground-truth").glob("*.png"))
    assert len(paths) == 20
    counts = ForegroundCounts()
    for path in paths:
        truth = np.asarray(Image.open(path).convert("L"))  # one of them is stored as RGB
        scores = counts.update(truth >= 128, truth)
        assert (scores.error_rate, scores.iou) == (0, 1)
        assert scores.pixels == (truth != 128).sum()
    assert counts.pixels < 20 * 321 * 481
