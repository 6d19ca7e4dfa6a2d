"""Panoptic PNG and JSON: ids as colours by hand, and COCO's own sample there and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from kontur.core.errors import InputError, UnreadableFile
from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.io.panoptic import PanopticEntry, read_panoptic, read_panoptic_png, write_panoptic, write_panoptic_png

TAXONOMY = Taxonomy((Category(1, "person", (220, 20, 60), True), Category(92, "banner", (1, 2, 3))), ignore=None)


def test_an_id_is_r_plus_256_g_plus_65536_b(tmp_path):
    """The worked example of the format's description: colour (26, 123, 45) is 26 + 123 * 256 + 45 * 256^2."""
    ids = np.array([[0, 26 + 123 * 256 + 45 * 65536], [255, 256]])
    write_panoptic_png(tmp_path / "a.png", ids)
    colours = np.asarray(PillowImage.open(tmp_path / "a.png"))
    assert colours.tolist() == [[[0, 0, 0], [26, 123, 45]], [[255, 0, 0], [0, 1, 0]]]
    assert read_panoptic_png(tmp_path / "a.png").tolist() == ids.tolist()


def test_a_segmentation_there_and_back(tmp_path):
    ids = np.array([[7, 7, 0], [7, 70000, 70000]])
    result = Segmentation.from_ids(ids, categories={7: 1, 70000: 92}, taxonomy=TAXONOMY)
    write_panoptic(tmp_path / "x.json", [PanopticEntry(5, "a/b.jpg", result, frozenset({7}))], TAXONOMY)
    row = json.loads((tmp_path / "x.json").read_text())["annotations"][0]
    assert row["file_name"] == "a/b.png"
    assert row["segments_info"][0] == {"id": 7, "category_id": 1, "area": 3, "bbox": [0, 0, 2, 2], "iscrowd": 1}
    file = read_panoptic(tmp_path / "x.json")
    (entry,) = file.entries()
    assert (entry.image_id, entry.image_file, entry.crowds) == (5, "a/b.jpg", {7})
    assert entry.segmentation.ids.tolist() == ids.tolist()
    assert [s.category for s in entry.segmentation.segments] == [1, 92]
    assert tuple(file.taxonomy) == tuple(TAXONOMY)


@pytest.mark.real_data
def test_cocos_sample_is_equal_after_reading_and_writing(data, tmp_path):
    source = data / "coco-panoptic-sample" / "panoptic_examples.json"
    file = read_panoptic(source)
    assert [len(e.segmentation) for e in file.entries()] == [18, 32]
    write_panoptic(tmp_path / "copy.json", file.entries(), file.taxonomy)
    before, after = json.loads(source.read_text()), json.loads((tmp_path / "copy.json").read_text())
    for one, other in zip(before["annotations"], after["annotations"]):
        assert (one["image_id"], one["file_name"]) == (other["image_id"], other["file_name"])
        assert sorted(one["segments_info"], key=lambda s: s["id"]) == other["segments_info"]  # areas and boxes too
        old = np.asarray(PillowImage.open(source.with_suffix("") / one["file_name"]).convert("RGB"))
        assert np.array_equal(old, np.asarray(PillowImage.open(tmp_path / "copy" / one["file_name"])))
    for one, other in zip(before["categories"], after["categories"]):
        assert {k: one[k] for k in ("id", "name", "isthing", "color")} == {
            k: other[k] for k in ("id", "name", "isthing", "color")
        }


def _written(tmp_path):
    result = Segmentation.from_ids(np.array([[1, 2]]), categories={1: 1, 2: 92}, taxonomy=TAXONOMY)
    write_panoptic(tmp_path / "x.json", [PanopticEntry(1, "a.jpg", result)], TAXONOMY)
    return json.loads((tmp_path / "x.json").read_text())


def _segments(content):
    return content["annotations"][0]["segments_info"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda c: _segments(c).pop(), "segments that the JSON"),
        (lambda c: _segments(c).append({"id": 9, "category_id": 1}), "segments that the PNG"),
        (lambda c: _segments(c)[0].update(category_id=5), "expected a category_id of the file's list, got 5"),
        (lambda c: _segments(c)[0].update(id=0), "expected a new segment id"),
        (lambda c: _segments(c)[0].update(id="1"), "expected segments with id and category_id"),
        (lambda c: c["annotations"][0].update(file_name="../a.png"), "inside the folder"),
        (lambda c: c.update(categories=[{"id": 1}]), "expected categories with id, name"),
        (lambda c: c.update(annotations={}), "a list of annotations"),
    ],
)
def test_faults_are_named(tmp_path, damage, told):
    content = _written(tmp_path)
    damage(content)
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=told):
        list(read_panoptic(tmp_path / "x.json").entries())


def test_pngs_of_another_kind_are_refused(tmp_path):
    PillowImage.new("L", (3, 2)).save(tmp_path / "grey.png")
    with pytest.raises(InputError, match="expected an RGB PNG"):
        read_panoptic_png(tmp_path / "grey.png")
    with pytest.raises(UnreadableFile, match="no such file"):
        read_panoptic_png(tmp_path / "none.png")
    with pytest.raises(InputError, match="holds ids 0 to 16777215"):
        write_panoptic_png(tmp_path / "big.png", np.array([[1 << 24]]))
    without = Segmentation.from_ids(np.array([[1]]), taxonomy=TAXONOMY)
    with pytest.raises(InputError, match="expected a category of the taxonomy, got None"):
        write_panoptic(tmp_path / "x.json", [PanopticEntry(1, "a.jpg", without)], TAXONOMY)
