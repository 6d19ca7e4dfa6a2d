"""The real data sets beside the project load with exactly the counts that are known of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from kontur import datasets

pytestmark = pytest.mark.real_data


def test_camvid_367_101_233(data):
    sizes = [len(datasets.open("camvid", data / "camvid", split)) for split in ("train", "val", "test")]
    assert sizes == [367, 101, 233]
    image, target, name = datasets.open("camvid", data / "camvid").sample("0016E5_01260")
    assert name == "0016E5_01260"
    assert image.shape == target.shape == (360, 480)
    # Counted once with Pillow and NumPy alone.
    assert np.bincount(target.ravel())[:4].tolist() == [46516, 25551, 2769, 53759]


def test_bsds500_200_100_200(data):
    sets = [datasets.open("bsds500", data / "bsds500", split) for split in ("train", "val", "test")]
    assert [len(s) for s in sets] == [200, 100, 200]
    image, humans, _ = sets[2][0]
    assert 4 <= len(humans) <= 9
    assert {h.shape for h in humans} == {image.shape}


def test_dsb2018_455_64_66_and_25362_nuclei(data):
    nuclei = 0
    for split, size in (("train", 455), ("val", 64), ("test", 66)):
        found = datasets.open("dsb2018", data / "dsb2018", split)
        assert len(found) == size
        nuclei += sum(len(found.layout.read(pair, (0, 0))) for pair in found.pairs)
        image, target, _ = found[0]
        assert image.shape == target.shape
    assert nuclei == 25_362


def test_coco_tiny_852_instances_10_of_them_crowds(data):
    objects = crowds = 0
    for split in ("train2017", "val2017"):
        found = datasets.open("coco", data / "coco-tiny", split)
        assert len(found) == 50
        objects += sum(len(target) for _, target, _ in found)
        crowd = datasets.open("coco_crowds", data / "coco-tiny", split)
        crowds += sum(len(crowd.layout.read(pair, (0, 0))) for pair in crowd.pairs)
        assert len(found.taxonomy) == 80
    assert (objects + crowds, crowds) == (852, 10)


def test_coco128_128_images_941_polygons(data):
    found = datasets.open("folder", data / "coco128-seg")
    assert len(found) == 128
    polygons = sum(len(target) for _, target, _ in found)
    alone = [fault.file for fault in found.layout.faults]
    # Two of the 128 text files have no image, two images have no text file; the 12 polygons of the former cannot be shown.
    assert sorted(name[-10:] for name in alone) == ["000656.txt", "000659.txt"]
    left = sum(len(Path(name).read_text().splitlines()) for name in alone)
    assert (polygons, left) == (929, 12)
    assert polygons + left == 941


def test_panoptic_sample_18_and_32_segments(data):
    found = datasets.open("coco_panoptic", data / "coco-panoptic-sample", "examples")
    assert [len(target) for _, target, _ in found] == [18, 32]
    assert found[0].image.shape == found[0].target.shape


def test_voc_sample_3(data):
    found = datasets.open("voc", data / "voc-sample", "val")
    assert found.names == ("2011_000003", "2011_000006", "2011_000025")
    values = Counter(found[0].target.ravel().tolist())
    assert values == {0: 125787, 5: 873, 15: 32880, 255: 9460}  # palette indices, counted with Pillow
    objects = datasets.open("voc_objects", data / "voc-sample", "val")[0].target
    assert [(i.category, i.area) for i in objects.instances] == [(15, 15662), (15, 17218), (5, 873)]


def test_grabcut_20(data):
    found = datasets.open("grabcut", data / "grabcut")
    assert len(found) == 20
    for image, target, _ in found:
        assert image.shape == target.shape
        assert set(np.unique(target)) <= {0, 1, 255}
    assert Counter(found.sample("21077").target.ravel().tolist()) == {0: 136199, 255: 928, 1: 17274}


def test_isbi_30(data):
    found = datasets.open("isbi2012", data / "isbi2012")
    assert len(found) == 30
    assert Counter(found.sample("14").target.ravel().tolist()) == {0: 49027, 1: 213117}


def test_drive_20_and_20(data):
    training, test = (datasets.open("drive", data / "drive", split) for split in ("training", "test"))
    assert (len(training), len(test)) == (20, 20)
    target = test.sample("01").target
    assert int((target == 1).sum()) <= 29440  # vessels outside the field of view are ignored
    assert int((target == 255).sum()) == 105583
    assert (training.sample("34").target == 255).all()  # its vessels were not delivered
    assert any("34" in note for note in training.notes)
