"""One's own data, as the README has it: an image folder and a mask folder to a trained network in three commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from kontur.cli import main
from kontur.cli.train import Screen
from kontur.networks import CATALOGUE
from kontur.training import load_recipe, parts
from kontur.training.progress import Progress
from training import toy

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "own_data.toml"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """images/ and masks/ of eight scenes, without splits."""
    root = tmp_path_factory.mktemp("own")
    for number in range(8):
        picture, mask = toy.scene(number, (72, 96))
        for kind, pixels in (("images", picture), ("masks", mask)):
            (root / kind).mkdir(exist_ok=True)
            Pillow.fromarray(pixels).save(root / kind / f"photo{number}.png")
    return root


def command(*words) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert end.value.code in (0, None), words


def test_three_commands(pictures, tmp_path, monkeypatch):
    """At the end a photo that was not among the eight is cut into ground, square and disc."""
    monkeypatch.chdir(tmp_path)
    fast = ["stages.0.epochs=12", "stages.0.crop=[64, 64]", "network.pretrained=false", "optimiser.slow_factor=1.0",
            "optimiser.rate=3e-3", "run.ema=0.0", "validation.every=6", "run.threads=1"]  # fmt: skip
    sets = [f"data.root={pictures}", "data.options.classes=ground,square,disc", *fast]
    command("train", RECIPE, *(w for s in sets for w in ("--set", s)), "-o", "runs/own")
    command("export", "runs/own", "-o", "own.onnx", "--half")
    picture, truth = toy.scene(99, (72, 96))
    Pillow.fromarray(picture).save("photo.png")
    command("segment", "photo.png", "-m", "own.onnx", "-o", "out")
    found = np.asarray(Pillow.open("out/photo.categories.png"))
    counted = truth != 255
    assert found.shape == truth.shape
    assert (found[counted] == truth[counted]).mean() > 0.9
    assert (found == 1)[truth == 1].mean() > 0.5
    card = tomllib.loads(Path("own.toml").read_text())
    assert card["classes"] == ["ground", "square", "disc"]
    assert card["bytes"] == Path("own.onnx").stat().st_size
    facts = json.loads(Path("runs/own/run.json").read_text())
    assert facts["samples"] == {"train": 6, "val": 2}
    best = json.loads(Path("runs/own/checkpoints/best.json").read_text())["score"]
    for words in ((), ("--split", "val"), ("--split", "all")):
        command("test", "runs/own", *words)
    held, val, everything = map(json.loads, Path("runs/own/tests.jsonl").read_text().splitlines())
    assert held["data"] == val["data"] == "folder all, the held-out share 0.2"
    assert (held["images"], held["holdout"]) == (2, 0.2)
    assert held["mean_iou"] == val["mean_iou"] == pytest.approx(best, abs=1e-6)
    assert (everything["data"], everything["images"]) == ("folder all", 8)
    command("export", "runs/own", "-o", "own.onnx", "--force")
    assert tomllib.loads(Path("own.toml").read_text())["scores"]["val"]["images"] == 2


def test_what_was_held_out_is_not_guessed(pictures, tmp_path, monkeypatch, capsys):
    """With one picture more another part is drawn, so that the scores would be those of pictures trained on."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pictures, "own")
    sets = ["data.root=own", "data.options.classes=3", "stages.0.epochs=1", "network.pretrained=false",
            "optimiser.slow_factor=1.0", "run.threads=1"]  # fmt: skip
    command("train", RECIPE, *(w for s in sets for w in ("--set", s)), "-o", "run")
    for kind in ("images", "masks"):
        shutil.copy(f"own/{kind}/photo0.png", f"own/{kind}/another.png")
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["test", "run"])
    assert end.value.code == 2
    assert "expected the data it was trained on" in capsys.readouterr().err


def test_a_foreign_value_is_told_with_the_classes(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sets = [f"data.root={pictures}", "data.options.classes=ground,my square"]
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in ("train", RECIPE, "-o", "run", *(w for s in sets for w in ("--set", s)))])
    assert end.value.code == 2
    assert (
        f"`kontur data check {pictures} --as folder --classes 'ground,my square'` lists all" in capsys.readouterr().err
    )


def test_without_pytorch_the_extra_is_named(tmp_path):
    """In a process that finds no torch: no traceback."""
    blocked = "import sys; sys.modules['torch'] = None; from kontur.cli import main; main(sys.argv[1:])"
    (tmp_path / "run").mkdir()
    for words in (("test", "run"), ("test", "x.onnx", "--data", "a:b:c"), ("export", "run", "-o", "x.onnx")):
        done = kontur(*words, cwd=tmp_path, start=("-c", blocked))
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert "needs the extra 'train'" in done.stderr


