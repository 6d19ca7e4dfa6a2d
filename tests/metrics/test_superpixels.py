"""The nine superpixel numbers: by hand, against their formulas in plain NumPy, and what must not change them."""

from __future__ import annotations

import math
from dataclasses import astuple, fields

import numpy as np
import pytest

from kontur.core.errors import InputError
from kontur.core.segmentation import Segmentation
from kontur.metrics.superpixels import SuperpixelScores, mean_superpixel_scores, superpixel_scores


def id_map(text: str) -> np.ndarray:
    """Draw an id map: one digit a pixel, one word a row."""
    return np.array([[int(c) for c in row] for row in text.split()])


def by_definition(labels: np.ndarray, truth: np.ndarray, image: np.ndarray) -> list[float]:
    """The formulas one after the other, with masks; in the order of the fields."""
    height, width = labels.shape
    count = labels.size

    def boundary(m: np.ndarray) -> np.ndarray:
        padded = np.pad(m, 1, mode="edge")
        shifted = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
        return np.any([s != m for s in shifted], axis=0)

    def near(m: np.ndarray, r: int) -> np.ndarray:
        return np.array(
            [
                [m[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1].any() for x in range(width)]
                for y in range(height)
            ]
        )

    radius = math.floor(0.0025 * math.sqrt(height**2 + width**2) + 0.5)
    ours, theirs = boundary(labels), boundary(truth)
    hits = (theirs & near(ours, radius)).sum()
    wrong = (ours & ~near(theirs, radius)).sum()
    pieces = [labels == value for value in np.unique(labels)]
    regions = [truth == value for value in np.unique(truth)]
    achieved = sum(max((s & g).sum() for g in regions) for s in pieces) / count
    np_error = sum(min((s & g).sum(), (s & ~g).sum()) for g in regions for s in pieces if (s & g).any()) / count
    levinshtein = [
        (sum(s.sum() for s in pieces if (s & g).any()) - g.sum()) / g.sum() if g.any() else 0.0
        for g in (truth == value for value in range(truth.max() + 1))
    ]
    values = image.reshape(height, width, -1).astype(np.float64)
    mean = values.mean(axis=(0, 1))
    between = sum(s.sum() * ((values[s].mean(axis=0) - mean) ** 2).sum() for s in pieces)
    total = ((values - mean) ** 2).sum()
    compactness = 0.0
    for s in pieces:
        framed = np.pad(s, 1)
        perimeter = (framed[1:] != framed[:-1]).sum() + (framed[:, 1:] != framed[:, :-1]).sum()
        compactness += s.sum() / count * 4 * math.pi * s.sum() / perimeter**2
    return [
        hits / theirs.sum() if theirs.any() else math.nan,
        hits / (hits + wrong) if hits + wrong else math.nan,
        1 - achieved,
        np_error,
        float(np.mean(levinshtein)),
        achieved,
        between / total if total else math.nan,
        compactness,
        ours.mean(),
    ]


def regions_of(random: np.random.Generator, shape: tuple[int, int], count: int) -> np.ndarray:
    """Voronoi cells of random points: region-like labels 0..count-1."""
    points = random.random((count, 2)) * shape
    grid = np.stack(np.mgrid[: shape[0], : shape[1]], axis=-1)
    return ((grid[:, :, None] - points) ** 2).sum(-1).argmin(-1)


def test_by_hand():
    # Superpixel 2 covers two pixels of region 0 and two of region 1; region 1 lies in no other superpixel.
    labels, truth = id_map("1122 1122"), id_map("0001 0001")
    image = np.array([[0, 0, 6, 6], [0, 0, 6, 12]], np.uint8)
    scores = superpixel_scores(labels, truth, image)
    # Radius 0: the truth's boundary is columns 2 and 3, ours columns 1 and 2: two of four hit, two of ours wrong.
    assert scores.boundary_recall == 2 / 4
    assert scores.boundary_precision == 2 / (2 + 2)
    assert scores.achievable_accuracy == 6 / 8
    assert scores.undersegmentation_error == 2 / 8
    assert scores.undersegmentation_error_np == (2 + 2) / 8  # superpixel 2 leaks two pixels either way
    assert scores.undersegmentation_error_levinshtein == ((8 - 6) / 6 + (4 - 2) / 2) / 2
    # Means 0 and 7.5 about 3.75; the pixels' own spread: 4 * 3.75^2 + 3 * 2.25^2 + 8.25^2.
    spread = 4 * 3.75**2 + 3 * 2.25**2 + 8.25**2
    assert scores.explained_variation == pytest.approx(8 * 3.75**2 / spread, abs=1e-12)
    assert scores.compactness == pytest.approx(4 * math.pi * 4 / 8**2)  # two squares of side 2
    assert scores.contour_density == 4 / 8


@pytest.mark.parametrize("seed", range(12))
def test_every_number_equals_its_formula(seed: int):
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 60, 2)) if seed % 3 else (150, 290)  # the larger one has a radius of 1
    labels, truth = regions_of(random, shape, 12), regions_of(random, shape, 5)
    if seed % 4 == 3:
        labels = random.integers(0, 4, shape)  # noise: runs of one pixel, superpixels in many pieces
    truth = truth * 2 + 1  # values that do not occur, for Levinshtein's mean
    image = random.integers(0, 256, (*shape, 3)).astype(np.uint8) if seed % 2 else random.random(shape)
    scores = superpixel_scores(labels, truth, image)
    assert astuple(scores) == pytest.approx(by_definition(labels, truth, image), abs=1e-12, nan_ok=True)


