"""`kontur data convert` and `kontur data show` as a user calls them: outputs, the report, exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

import command_line
from kontur.cli import screen


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `kontur data ..`: (exit code, stdout, stderr)."""
    monkeypatch.setattr(screen, "_quiet", False)

    return lambda *arguments: command_line.run(capsys, "data", *arguments)


@pytest.fixture
def yolo(tmp_path):
    """One photo of 6 x 4 pixels; a square of 2 x 2 pixels and a triangle."""
    root = tmp_path / "yolo"
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    PillowImage.new("RGB", (6, 4)).save(root / "images" / "p.jpg")
    (root / "labels" / "p.txt").write_text("1 0 0 0.333333 0 0.333333 0.5 0 0.5\n0 0.5 0 1 0 1 1\n")
    (root / "data.yaml").write_text("names:\n  0: tree\n  1: 'car'\n")
    return root


def test_the_report_and_the_file(run, yolo, tmp_path):
    report = tmp_path / "report.json"
    code, out, err = run("convert", yolo, tmp_path / "c.json", "--from", "yolo", "--to", "coco", "--report", report)
    assert (code, err) == (0, "")
    assert "nothing lost" in out
    told = json.loads(report.read_text())
    assert (told["from"], told["to"], told["images"], told["regions"], told["lossless"]) == ("yolo", "coco", 1, 2, True)
    content = json.loads((tmp_path / "c.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["tree", "car"]
    square = content["annotations"][0]
    assert (square["category_id"], square["area"], square["bbox"], square["iscrowd"]) == (1, 4, [0, 0, 2, 2], 0)
    assert "score" not in square
    assert content["images"][0]["file_name"] == "p.jpg"


def test_losses_are_on_the_screen(run, tmp_path):
    ring = {"size": [3, 3], "counts": [0, 4, 1, 4]}
    row = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": ring, "area": 8, "bbox": [0, 0, 3, 3]}
    crowd = row | {"id": 2, "iscrowd": 1}
    source = tmp_path / "a.json"
    images = [{"id": 1, "file_name": "p.jpg", "height": 3, "width": 3}]
    source.write_text(
        json.dumps({"images": images, "annotations": [row, crowd], "categories": [{"id": 1, "name": "cell"}]})
    )
    code, out, _ = run("convert", source, tmp_path / "y", "--from", "coco", "--to", "yolo")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "2 regions changed: mean IoU loss 0.5556 over all, worst 1.0000" in lines  # (1/9 + 1) / 2
    assert "1 of 2 holes filled" in lines
    assert "1 of 1 crowds lost" in lines


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "yolo", "--to", "png"), "no label form named 'png'"),
        (("--from", "coco", "--to", "yolo"), "expected JSON"),
        (("--from", "labelme", "--to", "coco"), "expected files *.json"),
        (("--from", "yolo", "--to", "coco", "--taxonomy", "none.json"), "none.json: no such file"),
    ],
)
def test_errors_are_one_line(run, yolo, tmp_path, arguments, told):
    source = yolo / "data.yaml" if arguments[1] == "coco" else yolo
    target = tmp_path / ("out.json" if arguments[3] == "coco" else "out")
    code, out, err = run("convert", source, target, *arguments)
    assert code == 2
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
    assert not target.exists()


def test_nothing_is_overwritten(run, yolo, tmp_path):
    target = tmp_path / "c.json"
    target.write_text("mine")
    arguments = ("convert", yolo, target, "--from", "yolo", "--to", "coco")
    code, _, err = run(*arguments)
    assert code == 2
    assert "--force" in err
    assert target.read_text() == "mine"
    assert run(*arguments, "--force")[0] == 0
    report = tmp_path / "r.json"
    report.write_text("mine")
    code, _, err = run("convert", yolo, tmp_path / "d.json", "--from", "yolo", "--to", "coco", "--report", report)
    assert code == 2
    assert report.read_text() == "mine"
    assert not (tmp_path / "d.json").exists()


def test_a_label_file_without_a_photo(run, yolo, tmp_path):
    (yolo / "labels" / "q.txt").write_text("0 0 0 1 0 1 1\n")
    arguments = ("convert", yolo, tmp_path / "c.json", "--from", "yolo", "--to", "coco")
    code, _, err = run(*arguments)
    assert code == 2
    assert "expected a photo q.*" in err
    code, out, _ = run(*arguments, "--skip-missing")
    assert code == 0
    assert "1 label files without a photo left out: q" in out


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "name"), [("camvid", "camvid"), ("bsds500", "bsds500"), ("coco-tiny", "coco"), ("voc-sample", "voc")]
)
def test_a_contact_sheet(run, data, tmp_path, folder, name):
    """As many captions as images, the photos not repeated; the same seed gives the same sheet, another another."""
    sheets = []
    for seed in (0, 0, 1):
        path = tmp_path / f"{len(sheets)}.png"
        code, out, err = run(
            "show", data / folder, "--as", name, "-o", path, "--count", 2, "--seed", seed, "--width", 400
        )
        assert (code, err) == (0, "")
        assert out.startswith(f"{name} ")
        sheets.append(np.asarray(PillowImage.open(path)))
    assert sheets[0].shape[1] == 400
    assert np.array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[0], sheets[2])
    code, _, err = run("show", data / folder, "--as", name, "-o", tmp_path / "0.png")
    assert code == 2
    assert "exists already" in err


def test_show_refuses_what_is_no_data_set(run, tmp_path):
    for arguments in ((tmp_path, "--as", "camvid"), (tmp_path / "none", "--as", "voc"), (tmp_path, "--as", "vok")):
        code, _, err = run("show", *arguments, "-o", tmp_path / "x.png")
        assert code == 2
        assert err.count("\n") == 1
        assert not (tmp_path / "x.png").exists()
