"""Each noise against its theory: mean and variance on even images, within six standard errors of the estimates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kontur import degrade
from kontur.core.errors import InputError, OptionError
from kontur.core.image import Image

SIDE = 400
COUNT = SIDE * SIDE
BITS = 1 / 12  # variance that rounding to whole numbers adds


def even(value, dtype=np.uint8, bands=None):
    return np.full((SIDE, SIDE) if bands is None else (SIDE, SIDE, bands), value, dtype)


def close_to_theory(pixels, mean, variance, kurtosis=3.0):
    """Mean and variance of independent values within six standard errors."""
    values = pixels.astype(np.float64).ravel()
    assert values.mean() == pytest.approx(mean, abs=6 * math.sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, abs=6 * variance * math.sqrt((kurtosis - 1) / values.size))


def test_gaussian_noise_of_a_tenth_on_bytes_is_25_grey_levels():
    noisy = degrade.gaussian_noise(even(128), sigma=0.1, seed=1).pixels
    assert noisy.dtype == np.uint8
    close_to_theory(noisy, 128, 25.5**2 + BITS)
    # Normal, not only of the right variance: 68.27 % within one deviation, 95.45 % within two (bytes: 25, 51 levels).
    apart = np.abs(noisy.astype(int) - 128)
    for levels, within in ((25, math.erf(25.5 / 25.5 / math.sqrt(2))), (50, math.erf(50.5 / 25.5 / math.sqrt(2)))):
        assert (apart <= levels).mean() == pytest.approx(within, abs=6 * math.sqrt(within * (1 - within) / COUNT))


@pytest.mark.parametrize(
    ("image", "span"),
    [
        (even(30_000, np.uint16), 65535),
        (even(0.5, np.float32), 1.0),
        (even(200.0, np.float32), 200.0),  # beyond 0..1: white is the largest value, and values have no end
        (even(100, np.uint8, bands=5), 255),
    ],
)
def test_gaussian_noise_scales_with_black_to_white(image, span):
    noisy = degrade.gaussian_noise(image, sigma=0.05, seed=2).pixels
    assert noisy.dtype == image.dtype
    assert noisy.shape == image.shape
    close_to_theory(noisy, float(image.flat[0]), (0.05 * span) ** 2 + (BITS if image.dtype != np.float32 else 0))


def test_bands_get_noise_of_their_own():
    noisy = degrade.gaussian_noise(even(128, bands=3), sigma=0.05, seed=3).pixels.reshape(-1, 3).astype(float)
    correlation = np.corrcoef(noisy.T)
    assert np.abs(correlation - np.eye(3)).max() < 6 / math.sqrt(COUNT)


def test_twelve_bits_in_a_sixteen_bit_file():
    noisy = degrade.gaussian_noise(even(2000, np.uint16), sigma=0.01, seed=4, full_scale=4095).pixels
    close_to_theory(noisy, 2000, 40.95**2 + BITS)
    assert degrade.salt_noise(even(2000, np.uint16), share=0.5, full_scale=4095).pixels.max() == 4095
    assert degrade.gaussian_noise(even(4000, np.uint16), sigma=0.5, full_scale=4095).pixels.max() == 4095
    with pytest.raises(OptionError, match=r"full_scale: expected at least the image's largest value 5000, got 4095"):
        degrade.gaussian_noise(even(5000, np.uint16), full_scale=4095)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 1.0])
def test_shares_of_salt_and_pepper(share):
    def bound(p):
        return 6 * math.sqrt(p * (1 - p) / COUNT)

    salt = degrade.salt_noise(even(90), share=share, seed=5).pixels
    assert set(np.unique(salt)) <= {90, 255}
    assert (salt == 255).mean() == pytest.approx(share, abs=bound(share))
    pepper = degrade.pepper_noise(even(90), share=share, seed=5).pixels
    assert set(np.unique(pepper)) <= {0, 90}
    assert (pepper == 0).mean() == pytest.approx(share, abs=bound(share))
    both = degrade.salt_and_pepper_noise(even(90), share=share, salt=0.25, seed=5).pixels
    assert (both == 255).mean() == pytest.approx(share / 4, abs=bound(share / 4))
    assert (both == 0).mean() == pytest.approx(share * 3 / 4, abs=bound(share * 3 / 4))


def test_salt_and_pepper_by_half_unless_told_otherwise():
    both = degrade.salt_and_pepper_noise(even(90), share=0.2, seed=6).pixels
    bound = 6 * math.sqrt(0.1 * 0.9 / COUNT)
    assert (both == 255).mean() == pytest.approx(0.1, abs=bound)
    assert (both == 0).mean() == pytest.approx(0.1, abs=bound)


def test_a_hit_pixel_is_white_in_all_bands():
    image = even(7, np.uint16, bands=5)
    salt = degrade.salt_noise(image, share=0.1, seed=7).pixels
    white = salt == 65535
    assert (white.all(axis=2) == white.any(axis=2)).all()
    assert white.any()


@pytest.mark.parametrize("photons", [20, 400])
@pytest.mark.parametrize("value", [0.1, 0.4])
def test_of_photons_the_variance_is_the_mean(photons, value):
    noisy = degrade.poisson_noise(even(value, np.float32), photons=photons, seed=8).pixels
    counts = noisy.astype(np.float64) * photons
    assert np.abs(counts - np.rint(counts)).max() < 1e-4, "whole photons"
    expected = value * photons
    unclipped = expected + 6 * math.sqrt(expected) < photons
    assert unclipped or photons == 20
    if unclipped:
        close_to_theory(counts, expected, expected, kurtosis=3 + 1 / expected)
    else:  # 8 photons of 20 end at 20, which 1 in 15,000 would pass
        assert counts.mean() == pytest.approx(expected, rel=0.01)


def test_black_has_no_photon():
    assert not degrade.poisson_noise(even(0), photons=5).pixels.any()


@pytest.mark.parametrize("looks", [1, 4, 30.5])
def test_speckle_has_mean_one_and_variance_one_over_looks(looks):
    """Of a radar image in float beyond 0..1, which has no white to end at."""
    speckled = degrade.speckle_noise(even(1000.0, np.float32), looks=looks, seed=9).pixels
    close_to_theory(speckled / 1000, 1, 1 / looks, kurtosis=3 + 6 / looks)
    if looks == 1:  # exponential: a share 1 - 1/e lies under the mean
        assert (speckled < 1000).mean() == pytest.approx(1 - math.exp(-1), abs=6 * 0.5 / SIDE)


def test_speckle_multiplies():
    bright = degrade.speckle_noise(even(40), looks=100, seed=9).pixels.astype(float)
    close_to_theory(bright, 40, 40**2 / 100 + BITS, kurtosis=3.06)
    assert not degrade.speckle_noise(even(0), looks=1).pixels.any()


def test_low_light_has_photon_and_read_noise():
    image = even(0.8, np.float32)
    dark = degrade.low_light(image, exposure=0.25, photons=500, read_noise=0.01, seed=10).pixels
    close_to_theory(dark, 0.2, 0.2 / 500 + 0.01**2)
    quiet = degrade.low_light(even(200), exposure=0.5, photons=1e12, read_noise=0).pixels
    assert (quiet == 100).all()


NOISES = ["gaussian", "salt", "pepper", "salt_and_pepper", "poisson", "speckle", "low_light"]


@pytest.mark.parametrize("name", NOISES)
def test_a_seed_repeats_and_another_does_not(name):
    image = np.random.default_rng(0).integers(60, 200, (40, 50, 3)).astype(np.uint8)
    before = image.copy()
    first = degrade.degrade(image, name, seed=11).pixels
    assert (degrade.degrade(image, name, seed=11).pixels == first).all()
    assert (degrade.degrade(image, name, seed=12).pixels != first).any()
    assert (image == before).all(), "the caller's array is left alone"


@pytest.mark.parametrize("name", list(degrade.KINDS))
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1), np.uint8),
        np.full((1, 9), 255, np.uint8),
        np.full((6, 1, 5), 40_000, np.uint16),
        np.full((5, 4, 2), 0.25, np.float32),
        np.linspace(-3, 8, 7 * 6 * 4, dtype=np.float32).reshape(7, 6, 4),
        np.full((3, 3), -2, np.float32),
        np.full((5, 5), 3e38, np.float32),
    ],
    ids=str,
)
def test_size_type_and_bands_stay(name, image):
    damaged = degrade.degrade(image, name)
    assert damaged.pixels.dtype == image.dtype
    assert damaged.pixels.shape == image.shape
    assert np.isfinite(damaged.pixels).all()
    if image.dtype == np.float32 and image.min() >= 0 and image.max() <= 1:
        assert 0 <= damaged.pixels.min() <= damaged.pixels.max() <= 1, "or methods would stretch it"


@pytest.mark.parametrize("name", list(degrade.KINDS))
def test_the_mildest_strength_of_a_ladder_changes_less_than_the_most_severe(name):
    kind = degrade.KINDS[name]
    rows, columns = np.mgrid[:64, :64]
    image = (128 + 60 * np.sin(rows / 5) * np.cos(columns / 7)).astype(np.uint8)
    image[20:40, 20:40] = 220
    changes = [np.abs(kind(image, **{kind.strength: s}).pixels - image.astype(float)).mean() for s in kind.ladder]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1] / 1.9


def test_nothing_at_strength_nothing():
    image = np.random.default_rng(1).integers(0, 256, (9, 8, 3)).astype(np.uint8)
    for name, options in [
        ("gaussian", {"sigma": 0}),
        ("salt", {"share": 0}),
        ("blur", {"sigma": 0}),
        ("down_sampling", {"factor": 1}),
    ]:
        assert (degrade.degrade(image, name, **options).pixels == image).all(), name


def test_an_image_keeps_its_origin_and_says_what_was_done():
    image = Image(np.zeros((4, 4, 2), np.uint8), bands=("near", "far"), notes=("alpha dropped",))
    damaged = degrade.blur(degrade.gaussian_noise(image, sigma=0.2))
    assert damaged.bands == ("near", "far")
    assert damaged.notes == ("alpha dropped", "gaussian_noise(sigma=0.2, seed=0)", "blur(sigma=2.0)")


def test_what_is_refused():
    image = np.zeros((4, 4), np.uint8)
    for name, option, value in [
        ("gaussian", "sigma", -0.1),
        ("gaussian", "sigma", math.nan),
        ("salt", "share", 1.01),
        ("poisson", "photons", 0),
        ("speckle", "looks", -1),
        ("jpeg", "quality", 0),
        ("jpeg", "quality", 50.5),
        ("down_sampling", "factor", 0.5),
        ("low_light", "exposure", 2),
        ("blur", "sigma", 1e9),
        ("gaussian", "seed", -1),
    ]:
        with pytest.raises(OptionError, match=f"option {option}: expected .*, got"):
            degrade.degrade(image, name, **{option: value})
    with pytest.raises(InputError, match="got list"):
        degrade.gaussian_noise([[1]])
    with pytest.raises(InputError, match="NaN"):
        degrade.gaussian_noise(np.full((2, 2), np.nan))
