"""`kontur.segment_files`: what is written, failures that end nothing, a full disk, Ctrl-C, and going on after them."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import kontur
from command_line import run as command
from kontur import registry
from kontur.core.errors import OptionError, OutputError, UnknownName
from kontur.core.instances import Instances
from kontur.core.method import Outcome
from kontur.core.refine import Refinements
from kontur.files import work
from kontur.files.exports import EXPORTS, Targets
from kontur.files.run import Done, segment_files
from kontur.files.work import Failed
from kontur.io.photos import OWN_OUTPUTS, SUFFIXES


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Five photos, a.png to e.png, of a bright square of 4 to 8 pixels a side."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate("abcde"):
        pixels = np.zeros((16, 20), np.uint8)
        pixels[2 : 6 + number, 3 : 7 + number] = 200
        Pillow.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def otsu_that(monkeypatch, act):
    """Method.run that first calls act(image) with the name of the image's file."""
    once = registry.Method.run

    def run(self, image, *arguments, **keywords):
        act(image.path.name)
        return once(self, image, *arguments, **keywords)

    monkeypatch.setattr(registry.Method, "run", run)


def test_items_come_in_the_order_of_the_inputs_and_say_what_was_written(photos):
    items = list(segment_files("photos", "otsu", write=("labels", "json", "coco", "yolo"), out="out", jobs=3))
    assert [item.path.name for item in items] == [f"{name}.png" for name in "abcde"]
    for number, item in enumerate(items):
        side = 4 + number
        assert (item.shape, item.segments, item.objects) == ((16, 20), 2, side * side / 320)
        assert item.losses["yolo"] == 0
        assert sorted(str(p) for p in item.files) == [
            f"out/{item.path.stem}.json", f"out/{item.path.stem}.labels.png", f"out/yolo/{item.path.stem}.txt",
        ]  # fmt: skip
    whole = json.loads(Path("out/coco.json").read_text())
    assert [row["area"] for row in whole["annotations"]] == [16, 25, 36, 49, 64]


def test_arguments_are_refused_before_any_work(photos):
    for arguments, error, said in (
        ({"write": "labls"}, UnknownName, "Did you mean 'labels'"),
        ({"write": ""}, OptionError, "expected one or more of"),
        ({"jobs": 0}, OptionError, "option jobs: .* got 0"),
        ({"existing": "ask"}, OptionError, "refuse, skip or replace, got 'ask'"),
        ({"options": {"levels": 3}}, UnknownName, "no option named 'levels'"),
        ({"write": "levels"}, OptionError, "levels is of a hierarchy"),
    ):
        with pytest.raises(error, match=said):
            segment_files("photos", "otsu", out="out", **arguments)
    with pytest.raises(OptionError, match="min_area"):
        Refinements(min_area=-1)
    assert not os.path.exists("out")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("boom"), r"photos/c\.png: failed in a way it should not \(RuntimeError: boom\)"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (MemoryError(), r"photos/c\.png: out of memory"),
        (KeyError("x"), "KeyError: 'x'"),
        (StopIteration(), r"\(StopIteration\)"),
        (OptionError("this\nimage: no"), r"^photos/c\.png: this image: no$"),
    ],
)
def test_whatever_an_image_raises_is_its_own_failure(photos, monkeypatch, error, said):
    def act(name):
        if name == "c.png":
            raise error

    otsu_that(monkeypatch, act)
    items = list(segment_files("photos", "otsu", out="out", write="labels", jobs=2))
    (failed,) = [item for item in items if isinstance(item, Failed)]
    assert (items.index(failed), failed.cause, failed.path.name) == (2, error, "c.png")
    assert "\n" not in failed.error
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(failed.error)
    assert sorted(os.listdir("out")) == [f"{name}.labels.png" for name in "abde"]


def test_on_the_command_line_the_others_are_done_and_the_exit_code_is_2(photos, monkeypatch, capsys):
    otsu_that(monkeypatch, lambda name: 1 / 0 if name == "b.png" else None)
    code, out, err = command(capsys, "segment", "photos", "-m", "otsu", "--write", "labels")
    assert code == 2
    assert "4 images by otsu" in out
    assert "1 of 5 images failed" in err
    assert "b.png: failed in a way it should not (ZeroDivisionError: division by zero)" in err
    assert "Traceback" not in err
    _, _, err = command(capsys, "segment", "photos", "-m", "otsu", "--write", "labels", "--force", "-v")
    assert "Traceback" in err


