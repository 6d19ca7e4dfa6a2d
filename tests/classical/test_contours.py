"""Snakes on a known shape; Chan-Vese and geodesic contours equal to scikit-image's after the same number of steps."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
from scipy import ndimage
from skimage import segmentation
from skimage.segmentation import morphsnakes

from kontur.classical import snakes as snakes_module
from kontur.classical.chan_vese import chan_vese, checkerboard, ellipse
from kontur.classical.geodesic_contours import evolve, geodesic_contours
from kontur.classical.level_set_kernel import evolve_chan_vese
from kontur.classical.snakes import relaxed, snakes
from kontur.core.prompts import Prompts

EVOLVE_CHAN_VESE_TOLERANCE = 1e-6  # of phi, after 60 steps


def disc(shape=(120, 140), centre=(60, 70), radius=30) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2


def blurred_noise(seed: int, shape=(70, 90)) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 4)
    return (image - image.min()) / np.ptp(image)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def geodesic_peer(edges, inside, *, iterations, smoothing, threshold, balloon):
    # scikit-image keeps the turn of its two curvature operators from one call to the next; begin with the first.
    morphsnakes._curvop.funcs = cycle(
        [
            lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
            lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u)),
        ]
    )
    return morphsnakes.morphological_geodesic_active_contour(
        edges, iterations, init_level_set=inside, smoothing=smoothing, threshold=threshold, balloon=balloon
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("start", ["checkerboard", "ellipse"])
def test_chan_vese_equals_scikit_image(seed, start):
    image = blurred_noise(seed)
    first = checkerboard(image.shape) if start == "checkerboard" else ellipse(image.shape, (10, 10, 70, 60))
    ours, steps = evolve_chan_vese(image, first, 0.2, 1.0, 1.3, 1e-3, 60, 0.5)
    mask, phi, energies = segmentation.chan_vese(
        image, 0.2, 1.0, 1.3, tol=1e-3, max_num_iter=60, dt=0.5, init_level_set=first, extended_output=True
    )
    assert steps == len(energies)
    assert np.abs(ours - phi).max() < EVOLVE_CHAN_VESE_TOLERANCE
    assert np.array_equal(ours > 0, mask)


def test_chan_vese_of_an_8_bit_image_equals_scikit_image():
    image = (blurred_noise(5) * 255).astype(np.uint8)
    peer = segmentation.chan_vese(image.astype(float), tol=1e-4, max_num_iter=80)
    assert (chan_vese(image, iterations=80).foreground == peer).mean() > 0.9999


def test_chan_vese_finds_a_noisy_disc():
    truth = disc()
    image = (np.where(truth, 0.7, 0.3) + np.random.default_rng(0).normal(0, 0.1, truth.shape)).astype(np.float32)
    found = chan_vese(image, Prompts.of((20, 10, 130, 115))).foreground
    assert iou(found, truth) > 0.97


@pytest.mark.parametrize("balloon", [-1.0, 0.0, 1.5])
@pytest.mark.parametrize("smoothing", [0, 1, 3])
@pytest.mark.parametrize("seed", range(2))
def test_geodesic_contours_equal_scikit_image_pixel_for_pixel(seed, smoothing, balloon):
    image = blurred_noise(seed)
    edges = segmentation.inverse_gaussian_gradient(image, 500.0, 1.5)
    inside = ellipse(image.shape, (5, 0, 90, 66)) > 0  # touches the border
    for iterations in (1, 2, 37):
        options = {"iterations": iterations, "smoothing": smoothing, "threshold": 0.6, "balloon": balloon}
        assert np.array_equal(evolve(edges, inside, **options), geodesic_peer(edges, inside, **options) > 0)


def test_geodesic_method_is_the_peers_pipeline():
    image = blurred_noise(3)
    box = (10, 8, 80, 64)
    edges = segmentation.inverse_gaussian_gradient(image.astype(np.float32).astype(np.float64), 1000.0, 2.0)
    peer = geodesic_peer(
        edges,
        ellipse(image.shape, box) > 0,
        iterations=200,
        smoothing=1,
        threshold=np.percentile(edges, 40),
        balloon=-1,
    )
    ours = geodesic_contours(image.astype(np.float32), Prompts.of(box)).foreground
    assert np.array_equal(ours, peer > 0)
    assert ours.any()


def test_geodesic_contours_shrink_onto_a_disc():
    truth = disc()
    image = np.where(truth, 200, 60).astype(np.uint8)
    assert iou(geodesic_contours(image).foreground, truth) > 0.93
    # From inside, growing.
    grown = geodesic_contours(image, Prompts.of((60, 50, 80, 70)), balloon=1.0).foreground
    assert iou(grown, truth) > 0.93


def test_a_snake_closes_on_a_disc():
    truth = disc()
    image = np.where(truth, 200, 60).astype(np.uint8)
    result = snakes(image, Prompts.of((30, 20, 110, 100)))
    assert iou(result.foreground, truth) > 0.95
    assert iou(snakes(255 - image, Prompts.of((30, 20, 110, 100))).foreground, truth) > 0.95


def test_two_boxes_are_two_objects():
    image = np.where(disc((100, 200), (50, 50), 25) | disc((100, 200), (50, 150), 25), 220, 40).astype(np.uint8)
    result = snakes(image, Prompts.of([(18, 18, 82, 82), (118, 18, 182, 82)]))
    assert [s.id for s in result.segments] == [1, 2, 3]
    assert iou(result.ids == 2, disc((100, 200), (50, 50), 25)) > 0.93
    assert iou(result.ids == 3, disc((100, 200), (50, 150), 25)) > 0.93


def test_a_step_solves_the_papers_equation():
    # (A + viscosity) v' = viscosity v + f with A = elasticity * D2 + rigidity * D2^2 on a closed curve, as a matrix.
    draw = np.random.default_rng(0)
    curve = 20 + 10 * draw.random((12, 2))
    force = np.zeros((2, 50, 50)) + np.array([0.3, -0.2])[:, None, None]
    second = 2 * np.eye(12) - np.roll(np.eye(12), 1, axis=0) - np.roll(np.eye(12), -1, axis=0)
    matrix = 0.7 * second + 0.4 * second @ second + 0.5 * np.eye(12)
    expected = np.linalg.solve(matrix, 0.5 * curve + np.array([0.3, -0.2]))
    assert relaxed(curve, force, 0.7, 0.4, 0.5, 1) == pytest.approx(expected)


def test_a_snake_without_edges_shrinks_and_never_leaves_the_image():
    curve = snakes_module._ellipse((0, 0, 60, 40))
    rested = relaxed(curve, np.zeros((2, 40, 60)), 0.5, 0.5, 0.2, 500)
    assert np.ptp(rested, axis=0).max() < np.ptp(curve, axis=0).max()
    pulled = relaxed(curve, np.ones((2, 40, 60)), 0.1, 0.1, 0.2, 300)
    assert pulled.max(axis=0).tolist() == [39, 59]
