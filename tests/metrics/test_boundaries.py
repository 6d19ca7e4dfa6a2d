"""Mask boundaries: by hand, and against the definitions written out with scipy and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from kontur.core.errors import InputError, OptionError
from kontur.core.segmentation import Segmentation
from kontur.metrics.boundaries import (
    average_surface_distance,
    boundary_iou,
    davis_f,
    davis_j,
    hausdorff95,
    mask_boundary_scores,
    surface_distances,
    trimap_iou,
)


def drawing(text: str) -> np.ndarray:
    """Draw a mask: # is set, one word a row."""
    return np.array([[c == "#" for c in row] for row in text.split()])


def blob(random: np.random.Generator, shape: tuple[int, ...], level: float = 0.5) -> np.ndarray:
    field = ndimage.gaussian_filter(random.random(shape), 2)
    return field > np.quantile(field, level)


def boundary_iou_by_definition(p: np.ndarray, t: np.ndarray, ratio: float) -> float:
    d = max(1, round(ratio * math.sqrt(p.shape[0] ** 2 + p.shape[1] ** 2)))
    bands = [m & ~ndimage.binary_erosion(m, np.ones((3, 3)), iterations=d, border_value=0) for m in (p, t)]
    union = (bands[0] | bands[1]).sum()
    return (bands[0] & bands[1]).sum() / union if union else math.nan


def davis_f_by_definition(p: np.ndarray, t: np.ndarray) -> float:
    def outline(m: np.ndarray) -> np.ndarray:
        height, width = m.shape
        line = np.zeros(m.shape, bool)
        for y in range(height):
            for x in range(width):
                if x < width - 1:
                    line[y, x] |= m[y, x] != m[y, x + 1]
                if y < height - 1:
                    line[y, x] |= m[y, x] != m[y + 1, x]
                if x < width - 1 and y < height - 1:
                    line[y, x] |= m[y, x] != m[y + 1, x + 1]
        return line

    d = math.ceil(0.008 * math.sqrt(p.shape[0] ** 2 + p.shape[1] ** 2))
    y, x = np.mgrid[-d : d + 1, -d : d + 1]
    disk = x**2 + y**2 <= d**2
    ours, theirs = outline(p), outline(t)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = (ours & ndimage.binary_dilation(theirs, disk)).sum() / ours.sum()
    recall = (theirs & ndimage.binary_dilation(ours, disk)).sum() / theirs.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_boundary_iou_by_hand():
    # d = 1. Truth: a 4x4 square, whose band are its 12 border pixels; prediction: the square one column to the left.
    truth, prediction = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    truth[3:7, 3:7] = prediction[3:7, 2:6] = True
    # Shared: three pixels of the top and of the bottom row; in columns 3..5 the inner rows only share nothing.
    assert boundary_iou(prediction, truth) == 6 / (12 + 12 - 6)
    # An object cut by the image border has a band there: the full image's band is its frame.
    full = np.ones((10, 10), bool)
    inner = np.zeros((10, 10), bool)
    inner[1:9, 1:9] = True
    assert boundary_iou(full, inner) == 0
    assert boundary_iou(full, full) == 1
    assert math.isnan(boundary_iou(~full, ~full))
    assert boundary_iou(~full, full) == 0


def test_davis_f_by_hand():
    # In 100x100 the disk has radius 2; outlines three columns apart do not meet, two do.
    truth = np.zeros((100, 100), bool)
    truth[:, :50] = True
    for shift, score in ((1, 1.0), (2, 1.0), (3, 0.0)):
        assert davis_f(np.roll(truth, shift, axis=1) | (np.arange(100) < 50), truth) == score
    empty = np.zeros((100, 100), bool)
    assert (davis_f(empty, truth), davis_f(truth, empty), davis_f(empty, empty)) == (0, 0, 1)
    assert (davis_j(empty, truth), davis_j(empty, empty), davis_j(truth, truth)) == (0, 1, 1)


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_the_definitions(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 90, 2))
    p, t = blob(random, shape, random.choice([0.2, 0.5, 0.9])), blob(random, shape)
    if seed % 4 == 3:
        p, t = random.random(shape) < 0.7, random.random(shape) < 0.9  # noise
    for ratio in (0.02, 0.05, 0.2):
        assert boundary_iou(p, t, ratio) == pytest.approx(boundary_iou_by_definition(p, t, ratio), nan_ok=True)
        assert boundary_iou(t, p, ratio) == pytest.approx(boundary_iou(p, t, ratio), nan_ok=True)
    assert davis_f(p, t) == pytest.approx(davis_f_by_definition(p, t))
    assert davis_f(t, p) == pytest.approx(davis_f(p, t))
    union = (p | t).sum()
    assert davis_j(p, t) == ((p & t).sum() / union if union else 1)
    scores = trimap_iou(p, t, (1, 2, 3, 7))
    inside, outside = (
        ndimage.distance_transform_edt(t) if not t.all() else np.full(shape, np.inf),
        ndimage.distance_transform_edt(~t) if t.any() else np.full(shape, np.inf),
    )
    distance = np.where(t, inside, outside)
    for width, score in scores.items():
        band = distance <= width + 1e-9
        union = (band & (p | t)).sum()
        assert score == pytest.approx((band & p & t).sum() / union if union else math.nan, nan_ok=True)


