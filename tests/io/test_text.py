"""Text, JSON and YAML: with or without the mark of UTF-8 alike, other encodings named, no value of another kind than it is."""

from __future__ import annotations

import gc
import json
import threading

import pytest

from kontur import datasets
from kontur.core.errors import InputError, UnreadableFile
from kontur.datasets.class_names import yaml_names
from kontur.io.coco import read_coco
from kontur.io.labelme import read_labelme
from kontur.io.taxonomy import read_taxonomy
from kontur.io.text import collector_paused, read_json, read_lines, read_text, read_yaml
from kontur.io.yolo import read_yolo
from kontur.metrics import evaluate_instances

BOM = b"\xef\xbb\xbf"
COCO = {"images": [{"id": 1, "file_name": "ä.jpg", "height": 5, "width": 6}], "annotations": [], "categories": []}


def test_the_mark_of_utf8_changes_nothing(tmp_path):
    path = tmp_path / "a"
    for read, text in (
        (read_text, "Straße\n"),
        (read_lines, "Straße\n\n Haus \n"),
        (read_json, '{"a": [1, 1e999, "ü"]}'),
        (read_yaml, "names: [Straße, Haus]\n"),
        (lambda p: read_taxonomy(p).to_dict(), '[{"id": 1, "name": "Straße"}]'),
        (lambda p: read_coco(p).images, json.dumps(COCO)),
        (lambda p: evaluate_instances(p, []).images, json.dumps(COCO)),
        (lambda p: read_labelme(p).shape, '{"shapes": [], "imageHeight": 4, "imageWidth": 5}'),
        (lambda p: [i.area for i in read_yolo(p, (4, 4)).instances], "0 0 0 1 0 1 1 0 1\n"),
        (yaml_names, "names: {0: Straße}\n"),
    ):
        path.write_bytes(text.encode())
        plain = read(path)
        path.write_bytes(BOM + text.encode())
        assert read(path) == plain


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
def test_another_encoding_is_named_in_one_sentence(tmp_path, encoding, named):
    path = tmp_path / "classes.txt"
    for read, text in (
        (read_lines, "Straße\nHäuser\n"),
        (read_yaml, "names: [Straße]"),
        (read_json, '{"name": "Straße"}'),
    ):
        path.write_bytes(text.encode(encoding))
        if named == "UTF-16" and encoding != "utf-16" and read is not read_json:
            continue  # without a mark such text is valid UTF-8 but for its letters, see below
        with pytest.raises(UnreadableFile, match=f"got .*{named}.* Save it as UTF-8") as error:
            read(path)
        assert "\n" not in str(error.value)


def test_class_files_in_utf16_are_refused_by_name(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "images" / "a.png")
    Image.new("L", (4, 4)).save(tmp_path / "masks" / "a.png")
    (tmp_path / "classes.txt").write_bytes("Grund\nBlatt\n".encode("utf-16"))
    with pytest.raises(
        UnreadableFile, match=r"classes\.txt: expected a text file with a class name a line in UTF-8, got UTF-16"
    ):
        datasets.open("folder", tmp_path)
    (tmp_path / "classes.txt").write_bytes(BOM + b"Grund\r\nBlatt\r\n")
    assert [c.name for c in datasets.open("folder", tmp_path).taxonomy] == ["Grund", "Blatt"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: ['a, b', \"it's\", c # no comment\n]\n", ["a, b", "it's", "c"]),
        ("names:\n  - no\n  - on\n  - 1.10\n  - 'C#'\n", ["no", "on", "1.10", "C#"]),
        ('"names": {0: leaf, 1: rust}\nnc: 2\n', ["leaf", "rust"]),
        ("nc: 2\nnames: # the classes\n- leaf\n- rust: brown\n", None),
        ("path: .\nnames: &n\n  0: leaf\n  1: \"a: b\"\nother: *n\n", ["leaf", "a: b"]),
        ("train: images\n", []),
        ("names:\n", []),
    ],
)  # fmt: skip
def test_names_of_data_yaml_are_yamls(tmp_path, text, names):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    if names is None:
        with pytest.raises(InputError, match="expected names as a list"):
            yaml_names(path)
    else:
        assert yaml_names(path) == dict(enumerate(names))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("names: [a, b", "expected YAML, got something else"),
        ("\tnames: a", "expected YAML"),
        ("a: b: c", "expected YAML"),
        ("nc: 3\nnames: [a, b]", "expected nc to be the number of names, 2, got '3'"),
        ("names: 7", "expected names as a list"),
        ("names: {a: b}", "expected names as a list"),
        ("names: [[a], b]", "expected names as a list"),
        ("names: !!python/object/apply:os.system ['true']", None),  # text like any other: nothing is made of it
    ],
)
def test_yaml_that_is_none_or_contradicts_itself(tmp_path, text, told):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    if told is None:
        assert yaml_names(path) == {0: "true"}
        return
    with pytest.raises(InputError, match=told) as error:
        yaml_names(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "nul", '"\\ud800"', "[" * 100_000, "\x00", '{"a": 1} x', "[0" + "9" * 5000 + "]"]
)
def test_what_is_no_json(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UnreadableFile, match="expected JSON, got") as error:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(error.value)


def test_the_collector_runs_again_after_pauses_of_many_threads():
    assert gc.isenabled()
    inside = threading.Barrier(4)

    def pause():
        for _ in range(20):
            with collector_paused():
                inside.wait()
                assert not gc.isenabled()
                inside.wait()

    threads = [threading.Thread(target=pause) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()  # as it was before
    finally:
        gc.enable()
