"""A network on images: values worked by hand."""

from __future__ import annotations

import json
from math import exp

import numpy as np
import pytest

import kontur
from inference.small_networks import brightness_of_the_image, convolution, picker, random_network
from kontur.core.errors import InputError, OptionError
from kontur.inference import Predictor, open_network


def image_of(text: str) -> np.ndarray:
    """One letter a pixel, one word a row: r, g, b pure colours, k black, w white."""
    colours = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "k": (0, 0, 0), "w": (255, 255, 255)}
    return np.array([[colours[c] for c in word] for word in text.split()], np.uint8)


def test_the_strongest_colour_by_hand(tmp_path):
    result = Predictor(picker(tmp_path / "n.onnx"))(image_of("rrg bbg"))
    assert result.ids.tolist() == [[1, 1, 2], [3, 3, 2]]
    assert [(s.id, s.category, s.area) for s in result.segments] == [(1, 0, 2), (2, 1, 2), (3, 2, 2)]
    assert [c.name for c in result.taxonomy] == ["c0", "c1", "c2"]


def test_probabilities_are_the_softmax_of_normalised_values(tmp_path):
    path = picker(tmp_path / "n.onnx", mean="[0.5, 0.25, 0]", std="[0.5, 0.25, 2]")
    # pure red: (1 - .5)/.5 = 1, (0 - .25)/.25 = -1, 0
    got = Predictor(path).probabilities(image_of("r"))[:, 0, 0]
    whole = exp(1) + exp(-1) + 1
    assert got == pytest.approx([exp(1) / whole, exp(-1) / whole, 1 / whole])


def test_categories_are_in_the_order_of_the_taxonomy(tmp_path):
    categories = [
        {"id": i, "name": n, "colour": c, "thing": n == "dog"}
        for i, n, c in [(7, "dog", [9, 8, 7]), (3, "cat", [1, 2, 3]), (300, "cow", [4, 5, 6])]
    ]
    taxonomy = {"name": "farm", "ignore": 0, "categories": categories}
    result = Predictor(picker(tmp_path / "n.onnx", taxonomy=json.dumps(taxonomy)))(image_of("rgb"))
    assert result.category_map().tolist() == [[7, 3, 300]]
    assert (result.taxonomy.name, result.taxonomy.ignore) == ("farm", 0)
    assert result.taxonomy[7].thing
    assert result.taxonomy[3].colour == (1, 2, 3)


def test_the_first_of_equal_scores_wins(tmp_path):
    assert Predictor(picker(tmp_path / "n.onnx"))(image_of("kw")).ids.tolist() == [[1, 1]]


LEFT = np.zeros((2, 1, 1, 3))
LEFT[0, 0, 0, 0] = 1  # the first logit is the pixel on the left, the second 0


def test_flips_average_probabilities_with_the_mirrored_image(tmp_path):
    path = convolution(tmp_path / "n.onnx", LEFT)
    image = np.array([[0, 255, 0]], np.uint8)
    plain = Predictor(path).probabilities(image)[0, 0]
    both = Predictor(path, flips=True).probabilities(image)[0, 0]
    half, high = 0.5, exp(1) / (exp(1) + 1)
    assert plain == pytest.approx([half, half, high])
    assert both == pytest.approx([(half + high) / 2, half, (half + high) / 2])


def test_scales_average_probabilities(tmp_path):
    """A 1x1 network on one colour: every scale says the same, and so does the average."""
    path = picker(tmp_path / "n.onnx")
    image = np.broadcast_to(np.uint8([200, 100, 50]), (9, 14, 3))
    one = Predictor(path).probabilities(image)
    three = Predictor(path, scales=(0.75, 1, 1.25)).probabilities(image)
    assert three == pytest.approx(one, abs=1e-6)
    # At half size the four pixels are one, of value 1/2.
    path = convolution(tmp_path / "m.onnx", [[[[1]]], [[[0]]]])
    got = Predictor(path, scales=(0.5,)).probabilities(np.array([[255, 0], [0, 255]], np.uint8))
    assert got[0] == pytest.approx(np.full((2, 2), exp(0.5) / (exp(0.5) + 1)))


def test_a_small_image_is_mirrored_up_to_the_least_size(tmp_path):
    """0 1 | 1 0: the mean of the padded image is 1/2; zeros would make it 1/4, the border repeated 3/4."""
    image = np.array([[0, 255]], np.uint8)
    for metadata in ({"least": "[1, 4]"}, {"multiple": "4"}):
        path = brightness_of_the_image(tmp_path / "n.onnx", metadata)
        got = Predictor(path).probabilities(image)
        assert got.shape == (2, 1, 2)
        assert got[0] == pytest.approx(np.full((1, 2), exp(0.5) / (exp(0.5) + 1)))


