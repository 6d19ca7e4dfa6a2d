"""Texture: features against scikit-image and by hand, and made images with one right answer."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.classical.gabor import HIGHEST, bank, gabor_energies, transfer
from kontur.classical.gabor import gabor as gabor_method
from kontur.classical.glcm import DIRECTIONS, cooccurrence_features, grey_levels
from kontur.classical.glcm import glcm as glcm_method
from kontur.classical.lbp import lbp as lbp_method
from kontur.classical.lbp import uniform_codes
from kontur.classical.texture_clusters import grid_step, texture_segments
from kontur.core.image import Image


def agreement(ids: np.ndarray, truth: np.ndarray) -> float:
    """The share of pixels right, with the two names given the better way round."""
    same = float(((ids == 1) == truth).mean())
    return max(same, 1 - same)


def halves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, x = np.mgrid[:160, :240]
    return y, x, x < 120


@pytest.mark.parametrize("method", [gabor_method, glcm_method])
@pytest.mark.parametrize("period", [4, 8])
@pytest.mark.parametrize("position", [0.0, 0.5])
def test_upright_and_lying_bars_of_one_mean(method, period, position):
    y, x, left = halves()
    bars = np.where(left, x // (period // 2) % 2, y // (period // 2) % 2) * 100.0 + 80
    noisy = bars + np.random.default_rng(0).normal(0, 8, bars.shape)
    image = np.clip(noisy, 0, 255).astype(np.uint8)
    assert abs(image[left].mean() - image[~left].mean()) < 2
    assert agreement(method(image, clusters=2, position=position).ids, left) > 0.95


@pytest.mark.parametrize("method", [gabor_method, glcm_method, lbp_method])
def test_bars_and_noise_of_one_mean(method):
    y, _, left = halves()
    rng = np.random.default_rng(1)
    image = (np.where(left, rng.integers(0, 2, y.shape), y // 4 % 2) * 100 + 50).astype(np.uint8)
    assert agreement(method(image, clusters=2, position=0.0).ids, left) > 0.95


def test_patterns_do_not_see_rotation_or_brightness():
    y, x, left = halves()
    image = np.where(left, x // 4 % 2 * 60 + 40, y // 4 % 2 * 100 + 120).astype(np.uint8)
    histogram = [np.bincount(uniform_codes((half / 255).astype(np.float32), 8, 1.0)[8:-8, 8:-8].ravel(), minlength=10)
                 for half in (image[:, :120], image[:, 120:].T)]  # fmt: skip
    shares = [h / h.sum() for h in histogram]
    assert np.abs(shares[0] - shares[1]).max() < 0.03


@pytest.mark.parametrize(("points", "radius"), [(8, 1.0), (16, 2.0), (24, 3.0)])
def test_codes_equal_scikit_images(points, radius):
    from skimage.feature import local_binary_pattern

    image = np.random.default_rng(0).integers(0, 256, (60, 70), np.uint8)
    peer = local_binary_pattern(image, points, radius, "uniform")
    ours = uniform_codes((image / 255).astype(np.float32), points, radius)
    assert (ours[4:-4, 4:-4] == peer[4:-4, 4:-4]).all()  # at the border scikit-image sees black


def test_codes_by_hand():
    spot, edge = np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32)
    spot[1, 1] = 1
    edge[:, 1:] = 1
    corner = np.array([[1, 0, 1], [0, 0.5, 0], [1, 0, 1]], np.float32)
    assert uniform_codes(spot, 8, 1.0)[1, 1] == 0  # nobody as bright
    assert uniform_codes(np.zeros((3, 3), np.float32), 8, 1.0).tolist() == [[8] * 3] * 3  # all as bright
    assert uniform_codes(edge, 4, 1.0)[1, 1] == 3  # all but the left one
    assert uniform_codes(corner, 4, 1.0)[1, 1] == 0
    cross = 1 - corner
    assert uniform_codes(cross, 8, 1.0)[1, 1] == 9  # bright and dark in turn: not one arc
    assert uniform_codes(cross, 4, 1.0)[1, 1] == 4


@pytest.mark.parametrize("distance", [1, 2])
def test_cooccurrence_equals_a_matrix_of_each_window(distance):
    from skimage.feature import graycoprops

    level = np.random.default_rng(0).integers(0, 6, (17, 23)).astype(np.uint8)
    level[:6, :6] = 3  # a flat corner
    radius = 4
    features = cooccurrence_features(level, 6, radius, distance)
    assert features.shape == (17, 23, 4, 5)
    for y, x in [(0, 0), (1, 22), (8, 11), (16, 22), (15, 3), (9, 0)]:
        window = level[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1].astype(int)
        for d, (dy, dx) in enumerate(DIRECTIONS):
            matrix = np.zeros((6, 6))
            for v in range(window.shape[0]):
                for u in range(window.shape[1]):
                    w, z = v + dy * distance, u + dx * distance
                    if 0 <= w < window.shape[0] and 0 <= z < window.shape[1]:
                        matrix[window[v, u], window[w, z]] += 1
                        matrix[window[w, z], window[v, u]] += 1
            p = (matrix / matrix.sum())[:, :, None, None]
            expected = [graycoprops(p, name)[0, 0] for name in ("energy", "contrast", "correlation", "homogeneity")]
            expected.append(-(p[p > 0] * np.log(p[p > 0])).sum())
            assert features[y, x, d] == pytest.approx(expected, abs=1e-5)


def test_cooccurrence_by_hand():
    # One row 0 1 1: pairs side by side 01 and 11; p(0,1) = p(1,0) = 1/4, p(1,1) = 1/2.
    features = cooccurrence_features(np.array([[0, 1, 1]], np.uint8), 2, 1)
    energy, contrast, correlation, homogeneity, entropy = features[0, 1, 0]
    assert energy == pytest.approx((1 / 16 + 1 / 16 + 1 / 4) ** 0.5)
    assert contrast == pytest.approx(1 / 2)
    assert correlation == pytest.approx((1 / 2 - 9 / 16) / (3 / 4 - 9 / 16))
    assert homogeneity == pytest.approx(1 / 2 + 1 / 2 / 2)
    assert entropy == pytest.approx(1.5 * np.log(2))
    assert (features[0, 1, 1:] == 0).all()  # no pair up or down in one row


def test_levels_ignore_a_hot_pixel():
    grey = np.tile(np.linspace(0.2, 0.4, 100, dtype=np.float32), (50, 1))
    grey[0, 0] = 1
    level = grey_levels(grey, 8)
    assert np.bincount(level.ravel(), minlength=8).min() > 500


def test_filter_has_a_bandwidth_of_one_octave_and_no_answer_to_a_constant():
    frequency = np.linspace(0, 0.5, 5001)
    answer = transfer(0.15, 0.0, np.zeros(5001), frequency)
    assert answer[0] == 0
    assert frequency[answer.argmax()] == pytest.approx(0.15, abs=1e-3)
    passed = frequency[answer >= 0.5]
    assert passed[-1] / passed[0] == pytest.approx(2, abs=0.01)
    # and 45 degrees: half the peak at 22.5 degrees to each side, on the line across the peak
    turned = transfer(0.15, 0.0, np.array([0.15 * np.tan(np.pi / 8)]), np.array([0.15]))
    assert turned[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("quarter", range(4))
def test_a_wave_answers_in_its_own_filter(quarter):
    y, x = np.mgrid[:128, :128]
    direction = quarter * np.pi / 4
    frequency = HIGHEST / 2
    wave = 0.5 + 0.02 * np.cos(2 * np.pi * frequency * (x * np.cos(direction) + y * np.sin(direction)))
    filters = bank(3, 128)
    spectrum = np.fft.fft2(wave - wave.mean())
    fy, fx = np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None, :]
    energy = [(np.abs(spectrum * transfer(f, d, fy, fx)) ** 2).sum() for f, d in filters]
    assert filters[int(np.argmax(energy))] == (frequency, direction)


def test_constant_image_has_no_energy():
    assert (gabor_energies(np.full((40, 50), 0.3, np.float32), 5, 6.0) == 0).all()


def test_bank_of_a_small_image_leaves_out_long_waves():
    assert len(bank(5, 1000)) == 20
    assert max(1 / f for f, _ in bank(5, 30)) <= 15
    assert len(bank(5, 1)) == 4


def test_features_on_a_grid_give_nearly_the_same_regions():
    rng = np.random.default_rng(0)
    smooth = np.repeat(np.repeat(rng.random((6, 8, 3)), 20, axis=0), 20, axis=1).astype(np.float32)
    image = Image(np.zeros((120, 160), np.uint8))
    full = texture_segments(smooth, 1, image, 3, 0.0, 0)
    coarse = texture_segments(np.ascontiguousarray(smooth[::4, ::4]), 4, image, 3, 0.0, 0)
    pairs = np.zeros((4, 4), int)
    np.add.at(pairs, (full.ids, coarse.ids), 1)
    assert pairs.max(axis=1).sum() > 0.85 * full.ids.size
    assert grid_step((321, 481)) == 1
    assert grid_step((3000, 4000)) == 5
