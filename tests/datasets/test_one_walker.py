"""One reading of each label form: what `open` refuses, `check` lists in the same words, and the ruler refuses as well."""

from __future__ import annotations

import copy
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kontur import datasets
from kontur.core.errors import KonturError
from kontur.io.coco import read_coco
from kontur.io.coco_entries import CocoAnnotation, CocoImage, walk_annotations, walk_coco
from kontur.io.labelme import read_labelme
from kontur.io.panoptic import read_panoptic
from kontur.io.taxonomy import LabelFault
from kontur.io.yolo import read_yolo
from kontur.metrics import evaluate_instances, evaluate_panoptic

from . import plant
from .test_any_annotations import ODD, spoilt

CASES = Path(os.environ.get("KONTUR_CASES", Path(__file__).resolve().parents[3] / "shared" / "cases"))


def said(read) -> str:
    """The sentence of the error, "" where there is none."""
    try:
        read()
    except KonturError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(3))
def test_check_open_and_evaluate_agree_on_any_coco_file(tmp_path, seed):
    """One value, key or entry at random replaced by anything JSON can hold."""
    rng = np.random.default_rng(seed)
    plant.coco(tmp_path, rng)
    (tmp_path / "annotations" / "instances_val2017.json").unlink()
    path = tmp_path / "annotations" / "instances_train2017.json"
    sound = json.loads(path.read_text())
    refused = 0
    for _ in range(40):
        path.write_text(json.dumps(spoilt(sound, rng)))
        opened, evaluated = said(lambda: read_coco(path)), said(lambda: evaluate_instances(path, []))
        findings = datasets.check("coco", tmp_path).findings
        refused += bool(opened)
        if opened:
            words = opened.split(": ")[-1]
            assert any(words in f.advice for f in findings), (opened, findings)
        if evaluated:
            assert opened, evaluated
        if opened and not evaluated:  # what the ruler does not need may be absent, never wrong
            assert "got nothing" in opened or "None" in opened, opened
        elif opened:
            assert opened.split(": ", 1)[1] in evaluated
    assert refused > 8


FAULTS = {
    "id": ["", True, 1.5, float("inf"), 1 << 70, [1], {}],
    "image_id": [None, "1", 99, True, float("nan"), 1 << 70],
    "category_id": [None, "4", 77, True, float("inf"), -1],
    "iscrowd": ["0", 2, -1, 0.5, [], float("nan")],
    "area": ["49", True, float("inf"), float("nan"), [49]],
    "score": ["0.5", True, float("inf"), float("nan")],
    "bbox": ["x", [1, 2, 3], [1, 2, 3, float("inf")], [1, 2, 3, "4"], [1, 2, 3, True], {}, 7],
    "segmentation": [
        None, [], "x", 7, {}, [[]], [[1, 2]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [["1", 2, 3, 4, 5, 6]], [1, 2, 3, 4, 5, 6],
        [[1, 2, 3, 4, 5, float("nan")]], [[1, 2, 3, 4, 5, 1e9]], [[1, 2, 3, 4, 5, 10**400]], {"size": [5, 6], "counts": "~"},
        {"size": [5, 6], "counts": [30, 1]}, {"size": [6, 5], "counts": [30]}, {"size": "56", "counts": [30]}, {"counts": [30]},
        {"size": [5, 6], "counts": None}, {"size": [5, 6], "counts": "é"}, {"size": [10**6, 10**6], "counts": [1]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("key", FAULTS)
def test_every_wrong_value_of_an_annotation_is_one_fault_in_its_place(tmp_path, key):
    file = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 5, "width": 6}],
        "categories": [{"id": 4, "name": "cell"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 4, "segmentation": [[0, 0, 3, 0, 3, 3]]} for n in (1, 2, 3)
        ],
    }
    for value in FAULTS[key]:
        content = copy.deepcopy(file)
        content["annotations"][1][key] = value
        entries = list(walk_coco(content))
        faults = [e for e in entries if isinstance(e, LabelFault)]
        assert len(faults) == 1, (value, faults)
        place = "annotations[1]" if key == "id" else "annotation 2"
        assert faults[0].place == place
        assert [e.id for e in entries if isinstance(e, CocoAnnotation)] == [1, 3]  # the others are read
        text = json.dumps(content)
        (tmp_path / "a.json").write_text(text)
        assert said(lambda: read_coco(tmp_path / "a.json")) == f"{tmp_path / 'a.json'}: {faults[0]}"


def test_what_is_read_as_it_is_meant():
    rows = [
        {"id": "b", "image_id": "x", "category_id": 1.0, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]], "iscrowd": True},
        {"image_id": 7.0, "category_id": 2, "segmentation": {"size": [3, 4], "counts": [3, 2, 7]}, "area": None},
        {"image_id": 7, "category_id": 2, "segmentation": {"size": [3, 4], "counts": "327"}, "bbox": []},
    ]
    entries = list(walk_annotations(rows, {"x": (3, 4), 7: (0, 0)}, {1, 2}))
    assert [(e.id, e.image_id, e.category_id, e.crowd) for e in entries] == [
        ("b", "x", 1, True),
        (None, 7, 2, False),
        (None, 7, 2, False),
    ]
    assert [e.runs.tolist() for e in entries] == [[[0, 2], [3, 5]], [[3, 5]], [[3, 5]]]
    assert [e.size for e in entries] == [(3, 4)] * 3  # the runs say the size of image 7
    assert [e.area for e in entries] == [4, 2, 2]