def test_a_network_of_one_size_works_on_others_by_tiles(tmp_path):
    """It sees one pixel around each, so tiles of 64x80 give what the whole image gives."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 3, 3, 3))
    free = Predictor(convolution(tmp_path / "free.onnx", weights))
    fixed = Predictor(convolution(tmp_path / "fixed.onnx", weights, size=(64, 80)))
    image = rng.integers(0, 256, (150, 200, 3), np.uint8)
    assert fixed.probabilities(image) == pytest.approx(free.probabilities(image), abs=1e-5)
    assert fixed(image[:20, :30]).shape == (20, 30)
    with pytest.raises(OptionError, match="64x80"):
        Predictor(tmp_path / "fixed.onnx", scales=(0.5, 1))


def test_with_probabilities_is_both(tmp_path):
    predictor = Predictor(random_network(tmp_path / "n.onnx", 2), flips=True)
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    result, probabilities = predictor.with_probabilities(image)
    assert np.array_equal(result.ids, predictor(image).ids)
    assert np.array_equal(probabilities, predictor.probabilities(image))
    assert np.array_equal(result.ids, 1 + probabilities.argmax(axis=0))


def test_crf_is_the_dense_crf_of_the_probabilities(tmp_path):
    from kontur.graph.dense_crf import refine_probabilities

    path = picker(tmp_path / "n.onnx")
    image = np.random.default_rng(2).integers(0, 256, (24, 30, 3), np.uint8)
    wanted = refine_probabilities(Predictor(path).probabilities(image), image)
    assert np.array_equal(Predictor(path, crf=True)(image).ids, 1 + wanted.argmax(axis=0))


# --- bands ------------------------------------------------------------------------------------------------------------


def test_grey_goes_in_three_times(tmp_path):
    path = picker(tmp_path / "n.onnx", mean="[0, 0.1, 0.2]", std="[1, 1, 1]")
    grey = np.array([[0, 100, 255]], np.uint8)
    assert np.array_equal(
        Predictor(path).probabilities(grey), Predictor(path).probabilities(np.repeat(grey[..., None], 3, axis=2))
    )


def test_of_four_bands_the_named_colours_go_in(tmp_path):
    predictor = Predictor(picker(tmp_path / "n.onnx"))
    pixels = np.uint8([[[9, 200, 10, 20]]])
    assert predictor(pixels).ids.tolist() == [[2]]
    named = kontur.Image(pixels, ("nir", "red", "green", "blue"))
    assert predictor(named).ids.tolist() == [[1]]
    assert "the network sees bands red, green, blue of 4" in predictor(named).provenance.notes


def test_colours_become_luma_for_one_channel(tmp_path):
    path = convolution(tmp_path / "n.onnx", [[[[1]]], [[[0]]]], metadata={"mean": "[0.5]", "std": "[0.25]"})
    got = Predictor(path).probabilities(image_of("g"))[0, 0, 0]
    assert got == pytest.approx(1 / (1 + exp(-(0.7154 - 0.5) / 0.25)), rel=1e-5)


@pytest.mark.parametrize("bands", [2, 5])
def test_bands_that_do_not_fit(tmp_path, bands):
    predictor = Predictor(picker(tmp_path / "n.onnx"))
    with pytest.raises(InputError, match=f"expected an image of 3 bands, got {bands}"):
        predictor(np.zeros((4, 4, bands), np.uint8))


def test_16_bits_are_stretched_as_images_are(tmp_path):
    """Tiles must not each be stretched by themselves."""
    path = random_network(tmp_path / "n.onnx", 1)
    pixels = np.random.default_rng(3).integers(1000, 3000, (100, 90, 3)).astype(np.uint16)
    pixels[0, 0] = 60000
    unit = kontur.Image(pixels).unit()
    assert Predictor(path, tile=64).probabilities(pixels) == pytest.approx(
        Predictor(path).probabilities(unit), abs=1e-5
    )


def test_nan_is_refused(tmp_path):
    predictor = Predictor(picker(tmp_path / "n.onnx"))
    with pytest.raises(InputError, match="NaN"):
        predictor(np.full((4, 4, 3), np.nan, np.float32))


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"scales": ()}, {"scales": (9,)}, {"tile": 10}, {"tile": 64, "overlap": 33}, {"overlap": -1}]
)
def test_options_out_of_range(tmp_path, options):
    with pytest.raises(OptionError, match=f"option {list(options)[-1]}"):
        Predictor(picker(tmp_path / "n.onnx"), **options)


def test_an_unchanged_file_is_opened_once(tmp_path):
    path = picker(tmp_path / "n.onnx")
    first = open_network(path)
    assert open_network(path) is first
    random_network(path, 1)
    assert open_network(path) is not first
