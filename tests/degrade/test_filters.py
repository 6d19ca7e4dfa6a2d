"""The filters: by hand, against theory, and against the noise they were made for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kontur import degrade
from kontur.core.errors import OptionError
from kontur.degrade.lee import estimate
from kontur.degrade.patches import estimated_noise
from kontur.degrade.refined_lee import chosen_window


def test_the_median_by_hand():
    image = np.array([[10, 10, 10, 10], [10, 255, 20, 20], [10, 0, 20, 20], [10, 20, 20, 20]], np.uint8)
    # Around (1, 1): 0 10 10 10 10 10 20 20 255 -> 10; around (2, 2): 0 20 20 20 20 20 20 20 255 -> 20.
    smooth = degrade.median_filter(image, radius=1).pixels
    assert smooth[1, 1] == 10
    assert smooth[2, 2] == 20
    assert smooth[0, 0] == 10  # the border repeated


def test_the_median_takes_salt_and_pepper_away():
    image = np.full((100, 120), 70, np.uint8)
    image[:, 60:] = 180
    noisy = degrade.salt_and_pepper_noise(image, share=0.1, seed=0)
    clean = degrade.median_filter(noisy, radius=2).pixels
    assert (noisy.pixels != image).mean() > 0.09
    assert (clean != image).mean() < 0.001


def test_the_bilateral_mean_by_hand():
    """Two pixels in a row, one apart in place and 0.1 apart in colour, each with weights of the other."""
    image = np.array([[0.4, 0.5]], np.float32)
    smooth = degrade.bilateral_filter(image, sigma_colour=0.1, sigma_space=0.5).pixels
    # Radius 1, three equal rows (border repeated): left of pixel 0 lies itself again. Weight one column apart exp(-2),
    # of the other value times exp(-1/2).
    beside = math.exp(-2)
    other = beside * math.exp(-0.5)
    assert smooth[0, 0] == pytest.approx((0.4 * (1 + beside) + 0.5 * other) / (1 + beside + other), abs=1e-6)
    assert smooth[0, 1] == pytest.approx((0.5 * (1 + beside) + 0.4 * other) / (1 + beside + other), abs=1e-6)


@pytest.mark.parametrize("bands", [1, 3, 5])
def test_bilateral_as_its_formula_pixel_by_pixel(bands):
    image = np.random.default_rng(3).random((9, 8, bands))
    expected = np.empty_like(image)
    for y, x in np.ndindex(9, 8):
        total, weights = np.zeros(bands), 0.0
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                other = image[min(max(y + dy, 0), 8), min(max(x + dx, 0), 7)]
                apart = ((other - image[y, x]) ** 2).sum()
                weight = math.exp(-(dx**2 + dy**2) / (2 * 1.5**2)) * math.exp(-apart / (2 * 0.3**2))
                total += weight * other
                weights += weight
        expected[y, x] = total / weights
    ours = degrade.bilateral_filter(image, sigma_colour=0.3, sigma_space=1.5).pixels
    assert ours == pytest.approx(expected.squeeze(), abs=1e-5)


def test_a_wide_colour_sigma_makes_a_gaussian_mean():
    image = np.random.default_rng(4).random((30, 30)).astype(np.float32)
    smooth = degrade.bilateral_filter(image, sigma_colour=100, sigma_space=2).pixels
    place = np.exp(-0.5 * (np.arange(-4, 5) / 2) ** 2)
    kernel = np.outer(place, place) / place.sum() ** 2
    assert smooth[15, 15] == pytest.approx((image[11:20, 11:20] * kernel).sum(), abs=1e-5)


def step(height=120, width=120):
    image = np.full((height, width), 60.0, np.float32)
    image[:, width // 2 :] = 200.0
    return image


@pytest.mark.parametrize("name", ["bilateral", "non_local_means"])
def test_gaussian_noise_is_lowered_and_the_edge_kept(name):
    image = step() / 255
    noisy = degrade.gaussian_noise(image, sigma=0.05, seed=5)
    options = {"sigma_colour": 0.2} if name == "bilateral" else {}
    smooth = degrade.apply_filter(noisy, name, **options).pixels
    assert np.sqrt(((smooth - image) ** 2).mean()) < 0.4 * 0.05
    edge = smooth[:, 60].mean() - smooth[:, 59].mean()
    assert edge == pytest.approx(140 / 255, rel=0.06)


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_the_noise_is_estimated(sigma):
    rows, columns = np.mgrid[:200, :240] / 240
    slope = (0.3 + 0.2 * rows + 0.2 * columns)[..., None].repeat(3, axis=2).astype(np.float32)
    noisy = slope + np.random.default_rng(6).normal(0, sigma, slope.shape).astype(np.float32)
    assert estimated_noise(noisy) == pytest.approx(sigma, rel=0.02)
    assert estimated_noise(slope) < 1e-6


def test_lee_by_hand():
    """Window 3 x 3 around the centre: eight values 4 and one 13, one look of speckle."""
    image = np.full((5, 5), 4.0, np.float32)
    image[2, 2] = 13.0
    # Mean 5, variance 8. grain = 25 / looks, signal = (8 - grain) / (1 + 1 / looks).
    #   looks 1:   25 > 8, no signal: the mean.
    #   looks 5:   grain 5, signal 3 / 1.2 = 2.5, share 2.5 / 7.5: 5 + 8 / 3.
    #   looks 1e9: no grain: the value itself.
    for looks, expected in ((1, 5.0), (5, 5 + 8 / 3), (1e9, 13.0)):
        assert degrade.lee_filter(image, radius=1, looks=looks).pixels[2, 2] == pytest.approx(expected, rel=1e-5)


def test_the_estimate_has_the_least_squared_error():
    """Of all k in mean + k (z - mean), for the paper's linear form of the product: x + mean (u - 1)."""
    draw = np.random.default_rng(7)
    x, u = draw.normal(100, 30, 400_000), draw.gamma(4, 1 / 4, 400_000)
    product, linear = x * u, x + 100 * (u - 1)
    mean, variance = np.array([product.mean()]), np.array([product.var()])
    share = (estimate(np.array([101.0]), mean, variance, 1 / 4) - mean) / (101.0 - mean)
    assert float(share[0]) == pytest.approx(np.cov(x, linear)[0, 1] / linear.var(), abs=0.01)


