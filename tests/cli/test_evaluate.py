"""`kontur evaluate semantic`, `panoptic`, `instances`: the files they write, what they print, how they refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from command_line import run
from kontur.core import rle
from kontur.metrics import evaluate_instances, evaluate_panoptic, evaluate_semantic


def refused(capsys, *arguments: object) -> str:
    """The one line of an error; nothing on stdout, exit code 2."""
    code, out, err = run(capsys, "evaluate", *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("kontur: ")
    return err


def save(path: Path, pixels: list | np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def labels(tmp_path) -> tuple[Path, Path]:
    truth, found = tmp_path / "truth", tmp_path / "found"
    save(truth / "a.png", [[0, 0, 1], [1, 255, 255]])
    save(found / "a.png", [[0, 1, 1], [1, 0, 9]])
    save(truth / "sub" / "b.png", [[0, 1]])
    save(found / "sub" / "b.png", [[0, 255]])
    return truth, found


def test_semantic_json(labels, tmp_path, capsys):
    out = tmp_path / "scores.json"
    code, text, err = run(capsys, "evaluate", "semantic", *labels, "--classes", 3, "--json", out)
    assert code == 0
    scores = json.loads(out.read_text())
    assert set(scores) == {
        "protocol", "pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou", "per_class"
    }  # fmt: skip
    # counts by hand: class 0: 2 hits, 1 given as 1; class 1: 2 hits, 1 given as none
    assert [c["iou"] for c in scores["per_class"]] == [2 / 3, 2 / 4, None]
    assert [c["precision"] for c in scores["per_class"]] == [1, 2 / 3, None]
    assert [c["id"] for c in scores["per_class"]] == [0, 1, 2]
    assert scores["pixel_accuracy"] == 4 / 6
    assert scores["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert "0.5833" in text
    assert "Protocol: semantic" in text
    assert "1 pixels are predicted as no class" in err


def test_semantic_options(labels, tmp_path, capsys):
    taxonomy = tmp_path / "taxonomy.json"
    taxonomy.write_text(
        json.dumps({"categories": [{"id": 1, "name": "road"}, {"id": 0, "name": "sky"}], "ignore": 255})
    )
    out, table, figure = tmp_path / "s.json", tmp_path / "s.csv", tmp_path / "s.png"
    code, text, _ = run(
        capsys, "evaluate", "semantic", *labels, "--taxonomy", taxonomy, "--json", out, "--csv", table, "--worst", 1,
        "--bootstrap", 50, "--matrix", "--figure", figure, "--jobs", 1,
    )  # fmt: skip
    assert code == 0
    scores = json.loads(out.read_text())
    assert [c["name"] for c in scores["per_class"]] == ["sky", "road"]
    low, high = scores["intervals"]["mean_iou"]
    assert low <= scores["mean_iou"] <= high
    lines = table.read_text().splitlines()
    assert lines[0] == "image,pixels,unpredicted,pixel_accuracy,mean_accuracy,mean_iou,frequency_weighted_iou"
    assert [line.split(",")[0] for line in lines[1:]] == ["a", "sub/b"]
    assert "Worst 1 by mean_iou" in text
    assert "sub/b" in text
    assert np.asarray(PillowImage.open(figure)).ndim == 3
    assert "exists already" in refused(capsys, "semantic", *labels, "--classes", 2, "--json", out)
    assert run(capsys, "evaluate", "semantic", *labels, "--classes", 2, "--json", out, "--force")[0] == 0


def test_semantic_of_kontur_segment_output(labels, tmp_path, capsys):
    """A folder that `kontur segment` wrote is scored by its category maps alone."""
    truth, found = labels
    out = tmp_path / "kontur-out"
    for path in found.rglob("*.png"):
        pixels = np.asarray(PillowImage.open(path))
        save(out / path.relative_to(found).with_suffix(".categories.png"), pixels)
        save(out / path.relative_to(found).with_suffix(".overlay.png"), np.zeros((*pixels.shape, 3)))
    code, text, _ = run(capsys, "evaluate", "semantic", truth, out, "--classes", 2)
    assert code == 0
    assert "0.5833" in text


def test_semantic_missing(labels, capsys):
    truth, found = labels
    (found / "a.png").unlink()
    save(found / "c.png", [[1]])
    line = refused(capsys, "semantic", truth, found, "--classes", 2)
    assert "1 without prediction: a; 1 without truth: c" in line
    code, text, err = run(capsys, "evaluate", "semantic", truth, found, "--classes", 2, "--allow-missing")
    assert code == 0
    assert "1 without prediction: a; 1 without truth: c" in err
    assert "0.1667" in text  # 1 of 6 pixels


def test_semantic_refusals(labels, tmp_path, capsys):
    truth, found = labels
    assert "0..0 or ignore 255, got 1 (2 pixels)" in refused(capsys, "semantic", truth, found, "--classes", 1)
    assert "a.png" in refused(capsys, "semantic", truth, found, "--classes", 1)
    assert "number of classes" in refused(capsys, "semantic", truth, found)
    assert "255 (2 pixels)" in refused(capsys, "semantic", truth, found, "--classes", 2, "--ignore", "none")
    assert "--ignore" in refused(capsys, "semantic", truth, found, "--classes", 2, "--ignore", "x")
    assert "nowhere" in refused(capsys, "semantic", tmp_path / "nowhere", found, "--classes", 2)
    bad = tmp_path / "bad.json"
    for text, message in (
        ("[", "cannot be parsed"),
        ("{}", "expected categories"),
        ('[{"id": 1}]', "expected a name"),
        ('[{"id": -1, "name": "x"}]', "expected an object with an id"),
        ('[{"id": 1, "name": "x"}, {"id": 1, "name": "y"}]', "bad.json.*each category id once"),
    ):
        bad.write_text(text)
        assert re.search(message, refused(capsys, "semantic", truth, found, "--taxonomy", bad))
    save(found / "a.png", np.zeros((2, 3, 3)))
    assert "RGB" in refused(capsys, "semantic", truth, found, "--classes", 2)
    save(found / "a.png", np.zeros((2, 4)))
    line = refused(capsys, "semantic", truth, found, "--classes", 2)
    assert "(2, 4)" in line
    assert "(2, 3)" in line


def panoptic_set(folder: Path, name: str, ids: list[list[int]], infos: list[dict]) -> Path:
    ids = np.array(ids)
    save(folder / name / "x.png", np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1))
    data = {
        "images": [{"id": 7}],
        "categories": [{"id": 1, "name": "cat", "isthing": 1}, {"id": 2, "name": "sky", "isthing": 0}],
        "annotations": [{"image_id": 7, "file_name": "x.png", "segments_info": infos}],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data))
    return path


def test_panoptic(tmp_path, capsys):
    truth = panoptic_set(
        tmp_path, "truth", [[70000] * 3 + [5] * 3],
        [{"id": 70000, "category_id": 1, "area": 3, "iscrowd": 0}, {"id": 5, "category_id": 2, "area": 3, "iscrowd": 0}],
    )  # fmt: skip
    found = panoptic_set(
        tmp_path, "found", [[300] * 2 + [400] * 4], [{"id": 300, "category_id": 1}, {"id": 400, "category_id": 2}]
    )
    out = tmp_path / "s.json"
    code, text, _ = run(capsys, "evaluate", "panoptic", truth, found, "--json", out, "--csv", tmp_path / "s.csv")
    assert code == 0
    scores = json.loads(out.read_text())
    assert set(scores) == {"all", "things", "stuff", "per_class"}
    assert scores["all"] == {"pq": pytest.approx((2 / 3 + 3 / 4) / 2), "sq": pytest.approx(17 / 24), "rq": 1, "n": 2}
    assert scores["things"]["pq"] == pytest.approx(2 / 3)
    assert scores["per_class"]["2"] == {"pq": 0.75, "sq": 0.75, "rq": 1}
    assert "cat" in text
    moved = tmp_path / "elsewhere"
    (tmp_path / "found").rename(moved)
    assert "without prediction" in refused(capsys, "panoptic", truth, found)
    assert run(capsys, "evaluate", "panoptic", truth, found, "--prediction-folder", moved)[0] == 0
    code, text, err = run(capsys, "evaluate", "panoptic", truth, found, "--allow-missing", "--json", out, "--force")
    assert code == 0
    assert "without prediction" in err
    assert json.loads(out.read_text())["all"] == {"pq": 0, "sq": 0, "rq": 0, "n": 2}
    found.write_text("[1,")
    assert "expected JSON" in refused(capsys, "panoptic", truth, found)


def test_panoptic_nothing_is_null(tmp_path, capsys):
    truth = panoptic_set(tmp_path, "truth", [[0, 0]], [])
    found = panoptic_set(tmp_path, "found", [[0, 0]], [])
    out = tmp_path / "s.json"
    assert run(capsys, "evaluate", "panoptic", truth, found, "--json", out)[0] == 0
    assert json.loads(out.read_text())["all"] == {"pq": None, "sq": None, "rq": None, "n": 0}


def test_instances(tmp_path, capsys):
    mask = np.zeros((20, 30), bool)
    mask[5:12, 4:20] = True
    runs = rle.to_coco(rle.encode(mask))
    truth = {
        "images": [{"id": 1, "height": 20, "width": 30}],
        "categories": [{"id": 4, "name": "cell"}, {"id": 5, "name": "dust"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 4,
                "segmentation": runs,
                "bbox": [4, 5, 16, 7],
                "area": 112,
                "iscrowd": 0,
            }
        ],
    }
    found = [{"image_id": 1, "category_id": 4, "segmentation": runs, "score": 0.5}]
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    for path, value in zip(paths, (truth, found)):
        path.write_text(json.dumps(value))
    out = tmp_path / "s.json"
    for extra in ([], ["--box"]):
        code, text, _ = run(capsys, "evaluate", "instances", *paths, "--json", out, "--force", *extra)
        assert code == 0
        scores = json.loads(out.read_text())
        assert set(scores) == {
            "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl", "per_category"
        }  # fmt: skip
        assert [scores[k] for k in ("AP", "AR1", "APs")] == pytest.approx([1, 1, 1])
        assert scores["APl"] is None
        assert scores["per_category"] == {"4": pytest.approx(1), "5": None}
        assert ("boxes" if extra else "masks") in text
    found[0]["image_id"] = 3
    paths[1].write_text(json.dumps(found))
    assert "does not list: 3" in refused(capsys, "instances", *paths)
    found[0].update(image_id=1, segmentation={"size": [20, 30], "counts": "5"})
    paths[1].write_text(json.dumps(found))
    assert "RLE counts" in refused(capsys, "instances", *paths)


def test_python_names_of_the_parameters(labels, tmp_path):
    """The names of the documentation are the names of the functions."""
    truth, found = labels
    assert evaluate_semantic(truth_dir=truth, prediction_dir=found, classes=2, ignore=255).scores.mean_iou > 0
    path = panoptic_set(tmp_path, "t", [[1]], [{"id": 1, "category_id": 1, "area": 1, "iscrowd": 0}])
    folder = path.with_suffix("")
    result = evaluate_panoptic(truth_json=path, prediction_json=path, truth_folder=folder, prediction_folder=folder)
    assert result.all.pq == 1
    truth = {"images": [], "categories": [], "annotations": []}
    assert np.isnan(evaluate_instances(truth_json=truth, prediction_json=[], kind="bbox", max_detections=10).AP)


def test_importing_the_ruler_compiles_nothing():
    code = "import sys, kontur.metrics; sys.exit('numba' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
