"""The table of costs against what is known and against the networks themselves."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.cli import main  # noqa: E402
from kontur.networks import CATALOGUE, Network, build  # noqa: E402
from kontur.networks.cost import multiply_adds, parameters, receptive_field  # noqa: E402


def on_meta(name, classes):
    with torch.device("meta"):
        return build(name, classes)


def test_costs_by_hand():
    """Two 3x3 convolutions around a pooling of 2: 4 and 8 multiply-adds worth of channels, field 3 + 2·1 + 2·... = 8."""
    body = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.MaxPool2d(2), torch.nn.Conv2d(4, 2, 3, padding=1)
    )
    network = Network(body, name="two", classes=2, keep_size=True)
    assert parameters(network) == (27 + 1) * 4 + (36 + 1) * 2
    assert multiply_adds(network, (10, 20)) == 27 * 4 * 200 + 36 * 2 * 50
    assert receptive_field(network) == 3 + 1 + 2 * 2


def test_published_costs():
    assert multiply_adds(on_meta("fcn8s", 21), (500, 500)) / 1e9 == pytest.approx(181.5, rel=0.05)
    assert multiply_adds(on_meta("linknet", 19), (512, 1024)) / 1e9 == pytest.approx(21.2, rel=0.05)


def test_published_receptive_field_of_unet():
    """The smallest input of the unpadded network, 188 pixels, is exactly what an output pixel can see."""
    assert receptive_field(build("unet", 2)) == 188


def test_the_command_prints_the_networks_as_they_are(capsys):
    with pytest.raises(SystemExit):
        main(["networks", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(CATALOGUE)
    for row in rows:
        network = on_meta(row["name"], row["classes"])
        assert row["parameters"] == parameters(network)
        assert row["gmac_360x480"] == round(multiply_adds(network, (360, 480)) / 1e9, 2)
        assert row["receptive_field"] is None or row["receptive_field"] > 100
        assert (row["paper"], row["year"]) == (CATALOGUE[row["name"]].paper, CATALOGUE[row["name"]].year)