def test_radius_grows_with_the_diagonal():
    labels, truth = np.zeros((900, 1000), int), np.zeros((900, 1000), int)
    labels[:, 500:] = 1  # 0.0025 x 1345 = 3.4: a boundary three columns away is near, four is not
    for offset, recall in (
        (3, 1.0),
        (4, 0.5),
        (5, 0.0),
    ):  # ours are columns 499 and 500, the truth's are `offset` further
        truth[:] = 0
        truth[:, 500 + offset :] = 1
        assert superpixel_scores(labels, truth, np.zeros((900, 1000))).boundary_recall == recall


def test_the_truth_itself_is_perfect():
    truth = regions_of(np.random.default_rng(1), (80, 120), 9)
    scores = superpixel_scores(truth, truth, truth.astype(np.uint8))
    assert scores.boundary_recall == scores.boundary_precision == scores.achievable_accuracy == 1
    assert scores.explained_variation == pytest.approx(1, abs=1e-12)
    assert (
        scores.undersegmentation_error
        == scores.undersegmentation_error_np
        == scores.undersegmentation_error_levinshtein
        == 0
    )


def test_renaming_superpixels_changes_nothing():
    random = np.random.default_rng(2)
    labels, truth = regions_of(random, (90, 70), 15), regions_of(random, (90, 70), 4)
    image = random.random((90, 70, 5))
    names = random.permutation(15)[labels]
    scores = astuple(superpixel_scores(labels, truth, image))
    for renamed in (names, names - 7, names * 10**12, names.astype(np.uint8), Segmentation.from_labels(names)):
        assert astuple(superpixel_scores(renamed, truth, image)) == pytest.approx(scores, abs=1e-12)


def test_colour_scale_and_offset_change_nothing():
    random = np.random.default_rng(3)
    labels, truth = regions_of(random, (50, 50), 10), regions_of(random, (50, 50), 3)
    image = random.integers(0, 200, (50, 50, 3)).astype(np.uint8)
    expected = superpixel_scores(labels, truth, image).explained_variation
    far = image.astype(np.float64) * 3 + 1e7  # float32 sums of such values would be off in the second digit
    assert superpixel_scores(labels, truth, far).explained_variation == pytest.approx(expected, abs=1e-9)


def test_undefined_numbers_are_nan_and_left_out_of_means():
    flat = np.zeros((4, 4), int)
    scores = superpixel_scores(flat, flat, np.full((4, 4), 7, np.uint8))
    assert math.isnan(scores.boundary_recall)
    assert math.isnan(scores.boundary_precision)
    assert math.isnan(scores.explained_variation)
    assert scores.compactness == pytest.approx(math.pi / 4)
    other = superpixel_scores(id_map("01 01"), id_map("01 01"), id_map("01 01"))
    mean = mean_superpixel_scores(s for s in (scores, other))
    assert mean.boundary_recall == 1
    assert mean.contour_density == 0.5


def test_names_are_the_contract():
    assert [f.name for f in fields(SuperpixelScores)] == [
        "boundary_recall",
        "boundary_precision",
        "undersegmentation_error",
        "undersegmentation_error_np",
        "undersegmentation_error_levinshtein",
        "achievable_accuracy",
        "explained_variation",
        "compactness",
        "contour_density",
    ]
    assert "boundary pixel" in SuperpixelScores.protocol


@pytest.mark.parametrize(
    ("labels", "truth", "image", "message"),
    [
        (np.zeros((4, 5), int), np.zeros((5, 4), int), np.zeros((4, 5)), "4x5, truth 5x4"),
        (np.zeros((4, 5), int), np.zeros((4, 5), int), np.zeros((4, 6, 3)), "4x5, image 4x6"),
        (np.zeros((4, 5, 3), int), np.zeros((4, 5), int), np.zeros((4, 5)), "colour"),
        (np.zeros((4, 5)), np.zeros((4, 5), int), np.zeros((4, 5)), "float64"),
        (np.zeros((4, 5), int), np.full((4, 5), -1), np.zeros((4, 5)), "got -1"),
        (np.zeros((0, 5), int), np.zeros((0, 5), int), np.zeros((0, 5)), "at least one pixel"),
        (np.zeros((4, 5), int), np.zeros((4, 5), int), np.full((4, 5), np.nan), "NaN"),
    ],
)
def test_bad_input(labels, truth, image, message):
    with pytest.raises(InputError, match=message):
        superpixel_scores(labels, truth, image)


def test_slic_of_scikit_image_explains_the_known_share():
    """A value known from elsewhere: scikit-image's SLIC explains .855 of the 512 x 512 astronaut with 400 regions."""
    from skimage.data import astronaut
    from skimage.segmentation import slic

    image = astronaut()
    labels = slic(image, n_segments=400, compactness=10, start_label=0)
    assert superpixel_scores(labels, labels, image).explained_variation == pytest.approx(0.855, abs=0.002)
