"""What a model may be called; and models as methods, from Python and from the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import kontur
from command_line import run
from inference.small_networks import picker
from kontur import registry
from kontur.core.errors import OptionError, PromptError, UnknownName, UnreadableFile
from kontur.inference import Predictor, models, notice
from kontur.inference.models import NoModels

NOTICE = "The weights derive from data under CC BY-NC 4.0."
COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 255]]], np.uint8)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of embedded models with one in it, `street`, which picks the strongest colour."""
    folder = tmp_path / "models"
    folder.mkdir()
    picker(folder / "street.onnx", notice=NOTICE, name="street")
    (folder / "street.toml").write_text('name = "street"\nnotice = "terms"\n\n[recipe]\nsecret = 1\n')
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.setattr(notice, "_told", set())
    monkeypatch.chdir(tmp_path)
    Pillow.fromarray(COLOURS).save("photo.png")
    return folder


# --- names ------------------------------------------------------------------------------------------------------------


def test_an_embedded_model_a_file_and_a_run(shelf, tmp_path):
    assert models.find("street") == models.Model("street", shelf / "street.onnx")
    assert models.find("models/street.onnx").path == Path("models/street.onnx")
    assert models.find("nothing") is None
    folder = tmp_path / "run1"
    folder.mkdir()
    (folder / "recipe.toml").touch()
    with pytest.raises(UnreadableFile, match=r"no exported network.*kontur export"):
        models.find("run1")
    assert models.to_export("run1") == Path("run1/model.onnx")
    for age, name in (100, "old.onnx"), (50, "new.onnx"):
        picker(folder / name)
        os.utime(folder / name, (2e9 - age, 2e9 - age))
    assert models.find("run1") == models.Model("run1", Path("run1/new.onnx"))
    assert models.to_export("run1") is None
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints/best.json").touch()
    os.utime(folder / "checkpoints/best.json", (2e9, 2e9))
    assert models.to_export("run1") == Path("run1/model.onnx")


@pytest.mark.parametrize(
    ("name", "said"), [("no.onnx", "no such file"), ("photo.png", "another file"), (".", "another folder")]
)
def test_paths_that_lead_to_no_model(shelf, name, said):
    with pytest.raises(UnreadableFile, match=said):
        registry.get(name)


def test_a_name_nobody_knows(shelf):
    with pytest.raises(UnknownName, match="Did you mean 'street'"):
        registry.get("stret")
    with pytest.raises(UnknownName, match="Did you mean 'otsu'"):
        registry.get("otsuu")


def test_a_build_without_models_says_so(shelf):
    (shelf / "street.onnx").unlink()
    with pytest.raises(NoModels, match="this build of kontur was made without models"):
        registry.get("street")
    assert not kontur.methods("semantic")


def test_a_method_of_the_registry_goes_before_a_folder_of_its_name(shelf, tmp_path):
    (tmp_path / "otsu").mkdir()
    assert registry.get("otsu").task == "foreground"


# --- as a method ------------------------------------------------------------------------------------------------------


def test_one_call(shelf):
    with pytest.warns(notice.ModelNotice, match="street: The weights derive"):
        result = kontur.segment("photo.png", "street")
    assert result.ids.tolist() == [[1, 2], [3, 3]]
    assert result.provenance.method == "street"
    assert result.provenance.options["scales"] == "1"
    assert NOTICE in result.provenance.notes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(kontur.segment(COLOURS, "street").ids, result.ids)  # told once
        assert np.array_equal(kontur.segment(COLOURS, shelf / "street.onnx").ids, result.ids)


def test_options_are_checked_as_those_of_every_method(shelf):
    with pytest.raises(UnknownName, match="Did you mean 'flips'"):
        kontur.segment(COLOURS, "street", flip=True)
    for options, said in (
        ({"tile": 3}, r"option tile: expected a whole number, 64\.\.8192 pixels, got 3"),
        ({"scales": "1,x"}, "option scales: expected numbers"),
        ({"device": "tpu"}, "auto, cpu or cuda"),
    ):
        with pytest.raises(OptionError, match=said):
            kontur.segment(COLOURS, "street", **options)
    with pytest.raises(PromptError, match="takes no box"):
        kontur.segment(COLOURS, "street", box=(0, 0, 1, 1))


def test_each_file_of_a_folder_in_order(shelf, tmp_path):
    paths = []
    for n in range(7):
        paths.append(tmp_path / f"{n}.png")
        Pillow.fromarray(np.roll(COLOURS, n, axis=2)).save(paths[-1])
    predictor = Predictor(shelf / "street.onnx")
    for ahead in (0, 1, 2, 20):
        found = list(predictor.each(paths, ahead=ahead))
        assert [path for path, _ in found] == paths
        assert [int(result.ids[0, 0]) for _, result in found] == [1, 2, 3, 1, 2, 3, 1]
    (tmp_path / "1.png").write_bytes(b"oops")
    results = predictor.each(paths)
    assert next(results)[0] == paths[0]
    with pytest.raises(UnreadableFile, match=r"1\.png"):
        next(results)