def test_progress_without_a_score_so_far(capsys):
    """Without objects a score is no number, and there is no best."""
    Screen()(Progress(1, 2, 1, 2, 0.5, 1.0, 1.0, score=float("nan"), best=None, validated=True))
    assert "mean IoU nan (best -)" in capsys.readouterr().err


def kontur(*words, cwd, start=("-m", "kontur")):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    return subprocess.run(
        [sys.executable, *start, *map(str, words)], capture_output=True, text=True, cwd=cwd, env=environment
    )


def test_a_fault_is_one_line_and_exit_2(pictures, tmp_path):
    """The whole way through the command line, in a process of its own."""
    done = kontur(
        "train", RECIPE, "--set", f"data.root={pictures}", "--set", "optimiser.rat=1", "-o", "run", cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.strip() == f"kontur: {RECIPE}: unknown key optimiser.rat. Did you mean rate?"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train",), "Usage"),
        (("train", RECIPE), "expected -o RUN"),
        (("train", "none.toml", "-o", "run"), "none.toml"),
        (("train", RECIPE, "--resume", "run"), "either"),
        (("train", "--resume", "nowhere"), "nowhere"),
        (("train", RECIPE, "-o", "run"), "my_pictures: no such folder"),
        (("train", RECIPE, "--set", "data.root={pictures}", "-o", "run"), "classes"),
        (("train", RECIPE, "--set", "data.root={pictures}", "--set", "data.options.classes=3", "--device", "gpu", "-o", "run"), "GPU"),
        (("train", RECIPE, "--set", "data.root={pictures}", "--set", "data.options.clases=3", "-o", "run"), "no option of the data set folder named 'clases'. Did you mean 'classes'"),
        (("train", RECIPE, "--precision", "int8", "-o", "run"), "run.precision"),
        (("test", "nowhere"), "nowhere"),
        (("export", "nowhere", "-o", "x.onnx"), "nowhere"),
        (("export", ".", "-o", "x.onnx"), "recipe.toml"),
        (("export", ".", "-o", "x.pt"), "expected NAME.onnx"),
    ],
)  # fmt: skip
def test_wrong_words_are_told_apart(pictures, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    if "gpu" in words and __import__("torch").cuda.is_available():
        pytest.skip("there is a GPU")
    words = [str(word).replace("{pictures}", str(pictures)) for word in words]
    with pytest.raises(SystemExit) as end:
        main(words)
    shown = capsys.readouterr()
    if told == "Usage":
        assert told in shown.out + shown.err
        return
    assert end.value.code == 2
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("kontur: ")


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_recipe_fits_every_network_by_its_name_alone(name, pictures):
    """What it leaves open is decided and told; network, loss and optimiser can be made, and the logits have the target's size."""
    told = []
    recipe = load_recipe(RECIPE, [f"data.root={pictures}", "data.options.classes=3", f"network.name={name}"])
    recipe = parts.resolved(recipe, told.append)
    assert recipe.network.pretrained is (name == "kontur_lite")  # the only weights that are to be had without a hub
    assert bool(told) is (name != "kontur_lite")
    assert recipe.optimiser.slow == (["encoder"] if name == "kontur_lite" else [])
    parts.check_parts(recipe, parts.training_samples(recipe)[0])


@pytest.mark.parametrize("name", [pytest.param("unet", marks=pytest.mark.slow), "erfnet", "linknet"])
def test_another_network_trains_by_its_name_alone(name, pictures, tmp_path, monkeypatch, capsys):
    """U-Net has no pretrained encoder and an unpadded form, ERFNet no encoder of that name, LinkNet weights that only a hub has."""
    monkeypatch.chdir(tmp_path)
    sets = [f"data.root={pictures}", "data.options.classes=ground,square,disc", f"network.name={name}"]
    fast = ["stages.0.epochs=1", "stages.0.crop=[64, 64]", "run.threads=1"]
    command("train", RECIPE, *(w for s in (*sets, *fast) for w in ("--set", s)), "-o", "runs/own")
    assert f"{name} begins with random weights" in capsys.readouterr().err
    written = tomllib.loads(Path("runs/own/recipe.toml").read_text())
    assert written["network"]["pretrained"] is False
    assert written["network"].get("options", {}) == ({"padded": True} if name == "unet" else {})
    command("train", "--resume", "runs/own")
    command("export", "runs/own", "-o", "own.onnx")