def test_text_runs_are_decoded_together_and_a_bad_one_is_named():
    rows = [
        {"id": n, "image_id": 1, "category_id": 1, "segmentation": {"size": [3, 4], "counts": "327"}}
        for n in range(9000)
    ]
    rows[5000]["segmentation"]["counts"] = "328"
    entries = list(walk_annotations(rows, {1: (3, 4)}, {1}))
    assert [n for n, e in enumerate(entries) if isinstance(e, LabelFault)] == [5000]
    assert entries[5000].place == "annotation 5000"
    assert "sum of 3 x 4" in entries[5000].text
    assert all(e.runs.tolist() == [[3, 5]] for e in entries if isinstance(e, CocoAnnotation))


def test_images_without_names_and_sizes_are_enough_for_the_ruler_alone():
    content = {"images": [{"id": 1}], "categories": [{"id": 1}], "annotations": []}
    assert [type(e).__name__ for e in walk_coco(content, bare=True)] == ["Category", "CocoImage"]
    assert [e.kind for e in walk_coco(content) if isinstance(e, LabelFault)] == [
        "bad_category",
        "bad_image_entry",
        "bad_image_entry",
    ]
    content["images"][0]["height"] = "5"
    assert [e.kind for e in walk_coco(content, bare=True) if isinstance(e, LabelFault)] == ["bad_image_entry"]
    assert next(
        e for e in walk_coco({**content, "images": [{"id": 1}]}, bare=True) if isinstance(e, CocoImage)
    ).size == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_check_and_open_agree_on_any_labelme_file(tmp_path, seed):
    rng = np.random.default_rng(seed)
    plant.labelme(tmp_path, rng)
    path = tmp_path / "shot1.json"
    sound = json.loads(path.read_text())
    for value in [*ODD, *(None for _ in range(30))]:
        content = spoilt(sound, rng) if value is None else {**sound, "shapes": value}
        path.write_text(json.dumps(content))
        opened = said(lambda: read_labelme(path))
        findings = datasets.check("folder", tmp_path).findings
        assert not opened or any(opened.split(": ", 1)[1].endswith(f.advice) for f in findings), (opened, findings)


def test_a_point_among_labelme_shapes_is_told_by_the_check(tmp_path):
    plant.labelme(tmp_path, np.random.default_rng(0))
    path = tmp_path / "shot1.json"
    content = json.loads(path.read_text())
    content["shapes"].append({"label": "bolt", "points": [[1, 2]], "shape_type": "point"})
    path.write_text(json.dumps(content))
    assert [(f.kind, f.value) for f in datasets.check("folder", tmp_path).findings] == [("bad_annotation", "shape 3")]


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("0 0 0 1.0000004 0 0.5 1", False),  # written with six digits by other programs
        ("0 -0.0000009 0 1 0 0.5 1", False),
        ("0 0 0 1.00001 0 0.5 1", True),
        ("-1 0 0 1 0 0.5 1", True),
        ("7 0 0 1 0 0.5 1", True),
        ("1e999 0 0 1 0 0.5 1", True),
        ("0 0 0 1 0 1e999 1", True),
        ("0 0 0 1 1", True),
    ],
)
def test_check_and_open_agree_on_a_yolo_line(tmp_path, line, refused):
    plant.yolo(tmp_path, np.random.default_rng(0))
    path = tmp_path / "labels" / "train" / "plant1.txt"
    path.write_text(line + "\n")
    source = datasets.open("folder", tmp_path, split="train")
    opened = said(lambda: source.sample("plant1"))
    findings = datasets.check("folder", tmp_path).findings
    assert bool(opened) == refused == bool(findings)
    if refused:
        assert opened == f"{path}: {findings[0].value}: {findings[0].advice}"
    else:
        assert read_yolo(path, (60, 84)).instances[0].area == pytest.approx(60 * 84 / 2, rel=0.02)


@pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases beside the project; set KONTUR_CASES to it")
@pytest.mark.parametrize(
    ("case", "refused"),
    [
        ("coco_bom", ""),
        ("coco_string_ids", ""),
        ("cvat_coco", ""),
        ("cvat_yolo", ""),
        ("labelme_beside", ""),
        ("roboflow_yolov8seg", ""),
        ("coco_null_segmentation", "annotation 99: expected a segmentation"),
        ("coco_two_point_polygon", "annotation 99: polygon: expected at least 3 points, got 2"),
        ("coco_c7a", "expected 'categories', a list"),
    ],
)
def test_cases_of_other_projects_users(case, refused):
    root = CASES / "labels" / case
    findings = datasets.check("folder", root).findings
    if not refused:
        assert findings == ()
        opened = datasets.open("folder", root)
        assert sum(len(opened[n].target) for n in range(len(opened))) > len(opened)
        return
    with pytest.raises(KonturError, match=refused) as error:
        datasets.open("folder", root)
    assert len(findings) == 1
    assert str(error.value).endswith(findings[0].advice)
    (path,) = (root / "annotations").glob("*.json")
    assert findings[0].advice in said(lambda: evaluate_instances(path, []))


@pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases beside the project; set KONTUR_CASES to it")
def test_hostile_label_files_are_one_sentence(tmp_path):
    from kontur.datasets.convert import convert

    seen = 0
    for path in sorted((CASES / "hostile").glob("*.json")):
        form, given = "coco-panoptic", path
        if path.name.startswith("labelme"):
            form, given = "labelme", tmp_path / "labelme"
            given.mkdir()
            (given / "a.json").write_bytes(path.read_bytes())
        told = said(partial(convert, given, tmp_path / "out.json", source_form=form, target_form="coco"))
        assert told, path.name
        assert "\n" not in told
        seen += 1
    assert seen >= 4


@pytest.mark.parametrize("seed", range(3))
def test_check_open_and_evaluate_agree_on_any_panoptic_file(tmp_path, seed):
    rng = np.random.default_rng(seed)
    ids = np.where(np.arange(plant.WIDTH) < 40, 7, 300) * np.ones((plant.HEIGHT, 1), int)
    pixels = np.stack([ids & 255, ids >> 8, 0 * ids], axis=-1).astype(np.uint8)
    images, rows = [], []
    for number in (1, 2, 3):
        plant.save(tmp_path / "val2017" / f"{number}.jpg", plant.scene(rng)[0])
        plant.save(tmp_path / "panoptic_val2017" / f"{number}.png", pixels)
        images.append({"id": number, "file_name": f"{number}.jpg", "height": plant.HEIGHT, "width": plant.WIDTH})
        told = [{"id": i, "category_id": c, "area": int((ids == i).sum()), "iscrowd": 0} for i, c in ((7, 1), (300, 2))]
        rows.append({"image_id": number, "file_name": f"{number}.png", "segments_info": told})
    categories = [{"id": n, "name": f"class {n}", "isthing": n % 2, "color": [n, 0, 0]} for n in (1, 2)]
    path = tmp_path / "panoptic_val2017.json"
    sound = {"images": images, "annotations": rows, "categories": categories}
    path.write_text(json.dumps(sound))
    assert datasets.check("coco_panoptic", tmp_path).findings == ()
    refused = 0
    for _ in range(60):
        path.write_text(json.dumps(spoilt(sound, rng)))
        opened = said(lambda: list(read_panoptic(path).entries()))
        evaluated = said(lambda: evaluate_panoptic(path, path))
        findings = datasets.check("coco_panoptic", tmp_path).findings
        refused += bool(opened)
        if opened or evaluated:
            assert findings, (opened, evaluated)
        if (
            opened
            and "segments_info" not in opened.split(": ")[-1]
            and not opened.startswith(str(path.with_suffix("")) + "/")
        ):
            assert any(opened.endswith(f.advice) for f in findings), (opened, findings)
    assert refused > 12


def test_a_spoilt_dataset_json_is_a_sentence(tmp_path):
    from kontur.datasets.convert import convert

    rng = np.random.default_rng(0)
    plant.coco(tmp_path, rng)
    convert(
        tmp_path / "annotations" / "instances_val2017.json", tmp_path / "voc", source_form="coco", target_form="voc"
    )
    path = tmp_path / "voc" / "dataset.json"
    sound = json.loads(path.read_text())
    told = 0
    for place in range(60):
        path.write_text(json.dumps(spoilt(sound, rng)))
        out = tmp_path / f"out{place}.json"
        told += bool(said(partial(convert, tmp_path / "voc", out, source_form="voc", target_form="coco")))
    assert told > 20