def test_a_full_disk_ends_the_run_with_what_is_done_and_how_to_go_on(photos, monkeypatch, capsys):
    """The third write fails, as all would after it; what was not begun has failed too, and is done the second time."""
    real, free = os.replace, [0]

    def replace(source, target):
        if str(target).endswith("b.labels.png") and not free[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(work.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free[0]}))
    code, out, err = command(capsys, "segment", "photos", "-m", "otsu", "--write", "json,labels", "-o", "out")
    assert code == 2
    assert "4 of 5 images failed" in err
    assert "b.labels.png: cannot be written: the disk is full" in err
    assert err.count("not done, as the disk is full") == 3
    assert "the disk is full: 1 of 5 images are done and lie whole in out" in err
    assert "--existing skip goes on" in err
    assert sorted(os.listdir("out")) == ["a.json", "a.labels.png"]
    free[0] = 10**12
    code, out, err = command(
        capsys, "segment", "photos", "-m", "otsu", "--write", "json,labels", "-o", "out", "--existing", "skip"
    )
    assert (code, err) == (0, "")
    assert "4 images by otsu" in out
    assert "1 image finished before, left as it is" in out
    assert len(os.listdir("out")) == 10


def test_a_file_too_large_for_a_disk_with_room_is_one_failure(photos, monkeypatch):
    real = os.replace

    def replace(source, target):
        if str(target).endswith("b.labels.png"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    items = list(segment_files("photos", "otsu", write="labels", out="out"))
    assert [isinstance(item, Failed) for item in items] == [False, True, False, False, False]
    assert isinstance(items[1].cause, OutputError)


def test_ctrl_c_says_what_is_done_and_skip_goes_on(photos, monkeypatch, capsys):
    write = ("--write", "labels,coco", "-o", "out")
    results = work.each

    def interrupted(*arguments, **keywords):
        for number, item in enumerate(results(*arguments, **keywords)):
            if number == 2:
                raise KeyboardInterrupt
            yield item

    with monkeypatch.context() as patch:
        patch.setattr("kontur.files.run.each", interrupted)
        code, _, err = command(capsys, "segment", "photos", "-m", "otsu", *write)
    assert code == 130
    assert err.startswith("kontur: stopped: 2 of 5 images are done and lie whole in out, 3 are not done.")
    assert "--existing skip goes on" in err
    names = [row["file_name"] for row in json.loads(Path("out/coco.json").read_text())["images"]]
    assert names == ["a.png", "b.png"]
    before = os.stat("out/a.labels.png").st_mtime_ns
    code, out, err = command(capsys, "segment", "photos", "-m", "otsu", *write, "--existing", "skip")
    assert (code, err) == (0, "")
    assert "2 images finished before, left as they are" in out
    assert os.stat("out/a.labels.png").st_mtime_ns == before
    # coco.json holds the whole run, as if it had never been stopped
    assert command(capsys, "segment", "photos", "-m", "otsu", "--write", "labels,coco", "-o", "at-once")[0] == 0
    assert Path("out/coco.json").read_text() == Path("at-once/coco.json").read_text()


def test_closing_the_iterator_stops_the_run(photos, monkeypatch):
    begun, go = [], threading.Event()

    def act(name):
        begun.append(name)
        if name != "a.png":
            go.wait(5)

    otsu_that(monkeypatch, act)
    items = segment_files("photos", "otsu", out="out", write="labels")
    assert next(items).path.name == "a.png"
    threading.Timer(0.05, go.set).start()
    items.close()
    assert set(begun) <= {"a.png", "b.png"}, "what is under way is finished, nothing more is begun"


def test_existing_refuse_skip_replace(photos):
    def outcome(**more):
        return next(segment_files("photos/a.png", "otsu", write="labels,json", out="out", **more))

    assert outcome().segments == 2
    assert "exists already. Use --force" in outcome().error
    assert outcome(existing="skip") == Done(outcome().path, skipped=True)
    os.remove("out/a.json")  # half of an image is no image: it is done again
    again = outcome(existing="skip")
    assert (again.skipped, len(again.files)) == (False, 2)
    assert outcome(existing="replace").segments == 2


@pytest.mark.parametrize("arguments", [("--existing", "maybe"), ("--existing", "skip", "--force")])
def test_existing_on_the_command_line(photos, capsys, arguments):
    code, _, err = command(capsys, "segment", "photos", "-m", "otsu", *arguments)
    assert (code, err.count("\n")) == (2, 1)


def test_a_folder_says_what_is_left_out(photos, capsys):
    (photos / "notes.txt").write_text("x")
    (photos / ".hidden.png").write_bytes((photos / "a.png").read_bytes())
    (photos / "a.overlay.png").write_bytes((photos / "a.png").read_bytes())
    code, _, err = command(capsys, "segment", "photos", "-m", "otsu")
    assert code == 0
    assert (
        err
        == "left out: 1 hidden (.hidden.png), 1 written by kontur segment (a.overlay.png), 1 of no image's name (notes.txt)\n"
    )


def test_the_pictures_of_the_table_are_known_as_outputs():
    endings = {e for export in EXPORTS.values() if not export.folder for e in export.endings}
    pictures = [e.removesuffix(suffix) for e in endings for suffix in SUFFIXES if e.endswith(suffix)]
    assert set(pictures) == set(OWN_OUTPUTS)


def test_every_name_of_the_table_is_written_where_it_says(tmp_path):
    """By a method that gives a hierarchy; heat maps need a network and are tested with one."""
    pixels = np.zeros((24, 24, 3), np.uint8)
    pixels[4:12, 4:12], pixels[14:, 14:] = (200, 30, 30), (30, 200, 30)
    Pillow.fromarray(pixels).save(tmp_path / "p.png")
    names = [name for name in EXPORTS if name != "heatmaps"]
    targets = Targets(tuple(names), tmp_path / "out", tmp_path.joinpath("p").relative_to(tmp_path))
    assert not targets.finished()
    (item,) = segment_files(
        tmp_path / "p.png", "region_merging", write=names, out=tmp_path / "out", options={"level": 0.3}
    )
    assert set(item.files) <= set(targets)
    assert all(path.stat().st_size for path in item.files)
    assert targets.finished()


# --- refinements ------------------------------------------------------------------------------------------------------


def two_objects() -> Instances:
    masks = np.zeros((3, 10, 12), bool)
    masks[0, 1:5, 1:5] = True  # 16 pixels
    masks[1, 8, 8] = True  # one pixel
    masks[2, 6:9, 1:4] = True
    masks[2, 7, 2] = False  # a hole: 8 pixels
    return Instances.from_masks(masks, shape=(10, 12), scores=[0.9, 0.8, 0.7])


def test_refining_objects_keeps_their_numbers():
    objects = two_objects()
    same = Refinements(min_area=1).apply(objects)
    assert np.array_equal(same.ids, objects.flatten(background=False).ids)
    assert [(s.id, s.area, s.score) for s in same.segments] == [(1, 16, 0.9), (2, 1, 0.8), (3, 8, 0.7)]
    large = Refinements(min_area=2, fill_holes=True).apply(objects)
    assert [(s.id, s.area, s.score) for s in large.segments] == [(1, 16, 0.9), (3, 9, 0.7)]
    assert np.array_equal(large.foreground, large.ids > 0)
    assert large.background == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_minimal_area_of_one_pixel_changes_no_result(seed):
    rng = np.random.default_rng(seed)
    for background in (None, 1):
        result = kontur.Segmentation.from_ids(rng.integers(1, 6, (20, 20)), background=background)
        refined = Refinements(min_area=1).apply(result)
        assert np.array_equal(refined.ids, result.ids)
        assert refined.segments == result.segments


def test_labels_and_json_of_refined_objects_agree(photos, monkeypatch):
    monkeypatch.setattr(registry.Method, "run", lambda *a, **k: Outcome(two_objects()))
    Pillow.new("L", (12, 10)).save("photos/a.png")
    list(segment_files("photos/a.png", "otsu", out="plain", write="labels,json,measurements"))
    list(
        segment_files(
            "photos/a.png", "otsu", out="out", write="labels,json,measurements", refine=Refinements(min_area=2)
        )
    )
    plain, refined = (np.asarray(Pillow.open(f"{d}/a.labels.png")) for d in ("plain", "out"))
    assert np.array_equal(refined, np.where(plain == 2, 0, plain))
    told = json.loads(Path("out/a.json").read_text())
    assert [(s["id"], s["area"]) for s in told["segments"]] == [(1, 16), (3, 8)]
    assert told["background"] == 0
    (item,) = segment_files("photos/a.png", "otsu", out="out", existing="replace", refine=Refinements(min_area=2))
    assert item.objects == 24 / 120