# --- on the command line ----------------------------------------------------------------------------------------------


def test_kontur_segment_tells_the_terms_once(shelf, tmp_path, capsys):
    Pillow.fromarray(COLOURS[::-1]).save("other.png")
    code, out, err = run(capsys, "segment", "photo.png", "other.png", "-m", "street", "--write", "labels,heatmaps")
    assert (code, err) == (0, f"street: {NOTICE}\n")
    assert "2 images by street" in out
    assert sorted(p.name for p in Path("kontur-out").glob("photo*")) == [
        "photo.c0.heatmap.png", "photo.c1.heatmap.png", "photo.c2.heatmap.png", "photo.categories.png", "photo.labels.png",
    ]  # fmt: skip
    assert np.asarray(Pillow.open("kontur-out/photo.categories.png")).tolist() == [[0, 1], [2, 2]]
    # Softmax of 1, 0, 0: e / (e + 2) = 0.576, 1 / (e + 2) = 0.212
    assert np.asarray(Pillow.open("kontur-out/photo.c0.heatmap.png")).tolist() == [[147, 54], [54, 54]]
    code, _, err = run(capsys, "segment", "photo.png", "-m", "street", "--write", "heatmaps")
    assert code == 2
    assert "photo.c0.heatmap.png: exists already" in err


def test_kontur_segment_in_a_folder_of_its_own_outputs(shelf, capsys):
    """Heat maps are no photos."""
    assert run(capsys, "segment", ".", "-m", "street", "-o", ".", "--write", "heatmaps")[0] == 0
    code, out, _ = run(capsys, "segment", ".", "-m", "street", "-o", "again", "--write", "labels")
    assert (code, "1 image by street" in out) == (0, True)


def test_heat_maps_of_a_method_without_probabilities(shelf, capsys):
    code, _, err = run(capsys, "segment", "photo.png", "-m", "otsu", "--write", "heatmaps")
    assert (code, "heatmaps are the probabilities of a network; otsu has none" in err) == (2, True)


def test_kontur_methods_and_describe(shelf, capsys):
    assert "street" in run(capsys, "methods", "--task", "semantic")[1]
    code, out, _ = run(capsys, "describe", "street")
    assert code == 0
    for words in (
        "Classes: c0, c1, c2",
        NOTICE,
        'notice = "terms"',
        "-m street",
        "64..8192 pixels",
        "auto, cpu or cuda",
    ):
        assert words in out
    assert "secret" not in out  # the recipe is for the file's readers
    assert "-m models/street.onnx" in run(capsys, "describe", "models/street.onnx")[1]


def test_bad_networks_end_with_one_line(shelf, capsys):
    Path("bad.onnx").write_bytes(b"nonsense")
    code, _, err = run(capsys, "segment", "photo.png", "-m", "bad.onnx")
    assert (code, err.count("\n"), "bad.onnx: expected a whole ONNX network" in err) == (2, 1, True)
    assert not Path("kontur-out").exists()


def test_a_network_runs_with_torch_blocked(shelf):
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'onnx', 'numba', 'sklearn', 'skimage'):\n"
        "            raise AssertionError(f'{name} was imported')\n"
        "sys.meta_path.insert(0, Block())\n"
        "import numpy as np, kontur\n"
        "assert kontur.segment('photo.png', 'models/street.onnx', flips=True).ids.tolist() == [[1, 2], [3, 3]]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("without", ["0", "1"])
def test_a_wheel_with_models_and_one_without(shelf, tmp_path, without):
    pytest.importorskip("setuptools")
    root = Path(__file__).resolve().parents[2]
    tree = tmp_path / "tree"
    shutil.copytree(root / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "models", "*.egg-info"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(root / name, tree)
    (tree / "src/kontur/models").mkdir(exist_ok=True)
    for file in shelf.iterdir():
        shutil.copy(file, tree / "src/kontur/models")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", tmp_path / "out", tree],
        check=True, env=os.environ | {"KONTUR_WITHOUT_MODELS": without},
    )  # fmt: skip
    (wheel,) = (tmp_path / "out").glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("kontur/models/")}
    assert inside == (set() if without == "1" else {"kontur/models/street.onnx", "kontur/models/street.toml"})
    assert "kontur/networks/table.json" in zipfile.ZipFile(wheel).namelist()
