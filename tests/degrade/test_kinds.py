"""Names: of the module, the tables, and how people write them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import kontur
from kontur import degrade
from kontur.core.errors import UnknownName


def test_every_public_name_is_there_and_functions_are_functions():
    assert kontur.degrade is degrade
    for name in degrade.__all__:
        value = getattr(degrade, name)
        assert not inspect.ismodule(value), f"{name} is hidden by a module"
    assert set(degrade.__all__) == set(dir(degrade))


def test_the_ten_kinds_and_five_filters():
    assert list(degrade.KINDS) == [
        "gaussian", "salt", "pepper", "salt_and_pepper", "poisson", "speckle", "blur", "jpeg", "low_light", "down_sampling",
    ]  # fmt: skip
    assert list(degrade.FILTERS) == ["median", "bilateral", "non_local_means", "lee", "refined_lee"]
    for filter_ in degrade.FILTERS.values():
        assert set(filter_.against) <= set(degrade.KINDS)


def test_a_kind_by_its_name_is_the_function():
    image = np.random.default_rng(0).integers(0, 256, (9, 9)).astype(np.uint8)
    by_name = degrade.degrade(image, "gaussian", sigma=0.2, seed=3)
    assert (by_name.pixels == degrade.gaussian_noise(image, sigma=0.2, seed=3).pixels).all()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("salt-and-pepper", "salt_and_pepper"),
        ("Gaussian noise", "gaussian"),
        ("speckle_noise", "speckle"),
        ("JPEG", "jpeg"),
        ("low light", "low_light"),
        ("downsampling", "down_sampling"),
        ("down-sampling", "down_sampling"),
    ],
)
def test_names_as_people_write_them(written, name):
    assert degrade.find_kind(written).name == name


def test_a_wrong_name_suggests_the_nearest():
    image = np.zeros((3, 3), np.uint8)
    with pytest.raises(UnknownName, match=r"no kind of damage named 'specle'\. Did you mean 'speckle'"):
        degrade.degrade(image, "specle")
    with pytest.raises(UnknownName, match=r"no filter named 'medain'\. Did you mean 'median'"):
        degrade.apply_filter(image, "medain")
    with pytest.raises(UnknownName, match="Did you mean 'sigma'"):
        degrade.gaussian_noise(image, sigmas=0.1)
    with pytest.raises(UnknownName, match="Known are gaussian, salt"):
        degrade.degrade(image, "")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = degrade.nonsense
