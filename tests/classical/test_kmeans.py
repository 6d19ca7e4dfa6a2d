"""K-means: worked by hand, never worse than scikit-learn's, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.kmeans import first_centres, iterate, lloyd, nearest
from kontur.classical.kmeans import kmeans as method
from kontur.classical.pixel_features import colour_features, sample, standardised, with_position
from kontur.core.image import Image


def test_one_step_by_hand():
    points = np.array([[0], [1], [4], [5]], np.float32)
    centres, squares = iterate(points, np.array([[0], [5]], np.float32))
    assert centres.ravel().tolist() == [0.5, 4.5]
    assert squares == pytest.approx(4 * 0.25)


@pytest.mark.parametrize("seed", range(4))
def test_sum_of_squares_is_about_scikit_learns(seed):
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(rng.random(3), 0.1, (400, 3)) for _ in range(6)]).astype(np.float32)
    peer = KMeans(6, n_init=5, random_state=0).fit(points)
    centres, labels = lloyd(points, 6, seed)
    assert ((points - centres[labels]) ** 2).sum() <= 1.05 * peer.inertia_


def test_each_point_has_the_nearest_centre():
    rng = np.random.default_rng(0)
    points, centres = rng.random((500, 4)).astype(np.float32), rng.random((7, 4)).astype(np.float32)
    by_all = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest(points, centres) == by_all).all()


def test_first_centres_are_distinct_and_no_more_than_the_distinct_points():
    points = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    assert len(first_centres(points, 8, 0)) == 3
    assert len(np.unique(first_centres(points, 3, 5), axis=0)) == 3


@pytest.mark.parametrize("space", ["lab", "rgb", "hsv"])
def test_flag_of_three_colours(space):
    colours = np.array([[20, 20, 120], [210, 30, 40], [240, 240, 240]])  # dark to bright
    noise = np.random.default_rng(0).normal(0, 6, (60, 90, 3))
    flag = np.clip(np.repeat(colours, 30, axis=0)[None] + noise, 0, 255).astype(np.uint8)
    result = method(flag, clusters=3, space=space)
    assert (result.ids == np.repeat([1, 2, 3], 30)).all()  # ids rise with the brightness


def test_position_keeps_clusters_together():
    checks = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8))).astype(np.uint8) * 40 + 100
    apart = method(checks, clusters=2)
    near = method(checks, clusters=2, position=5.0)
    assert len(apart.split()) == 2  # the two colours, joined over corners
    assert (apart.ids == checks // 140 + 1).all()
    halves = {float(near.mask(i).any(axis=0).mean()) * float(near.mask(i).any(axis=1).mean()) for i in (1, 2)}
    assert max(halves) < 0.7  # two halves of the square, each with both colours


def test_all_bands_count():
    image = np.zeros((10, 10, 5), np.float32)
    image[:, 5:, 4] = 1  # only the fifth band differs
    result = method(image, clusters=2)
    assert len(result) == 2
    assert "all 5 bands used as they are" in result.provenance.notes
    assert not any("colour methods see" in note for note in result.provenance.notes)


def test_colours_agree_with_scikit_image():
    from skimage.color import rgb2hsv, rgb2lab

    rgb = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    lab, note = colour_features(Image(rgb), "lab")
    assert np.abs(lab * 100 - rgb2lab(rgb)).max() < 0.01
    assert note == ""
    hue, saturation, value = np.moveaxis(rgb2hsv(rgb), 2, 0)
    cone = np.stack(
        [saturation * value * np.cos(2 * np.pi * hue), saturation * value * np.sin(2 * np.pi * hue), value], 2
    )
    assert np.abs(colour_features(Image(rgb), "hsv")[0] - cone).max() < 1e-5
    assert (colour_features(Image(rgb), "rgb")[0] == rgb).all()


def test_helpers_by_hand():
    placed = with_position(np.zeros((2, 4, 1), np.float32), 2.0)
    assert placed[1, 3].tolist() == [0, 1.5, 0.5]  # x, then y: 3 and 1 of the longer side's 4, times 2
    even = standardised(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32))
    assert even.tolist() == [[-1, 0], [1, 0]]
    points = np.arange(100, dtype=np.float32)[:, None]
    drawn = sample(points, 10, 3).ravel()
    assert len(set(drawn)) == 10
    assert (np.diff(drawn) > 0).all()
    assert sample(points, 100, 3) is points
