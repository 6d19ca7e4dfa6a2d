"""The networks that come with the package: the files are those that their cards tell of, and they do on real images what the cards promise."""

from __future__ import annotations

import hashlib
import tomllib

import numpy as np
import pytest

import kontur
from kontur import datasets
from kontur.core import rle
from kontur.inference import open_network
from kontur.inference.models import EMBEDDED, FOLDER
from kontur.metrics import Confusion
from kontur.metrics.average_precision import instance_scores

MOST = 10_000_000  # bytes


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_file_is_that_of_its_card(name):
    card = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    content = (FOLDER / f"{name}.onnx").read_bytes()
    assert len(content) == card["bytes"] <= MOST
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    metadata = open_network(FOLDER / f"{name}.onnx").metadata
    assert (metadata.name, metadata.task) == (card["name"], card["task"])
    assert [c.name for c in metadata.taxonomy] == card["classes"]
    assert card["notice"]
    assert card["data"]["terms"]
    assert card["scores"]


@pytest.mark.parametrize("radius", [5, 15, 28])
def test_flat_discs_are_one_object_each(radius):
    """Drawn, or overexposed: nothing but their form tells them."""
    y, x = np.mgrid[:256, :256]
    pitch = 2 * radius + 12
    inside = ((y % pitch - pitch // 2) ** 2 + (x % pitch - pitch // 2) ** 2 < radius**2) & (
        np.maximum(y, x) < 256 // pitch * pitch
    )
    found = kontur.segment(np.where(inside, 200, 30).astype(np.uint8), "nuclei")
    assert len(found) == (256 // pitch) ** 2
    assert all(abs(i.area - inside.sum() / len(found)) < 0.15 * i.area for i in found.instances)


@pytest.mark.real_data
def test_nuclei_are_found_one_by_one(data):
    """Ten validation images, of many kinds: a model that had lost its centres, its stretch or its decoding would not come near."""
    nuclei = datasets.open("dsb2018", data / "dsb2018", "val")
    samples = nuclei[::7]
    found = [kontur.segment(s.image, "nuclei") for s in samples]
    scores = instance_scores(found, [s.target for s in samples], max_detections=1000)
    assert scores.AP50 > 0.7
    counts = np.array([(len(f), len(s.target)) for f, s in zip(found, samples, strict=True)])
    assert np.abs(counts[:, 0] - counts[:, 1]).sum() < 0.2 * counts[:, 1].sum()
    for one in found:
        together = sum(rle.decode(i.mask).astype(int) for i in one.instances)
        assert np.max(together) == 1


@pytest.mark.real_data
def test_street_names_what_is_in_the_street(data):
    """Photos of the validation split, which it has seen: a smoke test of file, classes and normalisation, no score."""
    streets = datasets.open("camvid", data / "camvid", "val")
    confusion = Confusion(classes=11, ignore=streets.taxonomy.ignore)
    for image, truth, _ in streets[::25]:
        categories = kontur.segment(image, "street").category_map(streets.taxonomy.ignore)
        confusion.update(categories, truth)
    assert confusion.scores().mean_iou > 0.6
