"""Pixel forest and cluster labelling: marks decide, filters see what they should, too few labels are refused."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.cluster_classify import cluster_classify, cluster_labels
from kontur.classical.pixel_forest import SIGMAS, filter_bank
from kontur.classical.pixel_forest import pixel_forest as forest
from kontur.core.errors import PromptError
from kontur.core.prompts import Prompts


def two_textures() -> tuple[np.ndarray, np.ndarray]:
    """Left noise, right smooth, of one mean: only neighbourhoods tell them apart."""
    rng = np.random.default_rng(0)
    noise = rng.normal(120, 30, (80, 120))
    noise[:, 60:] = 120 + rng.normal(0, 3, (80, 60))
    return np.clip(noise, 0, 255).astype(np.uint8), np.arange(120)[None].repeat(80, axis=0) >= 60


def marks(shape: tuple[int, int]) -> np.ndarray:
    scribbles = np.zeros(shape, int)
    scribbles[10:70, 10:14] = 1
    scribbles[10:70, -14:-10] = 2
    return scribbles


def test_forest_parts_two_textures_from_two_strokes():
    image, truth = two_textures()
    result = forest(image, Prompts.of(scribbles=marks(image.shape)), scales=3)
    assert result.background == 1
    assert (result.foreground == truth).mean() > 0.95
    assert all(0.5 < s.score <= 1 for s in result.segments)


def test_marks_keep_their_label_and_order_of_labels_is_kept():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3), np.uint8)
    scribbles = np.zeros((40, 40), int)
    scribbles[5], scribbles[20], scribbles[35] = 1, 7, 4
    for method in (forest, cluster_classify):
        result = method(image, Prompts.of(scribbles=scribbles))
        assert (result.ids[5] == 1).all()
        assert (result.ids[35] == 2).all()  # 4 is the first object, 7 the second
        assert (result.ids[20] == 3).all()


@pytest.mark.parametrize("method", [forest, cluster_classify])
def test_two_objects_without_background(method):
    image = np.zeros((30, 30), np.uint8)
    image[:, 15:] = 200
    result = method(image, Prompts.of(point=[(5, 5, 2), (25, 25, 3)]))
    assert result.background is None
    assert (result.ids == np.where(image > 0, 3, 2)).all()


@pytest.mark.parametrize("method", [forest, cluster_classify])
def test_one_label_is_refused(method):
    image = np.zeros((10, 10), np.uint8)
    with pytest.raises(PromptError, match=r"two labels or more .* got only the background"):
        method(image, Prompts.of(point=(5, 5, 1)))
    with pytest.raises(PromptError, match=r"got only label \[2\]"):
        method(image, Prompts.of(point=(5, 5, 2)))
    with pytest.raises(PromptError, match="needs a prompt"):
        method(image)


def test_strips_give_what_the_whole_gives(monkeypatch):
    image, _ = two_textures()
    prompts = Prompts.of(scribbles=marks(image.shape))
    whole = forest(image, prompts, trees=10)
    monkeypatch.setattr("kontur.classical.pixel_forest._FEATURE_BYTES", 4 * 120 * 29 * 7)  # seven rows at a time
    assert (forest(image, prompts, trees=10).ids == whole.ids).all()


def test_filters_by_hand():
    # A plane rising by 3 a column: slope 3 sigma, no curvature; structure tensor 9 sigma^2 across and 0 along.
    plane = np.tile(np.arange(200, dtype=np.float32) * 3, (150, 1))[..., None]
    features = filter_bank(plane, 2, 70, 80, 60)[5, 100]
    raw, *scales = np.split(features, [1, 8])
    assert raw[0] == 300
    for sigma, found in zip(SIGMAS, scales, strict=False):
        smooth, slope, laplacian, high, low, across, along = found
        assert smooth == pytest.approx(300, rel=1e-4)
        assert slope == pytest.approx(3 * sigma, rel=1e-3)
        assert (laplacian, high, low, along) == pytest.approx((0, 0, 0, 0), abs=2e-2)
        assert across == pytest.approx(9 * sigma**2, rel=1e-3)


def test_hessian_of_a_bowl():
    y, x = np.mgrid[-60:61, -60:61].astype(np.float32)
    bowl = (x**2 + 2 * y**2)[..., None] / 1000
    features = filter_bank(bowl, 1, 0, 121, 10)[60, 60]
    sigma = SIGMAS[0]
    assert features[3] == pytest.approx(sigma**2 * 6 / 1000, rel=0.02)
    assert features[4:6] == pytest.approx([sigma**2 * 4 / 1000, sigma**2 * 2 / 1000], rel=0.02)


def test_cluster_labels_by_hand():
    centres = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    cluster = np.array([0, 0, 0, 1, 2, 2, 3])
    seeds = np.array([1, 1, 2, 0, 2, 1, 3])
    # 0: two of three say 1; 1: no marks, as near to 0 as to 2: the first; 2: a tie: the lower; 3: the object 3.
    assert cluster_labels(centres, cluster, seeds).tolist() == [1, 1, 1, 3]


def test_cluster_classify_by_colour():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 20:40], image[:, 40:] = (200, 40, 40), (210, 60, 50)  # two reds; only one is marked
    result = cluster_classify(image, Prompts.of(point=[(5, 5, 1), (30, 20, 2)]))
    assert (result.foreground == (np.arange(60) >= 20)[None]).all()
