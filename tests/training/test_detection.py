"""The task detection: a recipe trains a detector, its run folder is read again, what does not fit is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core import rle  # noqa: E402
from kontur.core.errors import InputError, OptionError, UnknownName  # noqa: E402
from kontur.core.instances import Instance, Instances  # noqa: E402
from kontur.inference.detectors import DetectorFile  # noqa: E402
from kontur.io.photos import read_image  # noqa: E402
from kontur.io.pictures import write_picture  # noqa: E402
from kontur.training import detection, fit, testing  # noqa: E402
from kontur.training.detection import Boxed, found  # noqa: E402
from kontur.training.exporting import export  # noqa: E402
from kontur.training.parts import training_loss, training_samples  # noqa: E402
from kontur.training.plan import TrainingSet  # noqa: E402
from kontur.training.recipe import load_recipe, parse_recipe  # noqa: E402
from kontur.training.run import load_run  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def squares(root: Path) -> None:
    """Three images with two, one and no bright squares of two categories; one lies in the corner, one is of one pixel."""
    images, annotations = [], []
    objects = [[(5, (0, 0, 20)), (9, (30, 30, 16))], [(9, (25, 10, 1))], []]
    for number, squares in enumerate(objects):
        pixels = np.full((48, 64, 3), 40 + number, np.uint8)
        for category, (x, y, side) in squares:
            mask = np.zeros((48, 64), bool)
            mask[y : y + side, x : x + side] = True
            pixels[mask] = (220, 90, 60) if category == 5 else (60, 90, 220)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "iscrowd": 0,
                    "bbox": [x, y, side, side],
                    "area": side * side,
                    "segmentation": rle.to_coco(rle.encode(mask)),
                }
            )
        write_picture(root / "all" / f"{number}.png", pixels)
        images.append({"id": number, "file_name": f"{number}.png", "height": 48, "width": 64})
    categories = [{"id": 5, "name": "red"}, {"id": 9, "name": "blue"}]
    (root / "annotations").mkdir()
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (root / "annotations" / "instances_all.json").write_text(text)


@pytest.fixture
def recipe(tmp_path):
    root = tmp_path / "data"
    squares(root)
    options = {"encoder": "resnet18", "width": 16, "size": [48, 64], "anchors": [8, 16, 32, 64, 128], "frozen": False}
    return {
        "name": "squares",
        "task": "detection",
        "data": {"set": "coco", "root": str(root), "train": ["all"], "val": "all", "test": "all"},
        "network": {"name": "mask_rcnn", "options": options | {"score": 0.0}},
        "stages": [{"epochs": 1, "batch": 3, "crop": [48, 64], "scales": [1.0, 1.0]}],
        "validation": {"samples": 2},
        "run": {"threads": 1, "channels_last": False},
    }


def test_a_run_from_recipe_to_instances(recipe, tmp_path):
    folder = tmp_path / "run"
    outcome = fit(parse_recipe(recipe), folder)
    assert outcome.finished
    assert outcome.steps == 1
    header, row = (folder / "metrics.csv").read_text().splitlines()
    values = dict(zip(header.split(","), row.split(",")))
    assert 0 <= float(values["val_ap50"]) <= 1
    assert float(values["loss"]) > 0
    assert (folder / "samples" / "epoch-0001.png").is_file()
    run = load_run(folder)
    image = read_image(tmp_path / "data" / "all" / "0.png")
    result = found(run.predictor(), image, run.taxonomy)
    assert result.shape == (48, 64)
    assert {i.category for i in result.instances} <= {5, 9}

    done = export(folder, tmp_path / "squares.onnx")
    assert done.images == 0  # no pixels to count; boxes were compared
    by_file = DetectorFile(done.path).detect(image, score=0.0)
    assert len(by_file) == len(result)
    same = [a.category == b.category and a.mask == b.mask for a, b in zip(by_file.instances, result.instances)]
    assert np.mean(same) > 0.9
    with pytest.raises(OptionError, match="--half"):
        export(folder, tmp_path / "half.onnx", half=True)
    assert testing.test_run(folder).scores.facts["AP50"] == pytest.approx(float(values["val_ap50"]))
    of_file = testing.test_file(done.path, f"coco:{tmp_path / 'data'}:all")
    assert of_file.scores.facts["AP50"] == pytest.approx(float(values["val_ap50"]), abs=0.01)
    with pytest.raises(OptionError, match="no map to average"):
        testing.test_file(done.path, f"coco:{tmp_path / 'data'}:all", flips=True)


def test_what_lies_on_a_crowd_is_not_wrong(recipe, tmp_path, monkeypatch):
    """The crowd holds the one wrong detection, which has the best score; without the crowd it costs precision."""
    path = tmp_path / "data" / "annotations" / "instances_all.json"
    content = json.loads(path.read_text())
    ground = np.zeros((48, 64), bool)
    ground[20:48, :25] = True

    def ap50() -> float:
        _, samples = training_samples(parse_recipe(recipe))
        wrong = [Instance(rle.encode(ground), 5, 0.99)]
        truth = {samples.sets[0][n].image.rgb()[0, 0, 0]: samples.truth(n).instances for n in range(3)}

        def seen(_, image, taxonomy):
            objects = truth[image.rgb()[0, 0, 0]]
            return Instances(
                image.shape, (*(replace(o, score=0.9) for o in objects), *(wrong if len(objects) == 2 else []))
            )

        monkeypatch.setattr(detection, "found", seen)
        return detection.Detection().evaluate(None, samples).facts["AP50"]

    assert ap50() == pytest.approx((1 / 2 + 1) / 2)
    crowd = content["annotations"][0] | {"id": 99, "iscrowd": 1, "segmentation": rle.to_coco(rle.encode(ground))}
    path.write_text(json.dumps(content | {"annotations": [*content["annotations"], crowd]}))
    assert ap50() == 1


def test_what_a_network_learns_from_is_the_truth(recipe):
    """Through masks, crop, label maps and back: boxes and labels of the squares as they were drawn; an image without any."""
    recipe["augmentation"] = {"flip": 0.0}
    parsed = parse_recipe(recipe)
    train, _ = training_samples(parsed)
    assert isinstance(train, Boxed)
    rows = [TrainingSet(train, parsed)[(0, 0, index)] for index in range(3)]
    batch, _, keys = Boxed.collate(rows)
    assert [t["boxes"].tolist() for t in batch.targets] == [[[0, 0, 20, 20], [30, 30, 46, 46]], [[25, 10, 26, 11]], []]
    assert [t["labels"].tolist() for t in batch.targets] == [[1, 2], [2], []]
    assert batch.targets[0]["masks"].sum(dim=(1, 2)).tolist() == [400, 256]
    assert keys[:, 2].tolist() == [0, 1, 2]
    moved = batch.to("meta")
    assert moved.images[0].is_meta
    assert moved.targets[0]["boxes"].is_meta


def test_only_some_samples(recipe):
    recipe["data"]["only"] = ["1"]
    train, val = training_samples(parse_recipe(recipe))
    assert (len(train), len(val)) == (1, 1)
    assert train.name(0) == "1"
    recipe["data"]["only"] = ["seven"]
    with pytest.raises(UnknownName, match="sample"):
        training_samples(parse_recipe(recipe))


def test_the_loss_is_the_sum_of_the_networks(recipe):
    parsed = parse_recipe(recipe)
    train, _ = training_samples(parsed)
    loss = training_loss(parsed.loss, train)
    assert loss({"a": torch.tensor(1.0), "b": torch.tensor(2.5)}, torch.zeros(1)).item() == 3.5
    recipe["loss"] = {"terms": [{"name": "dice_loss"}]}
    with pytest.raises(OptionError, match="computes its losses itself"):
        training_loss(parse_recipe(recipe).loss, train)


def test_what_does_not_fit_is_named(recipe, tmp_path):
    with pytest.raises(OptionError, match="--self-test"):
        fit(parse_recipe(recipe), tmp_path / "tested", self_test=True)

    class Semantic:
        name, split, taxonomy = "camvid", "train", None

        class layout:
            form = "ids"

    with pytest.raises(InputError, match="expected objects with masks"):
        Boxed([Semantic()], training_samples(parse_recipe(recipe))[0].taxonomy)


def test_the_recipe_of_the_repository_is_whole():
    recipe = load_recipe(ROOT / "recipes" / "mask_rcnn_coco_tiny.toml")
    assert recipe.task == "detection"
    assert len(recipe.data.only) == 8


@pytest.mark.real_data
def test_the_recipes_images_are_there(data):
    recipe = load_recipe(ROOT / "recipes" / "mask_rcnn_coco_tiny.toml", [f"data.root={data / 'coco-tiny'}"])
    train, val = training_samples(recipe)
    assert len(train) == len(val) == 8
    objects = [len(train.truth(index)) for index in range(8)]
    assert sum(objects) == 34
