"""Thresholds: Otsu worked by hand, then agreement with scikit-image on 8-bit, 16-bit, float and colour images."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import filters

from kontur.classical import thresholds
from kontur.core.image import Image

PEERS = {
    "otsu": filters.threshold_otsu,
    "triangle": filters.threshold_triangle,
    "li": filters.threshold_li,
    "yen": filters.threshold_yen,
    "isodata": filters.threshold_isodata,
    "minimum": filters.threshold_minimum,
}


def two_humps(seed: int, low: float = 70, high: float = 170) -> np.ndarray:
    """(60, 80) float64 in 0..255, bimodal."""
    draw = np.random.default_rng(seed)
    humps = np.where(draw.random((60, 80)) < 0.4, draw.normal(high, 15, (60, 80)), draw.normal(low, 12, (60, 80)))
    return np.clip(humps, 0, 255)


def kinds(seed: int) -> dict[str, np.ndarray]:
    image = two_humps(seed)
    return {
        "uint8": image.astype(np.uint8),
        "uint16": (image * 200).astype(np.uint16),
        "float": (image / 255).astype(np.float32),
        "rgb": np.stack([image, image * 0.7, 255 - image * 0.4], axis=-1).astype(np.uint8),
    }


def test_otsu_by_hand():
    # Values 0, 1 | 4, 5 with three, one, one and three pixels. Between-class variance w0 w1 (m0 - m1)^2:
    # cut after 0: 3 * 5 * (0 - 20/5)^2 = 240; after 1: 4 * 4 * (1/4 - 19/4)^2 = 324; after 4: 5 * 3 * (1 - 5)^2 = 240.
    image = np.array([[0, 0, 0, 1], [4, 5, 5, 5]], np.uint8)
    assert thresholds.otsu_threshold(image) == 1
    assert np.array_equal(thresholds.otsu(image).ids, [[1, 1, 1, 1], [2, 2, 2, 2]])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float", "rgb"])
@pytest.mark.parametrize("name", [n for n in PEERS if n != "minimum"])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_scikit_image(name, kind, seed):
    image = kinds(seed)[kind]
    values = Image(image).intensity()
    level = PEERS[name](values)
    result = getattr(thresholds, name)(image)
    assert np.array_equal(result.foreground, values > level)
    assert f"threshold {float(level):.9g}" in result.provenance.notes
    dark = getattr(thresholds, name)(image, polarity="dark")
    assert np.array_equal(dark.foreground, values <= level)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_otsu_equals_scikit_image_to_the_last_digit(seed, dtype):
    draw = np.random.default_rng(seed)
    scale = 1.0 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    image = (draw.beta(0.3 + draw.random(), 0.8, (50, 70)) * scale).astype(dtype)
    assert thresholds.otsu_threshold(image) == filters.threshold_otsu(image)


@pytest.mark.parametrize("kind", ["uint8", "float", "rgb"])
def test_minimum_equals_scikit_image(kind):
    image = kinds(0)[kind]
    values = Image(image).intensity()
    assert np.array_equal(thresholds.minimum(image).foreground, values > filters.threshold_minimum(values))


def test_minimum_of_a_16_bit_image_is_that_of_256_bins():
    image = kinds(0)["uint16"]
    level = filters.threshold_minimum(image.astype(np.float64))
    assert np.array_equal(thresholds.minimum(image).foreground, image > level)


def test_minimum_without_a_valley_takes_otsu_and_says_so():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(RuntimeError):
        filters.threshold_minimum(image)
    result = thresholds.minimum(image)
    assert np.array_equal(result.ids, thresholds.otsu(image).ids)
    assert any("not bimodal" in note for note in result.provenance.notes)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "float", "rgb"])
def test_multi_otsu_equals_scikit_image(kind, classes):
    image = kinds(1)[kind]
    values = Image(image).intensity()
    levels = filters.threshold_multiotsu(values, classes)
    result = thresholds.multi_otsu(image, classes=classes)
    # scikit-image digitises with values equal to a threshold in the upper class; a threshold is the top of the lower.
    expected = 1 + sum((values > level).astype(int) for level in levels)
    assert np.array_equal(result.ids, expected)


def test_multi_otsu_with_fewer_values_than_classes_keeps_the_values():
    image = np.array([[10, 10, 30], [30, 10, 30]], np.uint8)
    assert np.array_equal(thresholds.multi_otsu(image, classes=5).ids, [[1, 1, 2], [2, 1, 2]])


def test_multi_otsu_separates_three_plateaus_beside_a_far_outlier():
    image = np.repeat(np.array([[0.0, 0.001, 0.002, 1.0]], np.float32), 5, axis=0)
    result = thresholds.multi_otsu(image, classes=3)
    assert len(result) == 3


def test_a_fixed_threshold_is_on_the_scaled_image():
    image = np.array([[0, 127, 128, 255]], np.uint8)
    assert np.array_equal(thresholds.threshold(image, value=0.5).ids, [[1, 1, 2, 2]])
    sixteen = np.array([[1000, 2000, 3000, 5000]], np.uint16)  # stretched: 0, 0.25, 0.5, 1
    assert np.array_equal(thresholds.threshold(sixteen, value=0.25).ids, [[1, 1, 2, 2]])


@pytest.mark.parametrize("name", PEERS)
def test_a_constant_image_is_all_background(name):
    result = getattr(thresholds, name)(np.full((5, 4), 9, np.uint8))
    assert not result.foreground.any()
    assert len(result) == 1


@pytest.mark.real_data
def test_photos_as_scikit_image(photos):
    for path in photos[::20]:
        photo = np.asarray(PillowImage.open(path))
        values = Image(photo).intensity()
        for name in ("otsu", "triangle", "li", "yen", "isodata"):
            assert np.array_equal(getattr(thresholds, name)(photo).foreground, values > PEERS[name](values)), name


def test_otsu_imports_nothing_heavy():
    code = (
        "import sys, numpy as np\n"
        "from kontur.classical.thresholds import otsu\n"
        "otsu(np.arange(64, dtype=np.uint8).reshape(8, 8))\n"
        "print([m for m in ('scipy', 'skimage', 'numba', 'sklearn', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
