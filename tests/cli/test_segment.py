"""`kontur segment`: outputs by name, prompts, refinements, and every bad input in one line with exit code 2."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

from command_line import run


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    from kontur.cli import screen

    monkeypatch.setattr(screen, "_quiet", False)
    monkeypatch.setattr(screen, "_verbose", 0)


def disc(path, size=48, value=200):
    """A bright disc on black, RGB; returns its mask."""
    y, x = np.mgrid[:size, :size]
    mask = (y - size / 2) ** 2 + (x - size / 2) ** 2 < (size / 3) ** 2
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.where(mask[..., None], value, 0).astype(np.uint8).repeat(3, axis=2)).save(path)
    return mask


def test_a_photo_to_labels_overlay_and_json(tmp_path, capsys):
    mask = disc(tmp_path / "photo.png")
    code, out, err = run(capsys, "segment", "photo.png", "-m", "otsu")
    assert (code, err) == (0, "")
    assert "photo.png" in out
    assert "kontur-out" in out
    labels = np.asarray(Pillow.open("kontur-out/photo.labels.png"))
    assert np.array_equal(labels, np.where(mask, 2, 1))
    document = json.loads((tmp_path / "kontur-out/photo.json").read_text())
    assert document["schema"] == 1
    assert document["provenance"]["method"] == "otsu"
    assert [s["id"] for s in document["segments"]] == [1, 2]
    assert document["segments"][1]["area"] == mask.sum()
    assert Pillow.open("kontur-out/photo.overlay.png").size == (48, 48)
    assert sorted(p.name for p in (tmp_path / "kontur-out").iterdir()) == [
        "photo.json",
        "photo.labels.png",
        "photo.overlay.png",
    ]


def test_all_outputs_have_their_names(tmp_path, capsys):
    disc(tmp_path / "in" / "a.png")
    disc(tmp_path / "in" / "deep" / "b.png")
    writes = "labels,overlay,json,coco,geojson,svg,labelme,yolo,cutout,measurements"
    code, out, _ = run(capsys, "segment", "in", "-m", "otsu", "-o", "out", "--write", writes, "--jobs", "2")
    assert code == 0
    endings = ["labels.png", "overlay.png", "json", "geojson", "svg", "labelme.json", "cutout.png", "measurements.csv"]
    expected = {f"{stem}.{e}" for stem in ("a", "deep/b") for e in endings} | {
        "coco.json",
        "yolo/a.txt",
        "yolo/deep/b.txt",
    }
    assert {
        str(p.relative_to("out")) for p in (tmp_path / "out").relative_to(tmp_path).rglob("*") if p.is_file()
    } == expected
    coco = json.loads((tmp_path / "out/coco.json").read_text())
    assert [i["file_name"] for i in coco["images"]] == ["a.png", "b.png"]
    assert all(isinstance(a["segmentation"]["counts"], str) and "score" in a for a in coco["annotations"])
    assert "IoU loss" in out


def test_the_default_method_is_named(tmp_path, capsys):
    disc(tmp_path / "photo.png")
    _, out, _ = run(capsys, "segment", "photo.png")
    from kontur import registry

    assert f"{registry.default()[0]} (the default" in out


def test_many_segments_become_a_tiff(tmp_path, capsys, monkeypatch):
    from kontur import Segmentation, registry
    from kontur.core.method import Outcome

    ids = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
    monkeypatch.setattr(registry.Method, "run", lambda *a, **k: Outcome(Segmentation.from_labels(ids)))
    disc(tmp_path / "photo.png", 300)
    code, _, _ = run(capsys, "segment", "photo.png", "-m", "otsu", "--write", "labels")
    assert code == 0
    import tifffile

    assert np.array_equal(tifffile.imread("kontur-out/photo.labels.tif"), ids + 1)
    assert not os.path.exists("kontur-out/photo.labels.png")


def test_options_and_refinements_reach_the_result(tmp_path, capsys):
    image = np.zeros((40, 40), np.uint8)
    image[5:30, 5:30] = 200
    image[15:18, 15:18] = 0  # a hole
    image[35, 35] = 200  # a speck
    Pillow.fromarray(image).save("photo.png")
    arguments = ["segment", "photo.png", "-m", "threshold", "--set", "value=0.5", "--write", "labels,json"]
    code, _, _ = run(capsys, *arguments, "--fill-holes", "--min-area", "4")
    assert code == 0
    labels = np.asarray(Pillow.open("kontur-out/photo.labels.png"))
    wanted = np.ones((40, 40), int)
    wanted[5:30, 5:30] = 2
    assert np.array_equal(labels, wanted)
    notes = json.loads((tmp_path / "kontur-out/photo.json").read_text())["provenance"]["notes"]
    assert "holes filled" in notes
    run(capsys, *arguments, "--keep-largest", "--force")
    assert np.asarray(Pillow.open("kontur-out/photo.labels.png"))[35, 35] == 1


def test_prompts_from_the_command_line(tmp_path, capsys):
    mask = disc(tmp_path / "photo.png")
    code, _, err = run(
        capsys, "segment", "photo.png", "-m", "graph_cut", "--point", "24,24,2", "--point", "1,1,1", "--write", "labels"
    )
    assert (code, err) == (0, "")
    assert np.array_equal(np.asarray(Pillow.open("kontur-out/photo.labels.png")), np.where(mask, 2, 1))
    # a user's own numbers: 1 is the object, 2 the background
    strokes = np.zeros((48, 48), np.uint8)
    strokes[20:28, 20:28], strokes[:3] = 1, 2
    Pillow.fromarray(strokes).save("marks.png")
    code, _, err = run(
        capsys, "segment", "photo.png", "-m", "graph_cut", "--scribbles", "marks.png", "--background-label", "2",
        "--write", "labels", "--force",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert np.array_equal(np.asarray(Pillow.open("kontur-out/photo.labels.png")), np.where(mask, 2, 1))


# --- bad input ------------------------------------------------------------------------------------------------------


def one_line(err):
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("kontur: ")
    assert "Traceback" not in err
    return lines[0]


def broken_files(folder):
    Pillow.new("RGB", (64, 64), "red").save(folder / "whole.jpg", quality=95)
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-200])
    (folder / "text.png").write_text("this is no picture")
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = zlib.compress(bytes(100))
    chunk += struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + end)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.jpg", "no such file"),
        ("empty.png", "empty"),
        ("cut.jpg", "truncated|ends before|cut"),
        ("text.png", "expected"),
        ("bomb.png", "60000"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, capsys, name, says):
    broken_files(tmp_path)
    code, _, err = run(capsys, "segment", name, "-m", "otsu")
    assert code == 2
    line = one_line(err)
    assert name in line
    import re

    assert re.search(says, line), line
    assert not (tmp_path / "kontur-out").exists()


def test_one_bad_file_does_not_stop_the_others(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    broken_files(tmp_path / "in")
    disc(tmp_path / "in" / "good.png")
    code, out, err = run(capsys, "segment", "in", "-m", "otsu", "-o", "out")
    assert code == 2
    assert "good.png" in out
    assert "whole.jpg" in out
    assert "4 of 6 images failed" in err
    for name in ("empty.png", "cut.jpg", "text.png", "bomb.png"):
        assert name in err
    assert {p.name.split(".")[0] for p in (tmp_path / "out").iterdir()} == {"good", "whole"}


def test_nothing_to_do_is_an_error(tmp_path, capsys):
    (tmp_path / "none").mkdir()
    code, _, err = run(capsys, "segment", "none")
    assert code == 2
    assert "none" in one_line(err)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "otsuu"], "no method named 'otsuu'. Did you mean 'otsu'?"),
        (["-m", "kmeans", "--set", "clusters=0"], "option clusters: expected a whole number"),
        (["-m", "kmeans", "--set", "clusterz=3"], "Did you mean 'clusters'?"),
        (["-m", "kmeans", "--set", "clusters"], "expected KEY=VALUE"),
        (["-m", "otsu", "--box", "0,0,5,5"], "otsu takes no box"),
        (["-m", "grabcut", "--box", "0,0,5"], "expected x0,y0,x1,y1"),
        (["-m", "grabcut", "--box", "10,10,10,20"], "empty"),
        (["-m", "grabcut", "--box", "10,10,100,20"], "inside the image of 48x48"),
        (["-m", "graph_cut"], "graph_cut needs a prompt"),
        (["--write", "label"], "Did you mean 'labels'"),
        (["--write", ""], "expected one or more"),
        (["--min-area", "-3"], "at least 0, got -3"),
        (["--jobs", "0"], "at least 1, got 0"),
        (["--scribbles", "nowhere.png", "-m", "graph_cut"], "nowhere.png"),
        (["--max-pixels", "100"], "48 x 48"),
    ],
)
def test_a_bad_argument_is_one_line(tmp_path, capsys, arguments, says):
    disc(tmp_path / "photo.png")
    code, _, err = run(capsys, "segment", "photo.png", *arguments)
    assert code == 2
    assert says in one_line(err)
    assert not (tmp_path / "kontur-out").exists()


def test_outputs_are_never_overwritten_without_force(tmp_path, capsys):
    disc(tmp_path / "photo.png")
    run(capsys, "segment", "photo.png", "-m", "otsu")
    before = (tmp_path / "kontur-out/photo.labels.png").stat().st_mtime_ns
    code, _, err = run(capsys, "segment", "photo.png", "-m", "otsu")
    assert code == 2
    assert "exists already. Use --force" in one_line(err)
    assert (tmp_path / "kontur-out/photo.labels.png").stat().st_mtime_ns == before
    code, _, _ = run(capsys, "segment", "photo.png", "-m", "otsu", "--force")
    assert code == 0


def test_two_inputs_of_one_name_are_refused_before_work(tmp_path, capsys):
    disc(tmp_path / "a" / "x.png")
    disc(tmp_path / "b" / "x.png")
    code, _, err = run(capsys, "segment", "a/x.png", "b/x.png", "-m", "otsu")
    assert code == 2
    assert "both be written as x" in one_line(err)
    assert not (tmp_path / "kontur-out").exists()


def test_an_output_that_cannot_be_written_leaves_nothing_behind(tmp_path, capsys, monkeypatch):
    disc(tmp_path / "photo.png")
    (tmp_path / "file").write_text("in the way")
    code, _, err = run(capsys, "segment", "photo.png", "-m", "otsu", "-o", "file")
    assert code == 2
    assert "file" in one_line(err)
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir()
        (tmp_path / "locked").chmod(stat.S_IRUSR | stat.S_IXUSR)
        code, _, err = run(capsys, "segment", "photo.png", "-m", "otsu", "-o", "locked")
        assert code == 2
        assert "no permission" in one_line(err)

    # the disk fills up while the second file of the image is being written
    real, calls = os.replace, []

    def full(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    code, _, err = run(capsys, "segment", "photo.png", "-m", "otsu", "-o", "out")
    assert code == 2
    assert "the disk is full" in one_line(err)
    assert not any((tmp_path / "out").iterdir()), "all outputs of an image or none"


def test_the_whole_process_is_quick_and_quiet(tmp_path):
    """The command as a user runs it: exit codes, -q, `python -m`, nothing on stderr."""
    disc(tmp_path / "photo.png")
    command = [sys.executable, "-m", "kontur", "segment", "photo.png", "-m", "otsu", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = subprocess.run([*command[:-1], "--force", "--seed", "3"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0
    assert "draws no random numbers" in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "kontur", "segment", "nowhere.jpg"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2
    one_line(done.stderr)
