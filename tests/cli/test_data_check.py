"""`kontur data check`: exit codes, the JSON form, and the real data sets."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from command_line import exit_code


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def set_of_three(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abc":
        mask = np.zeros((20, 30), np.uint8)
        mask[5:15, 5 : 10 + int(rng.integers(15))] = 1
        save(tmp_path / "images" / f"{name}.png", rng.integers(0, 60, (20, 30, 3)) + mask[..., None] * 150)
        save(tmp_path / "masks" / f"{name}.png", mask)
    return tmp_path


def test_a_clean_set_exits_0_and_prints_its_classes(set_of_three, capsys):
    assert exit_code("data", "check", set_of_three, "--as", "folder", "--classes", "ground,leaf") == 0
    out = capsys.readouterr().out
    assert "leaf" in out
    assert "3 images, 0 findings" in out


def test_a_fault_exits_1_and_the_json_is_all_there_is(set_of_three, capsys):
    ids = np.zeros((20, 30), np.uint8)
    ids[2:4, 3:7] = 21
    ids[9, 9] = 1
    save(set_of_three / "masks" / "b.png", ids)
    assert exit_code("data", "check", set_of_three, "--as", "folder", "--classes", "2", "--json") == 1
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert list(report) == ["splits", "findings", "notes"]
    assert report["splits"] == {"all": 3}
    (finding,) = report["findings"]
    assert list(finding) == ["file", "kind", "value", "count", "advice"]
    assert (finding["file"], finding["value"], finding["count"]) == ("masks/b.png", 21, 8)


def test_ignored_values_and_all_ignored_masks_are_no_findings(set_of_three, capsys):
    save(set_of_three / "masks" / "c.png", np.full((20, 30), 9))
    assert exit_code("data", "check", set_of_three, "--as", "folder", "--classes", "2", "--json") == 1
    capsys.readouterr()
    assert exit_code("data", "check", set_of_three, "--as", "folder", "--classes", "2", "--ignore", "9", "--json") == 0
    assert "all-ignored masks: 1: masks/c.png" in json.loads(capsys.readouterr().out)["notes"]


def test_folders_of_other_names_and_a_taxonomy_file(set_of_three, capsys):
    (set_of_three / "images").rename(set_of_three / "shots")
    (set_of_three / "masks").rename(set_of_three / "drawn")
    taxonomy = set_of_three / "t.json"
    taxonomy.write_text(json.dumps({"categories": [{"id": 0, "name": "ground"}, {"id": 1, "name": "leaf"}]}))
    options = ("--as", "folder", "--images", "shots", "--masks", "drawn", "--taxonomy", taxonomy)
    assert exit_code("data", "check", set_of_three, *options) == 0
    (set_of_three / "names.txt").write_text("ground\nlaef\n")
    assert exit_code("data", "check", set_of_three, *options, "--classes", set_of_three / "names.txt") == 1
    assert "misspelt_class" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--as", "camvit"), "Did you mean 'camvid'"),
        (("--as", "camvid"), "expected CamVid's folders"),
        (("--as", "voc", "--masks", "masks"), "--masks: not for --as voc"),
        (("--as", "folder", "--ignore", "some"), "--ignore: expected a whole number or none"),
        (("--as", "folder", "--taxonomy", "nothing.json"), "nothing.json: no such file"),
    ],
)
def test_what_cannot_be_checked_exits_2_with_one_line(arguments, told, set_of_three, capsys):
    assert exit_code("data", "check", set_of_three, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_the_figure_is_written_and_not_overwritten(set_of_three, tmp_path, capsys):
    figure = tmp_path / "figure.png"
    options = ("data", "check", set_of_three, "--as", "folder", "--classes", "2", "--figure", figure)
    assert exit_code(*options) == 0
    assert Image.open(figure).width > 300
    assert exit_code(*options) == 2
    assert exit_code(*options, "--force") == 0


@pytest.mark.real_data
def test_camvid_is_clean(data):
    command = [sys.executable, "-m", "kontur", "data", "check", str(data / "camvid"), "--as", "camvid", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["splits"] == {"train": 367, "val": 101, "test": 233}
    assert report["findings"] == []
    assert done.returncode == 0


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "folder", "faults"),
    [
        ("voc", "voc-sample", set()),
        ("coco", "coco-tiny", set()),
        ("coco_panoptic", "coco-panoptic-sample", set()),
        ("isbi2012", "isbi2012", set()),
        ("drive", "drive", set()),
        ("grabcut", "grabcut", {("rgb_mask", "ground-truth/124084.png")}),
        (
            "folder",
            "coco128-seg",
            {
                ("missing_image", "labels/train2017/000000000656.txt"),
                ("missing_image", "labels/train2017/000000000659.txt"),
            },
        ),
    ],
)
def test_real_sets_have_only_the_faults_that_are_known(name, folder, faults, data, capsys):
    assert exit_code("data", "check", data / folder, "--as", name, "--json") == bool(faults)
    report = json.loads(capsys.readouterr().out)
    assert {(f["kind"], f["file"]) for f in report["findings"]} == faults