def test_trimap_takes_w_pixels_on_either_side():
    truth = np.zeros((1, 20), bool)
    truth[:, 10:] = True
    prediction = np.zeros((1, 20), bool)
    prediction[:, 8:] = True  # two pixels too many
    assert trimap_iou(prediction, truth, (1, 2, 4)) == {1: 1 / 2, 2: 2 / 4, 4: 4 / 6}
    assert math.isnan(trimap_iou(truth, np.ones((1, 20), bool), (3,))[3])


def distances_by_definition(p: np.ndarray, t: np.ndarray, spacing: tuple[float, ...]) -> list[float]:
    """Surfaces by erosion, distances between all pairs of voxels."""
    cross = ndimage.generate_binary_structure(p.ndim, 1)
    a, b = (np.argwhere(m & ~ndimage.binary_erosion(m, cross)) * np.array(spacing) for m in (p, t))
    apart = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    forward, backward = apart.min(axis=1), apart.min(axis=0)
    return [
        max(forward.max(), backward.max()),
        max(np.percentile(forward, 95), np.percentile(backward, 95)),
        np.concatenate([forward, backward]).mean(),
        forward.mean(),
        backward.mean(),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_surface_distances_equal_the_definition(seed: int):
    random = np.random.default_rng(seed)
    shape = (25, 31) if seed % 2 else (9, 12, 14)
    spacing = tuple(random.uniform(0.3, 3, len(shape)))
    p, t = blob(random, shape, 0.6), blob(random, shape, 0.7)
    found = surface_distances(p, t, spacing=spacing)
    names = (
        "hausdorff",
        "hausdorff95",
        "average",
        "average_prediction_to_truth",
        "average_truth_to_prediction",
    )
    assert [getattr(found, n) for n in names] == pytest.approx(distances_by_definition(p, t, spacing), abs=1e-9)
    assert hausdorff95(t, p, spacing=spacing) == pytest.approx(found.hausdorff95)
    assert average_surface_distance(t, p, spacing=spacing) == pytest.approx(found.average)
    assert hausdorff95(p, p) == average_surface_distance(p, p) == 0


def test_spacing_scales_lengths():
    random = np.random.default_rng(9)
    p, t = blob(random, (20, 20)), blob(random, (20, 20))
    assert hausdorff95(p, t, spacing=2.5) == pytest.approx(2.5 * hausdorff95(p, t))
    voxel, other = np.zeros((5, 5, 5), bool), np.zeros((5, 5, 5), bool)
    voxel[0, 0, 0] = other[4, 3, 0] = True
    assert hausdorff95(voxel, other, spacing=(3, 4, 9)) == pytest.approx(math.hypot(12, 12))


def test_empty_masks():
    empty, full = np.zeros((6, 6), bool), np.ones((6, 6), bool)
    assert math.isnan(hausdorff95(empty, empty))
    assert math.isnan(average_surface_distance(empty, empty))
    assert hausdorff95(empty, full) == hausdorff95(full, empty) == math.inf
    assert surface_distances(full, full).hausdorff == 0


def test_any_non_zero_value_is_the_object():
    random = np.random.default_rng(10)
    p, t = blob(random, (30, 40)), blob(random, (30, 40))
    expected = mask_boundary_scores(p, t).to_dict()
    assert mask_boundary_scores(p.astype(np.uint8) * 255, t.astype(np.int64) * -3).to_dict() == expected
    assert mask_boundary_scores(Segmentation.from_mask(p), Segmentation.from_mask(t)).to_dict() == expected
    assert "Hausdorff 95" in expected["protocol"]


def test_bad_input():
    small, large = np.zeros((4, 5), bool), np.zeros((5, 4), bool)
    for score in (boundary_iou, davis_f, davis_j, trimap_iou, hausdorff95, surface_distances):
        with pytest.raises(InputError, match="prediction 4x5, truth 5x4"):
            score(small, large)
    with pytest.raises(InputError, match="colour"):
        boundary_iou(np.zeros((4, 5, 3), np.uint8), small)
    with pytest.raises(InputError, match="float64"):
        davis_f(np.zeros((4, 5)), small)
    with pytest.raises(InputError, match=r"mask\(id\)"):
        davis_f(Segmentation.from_labels(np.zeros((4, 5), int)), small)
    with pytest.raises(OptionError, match="ratio"):
        boundary_iou(small, small, 0)
    with pytest.raises(OptionError, match="widths"):
        trimap_iou(small, small, (0,))
    for spacing in (0, (1, 2, 3), (1, math.nan)):
        with pytest.raises(OptionError, match="spacing"):
            hausdorff95(small, small, spacing=spacing)