def test_the_half_windows_by_hand():
    """Which of the eight windows a pixel beside an edge takes: the side that it lies on."""
    from scipy.ndimage import uniform_filter

    def window(image, row, column):
        means = np.pad(uniform_filter(image.astype(float), 3, mode="reflect"), 2, mode="symmetric")
        return int(chosen_window(means)[row, column])

    upright = np.zeros((21, 21))
    upright[:, 11:] = 1
    assert window(upright, 10, 9) == 0, "left of an upright edge: the left half"
    assert window(upright, 10, 12) == 1, "right of it: the right half"
    assert window(upright.T, 9, 10) == 2
    assert window(upright.T, 12, 10) == 3
    rows, columns = np.mgrid[:21, :21]
    falling = (rows + columns > 21).astype(float)
    assert window(falling, 9, 10) == 4, "up and left of it"
    assert window(falling, 11, 12) == 5
    rising = (columns - rows > 1).astype(float)
    assert window(rising, 11, 10) == 6, "down and left of it"
    assert window(rising, 9, 12) == 7


@pytest.mark.parametrize("value", [0.0, 60.0, 12_345.0])
def test_an_even_image_stays(value):
    for dtype in (np.uint8, np.uint16, np.float32):
        if value > 255 and dtype == np.uint8:
            continue
        image = np.full((19, 23, 2), value, dtype)
        for name in degrade.FILTERS:
            assert degrade.apply_filter(image, name).pixels == pytest.approx(image, rel=1e-6), name


@pytest.mark.parametrize(("name", "pixels"), [("lee", 49), ("refined_lee", 28)])
def test_even_speckle_is_averaged_over_nearly_the_whole_window(name, pixels):
    """The variance of n averaged looks is 1 / (n looks); where the local variance happens to be high, less is averaged."""
    speckled = degrade.speckle_noise(np.full((300, 300), 1000.0, np.float32), looks=4, seed=8)
    smooth = degrade.apply_filter(speckled, name, looks=4).pixels / 1000
    averaged = 1 / (4 * smooth.var())  # how many pixels would lower the variance as much
    assert 0.4 * pixels < averaged <= 1.02 * pixels
    assert smooth.mean() == pytest.approx(1, abs=0.02)


def test_refined_lee_keeps_edges_that_the_mean_blurs_and_lee_leaves_noisy():
    from scipy.ndimage import uniform_filter

    image = step()
    speckled = degrade.speckle_noise(image, looks=16, seed=9)
    beside = np.abs(np.arange(120) - 59.5) < 3  # three columns on either side

    def error(pixels):
        return math.sqrt(((pixels - image)[:, beside] ** 2).mean())

    refined = error(degrade.refined_lee_filter(speckled, looks=16).pixels)  # 8.1 grey levels
    assert refined < 0.25 * error(uniform_filter(speckled.pixels, 7))  # 43.9
    assert refined < 0.4 * error(degrade.lee_filter(speckled, looks=16).pixels)  # 26.6
    assert refined < 0.3 * error(speckled.pixels)  # 35.0


@pytest.mark.parametrize("name", list(degrade.FILTERS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 3, 5), (9, 8, 3)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_size_type_and_bands(name, shape, dtype):
    image = (np.random.default_rng(10).random(shape) * (1 if dtype == np.float32 else 250)).astype(dtype)
    smooth = degrade.apply_filter(image, name).pixels
    assert smooth.dtype == dtype
    assert smooth.shape == shape
    assert np.isfinite(smooth).all()
    slack = 1e-6 if dtype == np.float32 else 0
    assert image.min() - slack <= smooth.min(), "no filter here goes beyond what it averages"
    assert smooth.max() <= image.max() + slack


def test_what_is_refused():
    image = np.zeros((4, 4), np.uint8)
    for name, option, value in [
        ("median", "radius", 0),
        ("bilateral", "sigma_space", 0),
        ("non_local_means", "patch", 0),
        ("lee", "looks", 0),
        ("refined_lee", "looks", "many"),
    ]:
        with pytest.raises(OptionError, match=f"option {option}: expected"):
            degrade.apply_filter(image, name, **{option: value})
