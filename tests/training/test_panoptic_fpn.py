"""The task panoptic by Panoptic FPN: what both branches learn from, their sum of losses, a run from recipe to file."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import kontur  # noqa: E402
from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.inference.detectors import DetectorFile  # noqa: E402
from kontur.networks import build  # noqa: E402
from kontur.training import fit  # noqa: E402
from kontur.training.exporting import export  # noqa: E402
from kontur.training.panoptic import STUFF_SHARE, codes_of  # noqa: E402
from kontur.training.panoptic_fpn import Scenes, found  # noqa: E402
from kontur.training.parts import training_loss, training_samples  # noqa: E402
from kontur.training.plan import TrainingSet  # noqa: E402
from kontur.training.recipe import load_recipe, parse_recipe  # noqa: E402
from kontur.training.run import load_run  # noqa: E402
from training.cows import TAXONOMY, recipe_for, scene  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "things": 1,
    "encoder": "resnet18",
    "width": 16,
    "size": [64, 80],
    "anchors": [8, 16, 32, 64, 128],
    "frozen": False,
}


@pytest.fixture
def recipe(tmp_path):
    return recipe_for(tmp_path / "data", {"name": "panoptic_fpn", "options": SMALL | {"score": 0.0}}, epochs=3)


def test_what_both_branches_learn_from(recipe):
    """The cows of the first image with their boxes; of the second one alone, the other being a crowd. Void counts nowhere."""
    parsed = parse_recipe(recipe)
    train, _ = training_samples(parsed)
    batch, stuff, keys = train.collate([TrainingSet(train, parsed)[(0, 0, index)] for index in range(2)])
    assert [t["boxes"].tolist() for t in batch.targets] == [[[10, 20, 30, 40], [60, 30, 80, 50]], [[10, 21, 30, 40]]]
    assert [t["labels"].tolist() for t in batch.targets] == [[1, 1], [1]]
    assert batch.targets[0]["masks"].sum(dim=(1, 2)).tolist() == [400, 400]
    assert keys[:, 2].tolist() == [0, 1]
    for number, plane in enumerate(stuff):
        ids = scene(number)[1].ids
        np.testing.assert_array_equal(plane, np.choose(ids, [65535, 1, 0, 0]))


def test_a_scene_without_things_and_one_of_void():
    samples = Scenes([], TAXONOMY)
    for code, plane in ((0, 1), (2**30, 65535)):
        objects, stuff = samples.things_and_stuff(torch.full((5, 6), code))
        assert (objects["boxes"].shape, objects["masks"].shape) == ((0, 4), (0, 5, 6))
        assert (stuff == plane).all()


def test_the_loss_by_hand(recipe):
    """1 for the instance branch, 0.5 for a semantic branch that cannot tell "other" from grass."""
    parsed = parse_recipe(recipe)
    train, _ = training_samples(parsed)
    loss = training_loss(parsed.loss, train)
    codes = torch.from_numpy(codes_of(scene(0)[1], TAXONOMY)).long()
    stuff = train.things_and_stuff(codes)[1][None]
    value = loss(({"a": torch.tensor(1.0), "b": torch.tensor(2.5)}, [torch.zeros(2, 64, 80)]), stuff)
    assert value.item() == pytest.approx(3.5 + 0.5 * math.log(2))
    with pytest.raises(InputError, match=r"network\.options\.things: expected 1"):
        loss(({}, [torch.zeros(3, 64, 80)]), stuff)
    network = build("panoptic_fpn", 3, **SMALL)
    target = {"boxes": torch.tensor([[1.0, 1, 9, 9]]), "labels": torch.tensor([2]), "masks": torch.ones(1, 64, 80) > 0}
    with pytest.raises(InputError, match=r"labels 1\.\.1, got 2"):
        network([torch.rand(3, 64, 80)], [target])
    recipe["loss"] = {"terms": [{"name": "dice_loss"}]}
    with pytest.raises(OptionError, match="computes its losses itself"):
        training_loss(parse_recipe(recipe).loss, train)


def test_a_run_from_recipe_to_file(recipe, tmp_path):
    """Three steps, each lower than the one before; the file gives what PyTorch gives, also as a method by its name."""
    folder = tmp_path / "run"
    outcome = fit(parse_recipe(recipe), folder)
    assert (outcome.finished, outcome.steps) == (True, 3)
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    losses = [float(row["loss"]) for row in rows]
    assert losses[0] > losses[1] > losses[2]
    assert all(0 <= float(row["val_pq"]) <= 1 for row in rows)
    assert (folder / "samples" / "epoch-0003.png").is_file()

    run = load_run(folder)
    image = run.samples()[0][0]
    result = found(run.predictor(), image, run.taxonomy)
    area = round(STUFF_SHARE * 64 * 80)
    done = export(folder, tmp_path / "cows.onnx")
    by_file = DetectorFile(done.path).panoptic(image, stuff_area=area)
    assert by_file.taxonomy == run.taxonomy
    assert (by_file.ids == result.ids).mean() > 0.99
    by_name = kontur.segment(image, str(done.path), stuff_area=area)
    assert (by_name.ids == by_file.ids).all()
    done.card.unlink()
    alone = done.path.rename(tmp_path / "alone.onnx")
    assert (kontur.segment(image, str(alone), stuff_area=area).ids == by_file.ids).all()
    with pytest.raises(OptionError, match="--half"):
        export(folder, tmp_path / "half.onnx", half=True)


def test_the_recipe_of_the_repository_is_whole():
    recipe = load_recipe(ROOT / "recipes" / "panoptic_fpn_coco_sample.toml")
    assert recipe.task == "panoptic"
    assert recipe.network.options["things"] == 80


@pytest.mark.real_data
def test_the_recipes_images_are_there(data):
    root = f"data.root={data / 'coco-panoptic-sample'}"
    recipe = load_recipe(ROOT / "recipes" / "panoptic_fpn_coco_sample.toml", [root])
    train, _ = training_samples(recipe)
    assert len(train) == 2
    assert sum(c.thing for c in train.taxonomy) == 80
    objects, stuff = train.things_and_stuff(torch.from_numpy(train[0][1]).long())
    segments = train.truth(0)[0].segments
    things = {c.id for c in train.taxonomy if c.thing}
    assert len(objects["labels"]) == sum(s.category in things for s in segments) - len(train.truth(0)[1])
    assert len(set(stuff.unique().tolist()) - {0, 65535}) == len({s.category for s in segments} - things)
