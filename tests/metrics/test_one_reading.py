"""One reading of COCO's files: what `data check` finds fault with, opening refuses and the ruler refuses, and nothing else."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from command_line import exit_code
from kontur import datasets
from kontur.core.errors import InputError, KonturError
from kontur.metrics import evaluate_instances, evaluate_panoptic

SQUARE = [[2, 2, 9, 2, 9, 9, 2, 9]]
TRUTH = {
    "images": [{"id": 1, "file_name": "a.png", "height": 12, "width": 16}],
    "categories": [{"id": 4, "name": "cell"}, {"id": 5, "name": "dust"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 4, "segmentation": SQUARE, "bbox": [2, 2, 7, 7], "area": 49, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 5, "segmentation": [[10, 1, 15, 1, 15, 6]], "area": 12.5, "iscrowd": 0},
    ],
}  # fmt: skip


def annotation(**changes):
    return lambda data: data["annotations"][0].update(changes)


def everywhere(key, old, new):
    """Another value of an id, wherever it stands."""

    def change(data):
        for entry in (*data["images"], *data["annotations"]):
            for name in ("id", "image_id") if key == "image_id" else (key,):
                if entry.get(name) == old and (name != "id" or "file_name" in entry):
                    entry[name] = new

    return change


SOUND = {
    "as it is": lambda data: None,
    "string image ids": everywhere("image_id", 1, "one"),
    "string annotation ids": annotation(id="first"),
    "crowd as false": annotation(iscrowd=False),
    "no area": lambda data: data["annotations"][0].pop("area"),
    "no box": lambda data: data["annotations"][0].pop("bbox"),
    "score null": annotation(score=None),
    "ids written 1.0": everywhere("image_id", 1, 1.0),
}
WRONG = {
    "crowd as text": annotation(iscrowd="0"),
    "crowd of 2": annotation(iscrowd=2),
    "area as text": annotation(area="49"),
    "area 1e999": annotation(area=float("inf")),
    "area NaN": annotation(area=float("nan")),
    "score as text": annotation(score="0.5"),
    "score Infinity": annotation(score=float("inf")),
    "box as text": annotation(bbox=["2", 2, 7, 7]),
    "box of three": annotation(bbox=[2, 2, 7]),
    "image id as text": annotation(image_id="1"),
    "image id 1e999": annotation(image_id=float("inf")),
    "category id as text": annotation(category_id="4"),
    "category id 1e999": annotation(category_id=float("inf")),
    "category id true": annotation(category_id=True),
    "unknown category": annotation(category_id=77),
    "unknown image": annotation(image_id=9),
    "the same id twice": annotation(id=2),
    "id 1e999": annotation(id=float("inf")),
    "id of 70 bits": annotation(id=1 << 70),
    "a category 1e999": lambda data: data["categories"][0].update(id=float("inf")),
    "a category twice": lambda data: data["categories"].append({"id": 4, "name": "again"}),
    "an image 1e999": lambda data: data["images"][0].update(id=float("inf")),
    "a height as text": lambda data: data["images"][0].update(height="12"),
    "a height 1e999": lambda data: data["images"][0].update(height=float("inf")),
    "a coordinate as text": annotation(segmentation=[["2", 2, 9, 2, 9, 9]]),
    "a coordinate NaN": annotation(segmentation=[[2, float("nan"), 9, 2, 9, 9]]),
    "two points": annotation(segmentation=[[2, 2, 9, 2]]),
    "runs of another size": annotation(segmentation={"size": [5, 5], "counts": [25]}),
    "runs that do not end": annotation(segmentation={"size": [12, 16], "counts": [3, 4]}),
}


def write(root: Path, data: dict) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.zeros((12, 16), np.uint8)).save(root / "a.png")
    path = root / "all.json"
    path.write_text(json.dumps(data))
    return path


def verdicts(root: Path, path: Path, capsys) -> tuple[str, str, str]:
    """What is said by check, open and evaluate; "" where all is well."""
    code = exit_code("data", "check", root, "--as", "folder")
    checked = capsys.readouterr()
    assert "Traceback" not in checked.out + checked.err
    said = ["" if code == 0 else checked.out + checked.err]
    for read in (lambda: datasets.open("folder", root)[0].target, lambda: evaluate_instances(path, [])):
        try:
            read()
            said.append("")
        except KonturError as error:
            said.append(str(error))
    return said[0], said[1], said[2]


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_sound_to_all(tmp_path, capsys, name):
    data = copy.deepcopy(TRUTH)
    SOUND[name](data)
    path = write(tmp_path, data)
    assert verdicts(tmp_path, path, capsys) == ("", "", "")
    found = [
        {"image_id": e["image_id"], "category_id": e["category_id"], "segmentation": e["segmentation"], "score": 0.5}
        for e in data["annotations"]
    ]
    assert pytest.approx(1) == evaluate_instances(path, found).AP


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_wrong_to_all(tmp_path, capsys, name):
    data = copy.deepcopy(TRUTH)
    WRONG[name](data)
    checked, opened, evaluated = verdicts(tmp_path, write(tmp_path, data), capsys)
    assert checked, "data check passes it"
    assert opened, "opening passes it"
    assert evaluated, "the ruler passes it"
    for text in (opened, evaluated):
        assert text.count("\n") == 0


@pytest.mark.parametrize(
    "entry",
    [{"score": "0.5"}, {"score": float("inf")}, {"score": None}, {"image_id": "1"}, {"category_id": "4"}, {"bbox": ["2", 2, 7, 7]}],
)  # fmt: skip
def test_results_are_read_as_strictly(entry):
    found = {"image_id": 1, "category_id": 4, "segmentation": SQUARE, "score": 0.5, **entry}
    with pytest.raises(InputError):
        evaluate_instances(TRUTH, [found])


# --- panoptic ---------------------------------------------------------------------------------------------------------

PANOPTIC = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": 12, "width": 16}],
    "categories": [{"id": 4, "name": "cell", "isthing": 1}, {"id": 5, "name": "ground", "isthing": 0}],
    "annotations": [
        {
            "image_id": 1,
            "file_name": "a.png",
            "segments_info": [
                {"id": 7, "category_id": 4, "area": 96, "iscrowd": 0},
                {"id": 9, "category_id": 5, "area": 96, "iscrowd": 0},
            ],
        }
    ],
}


def segment(**changes):
    return lambda data: data["annotations"][0]["segments_info"][0].update(changes)


PANOPTIC_WRONG = {
    "crowd as text": segment(iscrowd="0"),
    "area as text": segment(area="96"),
    "area 1e999": segment(area=float("inf")),
    "id 1e999": segment(id=float("inf")),
    "id as text": segment(id="7"),
    "category id 1e999": segment(category_id=float("inf")),
    "a category 1e999": lambda data: data["categories"][0].update(id=float("inf")),
    "a colour 1e999": lambda data: data["categories"][0].update(color=[float("inf"), 0, 0]),
    "a colour NaN": lambda data: data["categories"][0].update(color=[float("nan"), 0, 0]),
    "an image 1e999": lambda data: data["images"][0].update(id=float("inf")),
    "image id 1e999": lambda data: data["annotations"][0].update(image_id=float("inf")),
}


def write_panoptic(root: Path, data: dict) -> Path:
    ids = np.where(np.arange(16) < 8, 7, 9) * np.ones((12, 1), int)
    (root / "all").mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.stack([ids, 0 * ids, 0 * ids], axis=-1).astype(np.uint8)).save(root / "all" / "a.png")
    (root / "all.json").write_text(json.dumps(data))
    return root / "all.json"


def test_sound_panoptic_files(tmp_path):
    from kontur.io.panoptic import read_panoptic

    path = write_panoptic(tmp_path, PANOPTIC)
    assert evaluate_panoptic(path, path).all.pq == 1
    (entry,) = read_panoptic(path).entries()
    assert [s.category for s in entry.segmentation.segments] == [4, 5]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert evaluate_panoptic(path, path).all.pq == 1


@pytest.mark.parametrize("name", PANOPTIC_WRONG)
def test_wrong_panoptic_files_are_wrong_to_all(tmp_path, name):
    from kontur.io.panoptic import read_panoptic

    data = copy.deepcopy(PANOPTIC)
    PANOPTIC_WRONG[name](data)
    path = write_panoptic(tmp_path, data)
    for read in (lambda: list(read_panoptic(path).entries()), lambda: evaluate_panoptic(path, path)):
        with pytest.raises(InputError) as raised:
            read()
        assert str(raised.value).count("\n") == 0
