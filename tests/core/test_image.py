"""Images: what is kept, what is scaled and how it is told, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2gray

from kontur.core.errors import InputError
from kontur.core.image import Image, as_image

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixels_are_kept_as_they_are(dtype):
    pixels = RNG.integers(0, 200, (4, 5, 3)).astype(dtype)
    image = Image(pixels)
    assert image.pixels.dtype == dtype
    assert np.array_equal(np.asarray(image), pixels)
    assert (image.shape, image.height, image.width, image.channels) == ((4, 5), 4, 5, 3)
    assert image.bands == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.array([[True, False]]), np.array([[255, 0]], np.uint8)),
        (np.array([[0, 255]], np.int64), np.array([[0, 255]], np.uint8)),
        (np.array([[0, 256]], np.int64), np.array([[0, 256]], np.uint16)),
        (np.array([[0.5, -2.0]], np.float64), np.array([[0.5, -2.0]], np.float32)),
        (np.zeros((2, 3, 1), np.uint8), np.zeros((2, 3), np.uint8)),
    ],
)
def test_other_types_become_one_of_three(given, kept):
    pixels = Image(given).pixels
    assert pixels.dtype == kept.dtype
    assert np.array_equal(pixels, kept)


def test_scaling_by_hand():
    assert Image(np.array([[0, 51, 255]], np.uint8)).unit()[..., 0].tolist() == [[0, np.float32(0.2), 1]]
    deep = Image(np.array([[1000, 1500, 2000]], np.uint16))  # its own range
    assert deep.unit()[..., 0].tolist() == [[0, 0.5, 1]]
    assert deep.scaling == "uint16: 1000..2000 -> 0..1"
    assert Image(np.array([[0.25, 0.5]], np.float32)).unit()[..., 0].tolist() == [
        [0.25, 0.5]
    ]  # inside [0, 1]: as it is
    assert Image(np.array([[-1.0, 0.0, 3.0]], np.float32)).unit()[..., 0].tolist() == [[0, 0.25, 1]]
    assert Image(np.full((2, 2), 7, np.uint16)).unit().tolist() == np.zeros((2, 2, 1)).tolist()  # constant


def test_grey_is_scikit_images_luma():
    pixels = RNG.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    assert np.array_equal(Image(pixels).intensity(), rgb2gray(pixels))
    assert np.allclose(Image(pixels).grey(), rgb2gray(pixels), atol=1e-6)
    deep = RNG.integers(0, 60000, (6, 7), dtype=np.uint16)
    assert Image(deep).intensity() is not None
    assert np.array_equal(Image(deep).intensity(), deep)  # in its own units


@pytest.mark.parametrize(("bands", "shown"), [(1, (0, 0, 0)), (2, (0, 1, 1)), (3, (0, 1, 2)), (5, (0, 1, 2))])
def test_any_number_of_bands_can_be_shown(bands, shown):
    pixels = RNG.random((4, 5, bands)).astype(np.float32)
    image = Image(pixels if bands > 1 else pixels[..., 0])
    assert np.array_equal(image.rgb(), image.unit()[..., list(shown)])
    assert image.grey().shape == (4, 5)
    assert bool(image.band_note) == (bands not in (1, 3))  # four bands of which three are seen: never in silence


def test_bands_named_red_green_and_blue_are_found():
    pixels = RNG.random((4, 5, 4)).astype(np.float32)
    image = Image(pixels, bands=("infrared", "red", "green", "blue"))
    assert np.array_equal(image.rgb(), pixels[..., 1:])
    assert image.band_note == "colour methods see bands red, green, blue of 4"
    with pytest.raises(InputError, match="expected 4"):
        Image(pixels, bands=("a", "b"))


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((0, 5), np.uint8), "non-empty"),
        (np.zeros(5, np.uint8), "non-empty"),
        (np.zeros((2, 2, 2, 2), np.uint8), "non-empty"),
        (np.array([[np.nan, 1.0]]), "1 NaN"),
        (np.array([[np.inf, 1.0]]), "finite"),
        (np.array([[1e300, 1.0]]), "finite"),
        (np.array([[-1, 5]]), "-1"),
        (np.array([[70000]]), "70000"),
        (np.array([[1j]]), "amplitude"),
        (np.array([["a"]]), "expected"),
        ([[1, 2]], "NumPy"),
    ],
)
def test_what_is_no_image(pixels, says):
    with pytest.raises(InputError, match=says) as error:
        Image(pixels)
    assert "\n" not in str(error.value)


def test_as_image():
    image = Image(np.zeros((2, 2), np.uint8))
    assert as_image(image) is image
    assert as_image(image.pixels).shape == (2, 2)
    with pytest.raises(InputError, match="read_image"):
        as_image("photo.jpg")
