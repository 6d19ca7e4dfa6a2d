"""The public names, the registry and the method contract hold together."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

import kontur
from kontur import registry
from kontur.core.errors import InputError, OptionError, PromptError, UnknownName

NAMES = [
    "contours",
    "threshold",
    "otsu",
    "multi_otsu",
    "triangle",
    "li",
    "yen",
    "isodata",
    "minimum",
    "niblack",
    "sauvola",
    "local_mean",
    "local_gaussian",
    "hysteresis",
    "region_growing",
    "split_merge",
    "watershed",
    "flood",
    "sobel",
    "scharr",
    "prewitt",
    "marr_hildreth",
    "canny",
    "snakes",
    "chan_vese",
    "geodesic_contours",
    "gabor",
    "lbp",
    "glcm",
    "kmeans",
    "fuzzy_cmeans",
    "gaussian_mixture",
    "mean_shift",
    "spectral",
    "pixel_forest",
    "cluster_classify",
    "slic",
    "slico",
    "felzenszwalb",
    "quickshift",
    "turbopixels",
    "graph_cut_a",
    "graph_cut_b",
    "normalized_cut_superpixels",
    "ers",
    "seeds",
    "watershed_superpixels",
    "normalized_cut",
    "graph_cut",
    "random_walker",
    "region_merging",
    "alpha_expansion",
    "dense_crf",
    "grabcut",
    "geodesic",
]


def test_every_public_name_is_importable():
    for name in kontur.__all__:
        assert getattr(kontur, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = kontur.nonsense


def test_every_promised_method_is_in_the_registry():
    assert set(NAMES) <= set(registry.METHODS)


@pytest.mark.parametrize("name", list(registry.METHODS))
def test_a_row_of_the_registry_is_true(name):
    row = registry.get(name)
    function = row.load()
    assert function.__name__ == name
    assert len(inspect.getdoc(function) or "") > 40, "a method explains itself"
    json.dumps(row.to_dict())
    for option in row.options:
        assert option.help
        if option.default is not None:
            assert option.check(option.default) == option.default
            assert option.check(str(option.default)) == option.default
    parameters = list(inspect.signature(inspect.unwrap(function)).parameters.values())
    takes_prompts = len(parameters) > 1 and parameters[1].name == "prompts"
    assert takes_prompts == bool(row.prompts)
    assert row.needs_prompt == (takes_prompts and parameters[1].default is inspect.Parameter.empty)


def test_a_wrong_name_suggests_the_nearest():
    image = np.zeros((4, 4), np.uint8)
    with pytest.raises(UnknownName, match=r"no method named 'otsuu'\. Did you mean 'otsu'"):
        kontur.segment(image, "otsuu")
    with pytest.raises(UnknownName, match="Did you mean 'clusters'"):
        kontur.segment(image, "kmeans", cluster=3)
    with pytest.raises(OptionError, match=r"option clusters: expected a whole number, .*, got 0"):
        kontur.segment(image, "kmeans", clusters=0)
    with pytest.raises(PromptError, match="otsu takes no box"):
        kontur.segment(image, "otsu", box=(0, 0, 2, 2))
    with pytest.raises(InputError, match="got list"):
        kontur.segment([[1]], "otsu")


def test_a_result_carries_its_provenance():
    image = np.zeros((8, 8), np.uint8)
    image[2:6, 2:6] = 200
    result = kontur.segment(image, "otsu")
    assert result.provenance.method == "otsu"
    assert result.provenance.version == kontur.__version__
    assert result.provenance.seconds >= 0
    assert any("uint8: 0..255" in note for note in result.provenance.notes)
    assert result.foreground.sum() == 16
