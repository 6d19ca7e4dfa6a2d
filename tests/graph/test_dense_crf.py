"""Dense CRF: against the mean field written out with every pair of pixels, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kontur.core.errors import InputError, OptionError, PromptError
from kontur.core.prompts import Prompts
from kontur.graph.dense_crf import dense_crf, refine_probabilities
from kontur.kernels.permutohedral import Lattice


def two_halves(height=24, width=30, noise=0.0, seed=0):
    """Left dark, right light, as uint8 RGB; and a noisy probability of the right half (K=2, H, W)."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 60, np.uint8)
    image[:, width // 2 :] = (190, 170, 150)
    right = np.where(np.arange(width) >= width // 2, 0.65, 0.35) + noise * rng.standard_normal((height, width))
    right = np.clip(right, 0.02, 0.98)
    return image, np.stack([1 - right, right]).astype(np.float32)


def exact_mean_field(
    probabilities, image, *, iterations, sxy=80.0, srgb=13.0, weight=10.0, smooth_sxy=3.0, smooth_weight=3.0
):
    """The same model in O(N²): full kernel matrices, float64."""
    count, height, width = probabilities.shape
    rows, columns = np.indices((height, width)).reshape(2, -1)
    colours = image.reshape(height * width, -1).astype(float)

    def kernel(*features):
        points = np.stack(features, 1)
        matrix = np.exp(-((points[:, None] - points) ** 2).sum(2) / 2)
        scale = 1 / np.sqrt(matrix.sum(1))
        return scale[:, None] * matrix * scale

    near = kernel(columns / smooth_sxy, rows / smooth_sxy)
    far = kernel(columns / sxy, rows / sxy, *(colours.T / srgb))
    unary = -np.log(probabilities.reshape(count, -1).astype(float))
    q = np.exp(-unary)
    for _ in range(iterations):
        energy = -unary + smooth_weight * q @ near + weight * q @ far
        q = np.exp(energy - energy.max(0))
        q /= q.sum(0)
    return q.reshape(count, height, width)


def test_lattice_is_the_gaussian_up_to_its_known_gain():
    points = np.random.default_rng(1).normal(size=(600, 3)) * 1.5
    values = np.random.default_rng(2).random((600, 2)).astype(np.float32)
    exact = np.exp(-((points[:, None] - points) ** 2).sum(2) / 2) @ values
    filtered = Lattice.of(points).filter(values)
    assert np.corrcoef(filtered.ravel(), exact.ravel())[0, 1] > 0.995
    ratio = filtered / exact
    assert ratio.std() / ratio.mean() < 0.12


def test_lattice_weights_are_barycentric():
    features = np.random.default_rng(3).normal(size=(500, 5)) * 20
    lattice = Lattice.of(features)
    assert lattice.weights.min() > -1e-4
    np.testing.assert_allclose(lattice.weights.sum(1), 1, atol=1e-4)
    assert lattice.corners.max() == lattice.vertices - 1


def test_lattice_neighbours_are_mutual():
    lattice = Lattice.of(np.random.default_rng(4).normal(size=(400, 3)) * 3)
    for axis in lattice.neighbours:
        for side in (0, 1):
            here = np.flatnonzero(axis[:, side] < lattice.vertices)
            assert here.size
            np.testing.assert_array_equal(axis[axis[here, side], 1 - side], here)


@pytest.mark.parametrize("count", [2, 3, 9, 26])
def test_agrees_with_every_pair_of_pixels(count):
    rng = np.random.default_rng(count)
    image = np.repeat(np.repeat(rng.integers(0, 256, (4, 5, 3)), 7, 0), 6, 1).astype(np.uint8)
    probabilities = rng.random((count, 28, 30)) + 0.5
    for k in range(count):
        probabilities[k, :, k::count] += 1.0
        probabilities[k, 7 * (k % 4) : 7 * (k % 4) + 7] += 0.5
    probabilities = (probabilities / probabilities.sum(0)).astype(np.float32)
    ours = refine_probabilities(probabilities, image, iterations=5)
    exact = exact_mean_field(probabilities, image, iterations=5)
    np.testing.assert_allclose(ours.sum(0), 1, atol=1e-5)
    assert (ours.argmax(0) == exact.argmax(0)).mean() >= 0.97  # the lattice approximates the Gaussian


def test_no_iteration_gives_the_input_back():
    rng = np.random.default_rng(0)
    for count in (2, 5):
        probabilities = rng.random((count, 8, 9)).astype(np.float32)
        probabilities /= probabilities.sum(0)
        ours = refine_probabilities(probabilities, np.zeros((8, 9), np.uint8), iterations=0)
        np.testing.assert_allclose(ours, probabilities, atol=1e-5)


def test_noise_is_cleaned_up_along_the_image_edge():
    image, probabilities = two_halves(noise=0.15)
    truth = np.arange(30) >= 15
    before = (probabilities.argmax(0) == truth).mean()
    after = refine_probabilities(probabilities, image).argmax(0)
    assert before < 0.95
    assert (after == truth).all()


def test_two_labels_agree_with_the_many_label_loop():
    """A third label of probability 0 changes nothing: the two code paths are the same model."""
    image, probabilities = two_halves(noise=0.2, seed=5)
    three = np.concatenate([probabilities, np.zeros_like(probabilities[:1])])
    two = refine_probabilities(probabilities, image, iterations=4)
    np.testing.assert_allclose(refine_probabilities(three, image, iterations=4)[:2], two, atol=2e-4)


def test_label_order_does_not_matter():
    rng = np.random.default_rng(8)
    image = rng.integers(0, 256, (20, 20, 3)).astype(np.uint8)
    probabilities = rng.random((4, 20, 20)).astype(np.float32)
    forward = refine_probabilities(probabilities, image)
    np.testing.assert_allclose(refine_probabilities(probabilities[::-1], image)[::-1], forward, atol=1e-5)


def test_both_layouts_and_any_bands():
    image, probabilities = two_halves(noise=0.2)
    first = refine_probabilities(probabilities, image)
    last = refine_probabilities(np.moveaxis(probabilities, 0, -1), image)
    np.testing.assert_array_equal(np.moveaxis(last, -1, 0), first)
    for bands in (image[..., 0], np.concatenate([image, image[..., :2], image], 2)):
        assert (refine_probabilities(probabilities, bands).argmax(0) == (np.arange(30) >= 15)).all()


def test_weights_of_zero_leave_the_kernels_out():
    image, probabilities = two_halves(noise=0.3)
    ours = refine_probabilities(probabilities, image, weight=0, smooth_weight=0)
    np.testing.assert_allclose(ours, probabilities, atol=1e-5)


@pytest.mark.parametrize(
    "bad", [np.ones((2, 5, 5)), np.ones((5, 5)), np.full((2, 6, 6), np.nan), np.full((2, 6, 6), -1.0)]
)
def test_bad_probabilities(bad):
    with pytest.raises(InputError, match="probabilities: expected"):
        refine_probabilities(bad, np.zeros((6, 6), np.uint8))


def test_bad_scale():
    with pytest.raises(OptionError, match="srgb"):
        refine_probabilities(np.ones((2, 6, 6)), np.zeros((6, 6), np.uint8), srgb=0)


def test_method_with_a_box():
    image = np.full((40, 50, 3), 40, np.uint8)
    image[10:30, 15:35] = (200, 60, 60)
    image = np.clip(image + np.random.default_rng(0).normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    result = dense_crf(image, Prompts.of(box=(11, 7, 40, 34)))
    truth = np.zeros((40, 50), bool)
    truth[10:30, 15:35] = True
    assert (result.foreground == truth).mean() > 0.995
    assert result.background == 1


def test_method_with_seeds_of_three_labels():
    image = np.zeros((30, 30, 3), np.uint8)
    image[:, 10:20] = (200, 0, 0)
    image[:, 20:] = (0, 0, 200)
    seeds = np.zeros((30, 30), np.int32)
    seeds[5, 3], seeds[15, 14], seeds[25, 27] = 1, 2, 3
    result = dense_crf(image, Prompts.of(scribbles=seeds))
    np.testing.assert_array_equal(result.ids, np.repeat([[1] * 10 + [2] * 10 + [3] * 10], 30, 0))


def test_method_without_prompts_finds_the_colours():
    image, _ = two_halves()
    result = dense_crf(image, labels=2)
    np.testing.assert_array_equal(result.boundaries().any(0).nonzero()[0], [14, 15])


def test_seeds_of_one_label_only():
    with pytest.raises(PromptError, match="two labels"):
        dense_crf(np.zeros((9, 9), np.uint8), Prompts.of(point=(2, 2, 1)))


def test_box_without_background():
    with pytest.raises(PromptError, match="background around"):
        dense_crf(np.zeros((9, 9), np.uint8), Prompts.of(box=(0, 0, 9, 9)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_and_constant(shape):
    assert dense_crf(np.full(shape, 7, np.uint8)).ids.min() == 1
    assert len(dense_crf(np.full(shape, 7, np.uint8))) == 1
