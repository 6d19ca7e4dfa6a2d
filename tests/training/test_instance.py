"""The task instance: ids of objects, their scores, and a run from recipe to file that finds discs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Pillow

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import kontur  # noqa: E402
from kontur import Instances, datasets  # noqa: E402
from kontur.core import rle  # noqa: E402
from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.inference.offsets import Decoding  # noqa: E402
from kontur.training.instance import OUTSIDE, Instance, chosen_decoding, ids_of  # noqa: E402
from kontur.training.plan import Plan, TrainingSet  # noqa: E402
from kontur.training.recipe import parse_recipe  # noqa: E402


def scene(number: int, side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A dim picture of bright discs, some of which touch, and their ids."""
    random = np.random.default_rng(number)
    y, x = np.indices((side, side))
    ids = np.zeros((side, side), int)
    for n in range(9):
        row, column = 11 + 20 * (n // 3) + random.integers(-1, 2), 11 + 20 * (n % 3) + random.integers(-1, 2)
        ids[(np.hypot(y - row, x - column) <= random.uniform(6, 10.5)) & (ids == 0)] = n + 1
    grey = np.clip(np.where(ids > 0, 40 + 2 * ids, 10) + random.normal(0, 1, ids.shape), 0, 255)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8), ids


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """COCO's layout, as DSB 2018 has it: 8 and 2 pictures."""
    folder = tmp_path_factory.mktemp("discs")
    (folder / "annotations").mkdir()
    number = 0
    for split, count in (("train", 8), ("val", 2), ("test", 2)):
        (folder / split).mkdir()
        images, annotations = [], []
        for _ in range(count):
            picture, ids = scene(number)
            Pillow.fromarray(picture).save(folder / split / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "height": 64, "width": 64})
            for mask in rle.encode_labels(ids).values():
                x0, y0, x1, y1 = rle.box(mask)
                row = {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
                row |= {"segmentation": rle.to_coco(mask), "area": rle.area(mask), "bbox": [x0, y0, x1 - x0, y1 - y0]}
                annotations.append(row)
            number += 1
        content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "disc"}]}
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return folder


def recipe(root, **run):
    return parse_recipe(
        {
            "name": "discs",
            "task": "instance",
            "data": {"set": "dsb2018", "root": str(root), "train": ["train"], "cache": True},
            "network": {"name": "offset_net", "options": {"width": 16, "fine": 16}},
            "stages": [{"epochs": 45, "batch": 4, "crop": [64, 64], "scales": [0.9, 1.1]}],
            "augmentation": {"quarter_turns": True, "copy_paste": 0.2},
            "loss": {"terms": [{"name": "offset_loss"}]},
            "optimiser": {"rate": 4e-3},
            "validation": {"every": 45, "samples": 2},
            "run": {"threads": 1, **run},
        }
    )


def test_the_smaller_of_two_that_overlap_is_on_top():
    large, small = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    small[1:3, 1:3] = True
    for masks, inner in (([large, small], 2), ([small, large], 1)):
        ids = ids_of(Instances.from_masks(masks, shape=(4, 4)))
        assert (ids[1:3, 1:3] == inner).all()
        assert ids[0, 0] == 3 - inner
    assert not ids_of(Instances((4, 4), ())).any()


def test_samples_are_stretched_and_targets_hold_what_is_outside(root):
    task = Instance()
    samples = task.samples([datasets.open("dsb2018", root, "train")])
    image, ids, name = samples[0]
    assert image.pixels.max() > 250  # the picture has nothing above 60
    assert np.array_equal(ids > 0, scene(int(name))[1] > 0)
    assert len(samples.truth(0)) == len(np.unique(ids)) - 1
    given = recipe(root).model_copy(update={"stages": [recipe(root).stages[0].model_copy(update={"crop": (80, 80)})]})
    pixels, target, _ = TrainingSet(samples, given)[Plan(given, len(samples)).keys(0)[0]]
    assert pixels.shape == (3, 80, 80)
    assert (target == OUTSIDE).any()
    assert int(target[target != OUTSIDE].max()) <= 12


def test_perfect_maps_score_one_and_choose_a_decoding(root):
    from kontur.losses.offsets import offset_targets

    task = Instance()
    samples = task.samples([datasets.open("dsb2018", root, "val")])

    class Perfect:
        def logits(self, image):
            (index,) = (
                i for i in range(len(samples)) if samples[i][0] is image or np.array_equal(samples[i][0], image)
            )
            maps = offset_targets(torch.from_numpy(samples[index][1].astype(np.int64))[None])[0][0].numpy().copy()
            near = np.clip(maps[3], 1e-3, 1 - 1e-3)
            maps[0], maps[3] = 20 * maps[0] - 10, np.log(near / (1 - near))
            return maps

    scores = task.evaluate(Perfect(), samples)  # type: ignore[arg-type]
    assert scores.score > 0.99
    assert scores.row["val_count_error"] == 0
    text = task.metadata(Perfect(), samples)  # type: ignore[arg-type]
    assert Decoding.of(json.loads(text["decoding"])).level in (0.4, 0.45, 0.5, 0.55, 0.6)
    assert json.loads(text["stretch"]) == [1.0, 99.9]
    # Foreground that is only 47 % sure is chosen by a lower level.
    maps = [Perfect().logits(samples[i][0]) for i in range(2)]
    for one in maps:
        one[0] = np.where(one[0] > 0, -0.12, one[0])
    assert chosen_decoding(maps, [samples.truth(i) for i in range(2)]).level < 0.47


def test_a_run_learns_exports_and_is_tested(root, tmp_path):
    from kontur.inference import open_network
    from kontur.training import export, fit
    from kontur.training.testing import test_file, test_run

    outcome = fit(recipe(root), tmp_path / "run")
    assert outcome.best is not None
    assert outcome.best > 0.2
    assert (tmp_path / "run" / "samples" / "epoch-0045.png").is_file()
    export(tmp_path / "run", tmp_path / "discs.onnx")
    metadata = open_network(tmp_path / "discs.onnx").metadata
    assert (metadata.task, metadata.classes, metadata.stretch) == ("instance", ("disc",), (1.0, 99.9))
    by_file = test_file(tmp_path / "discs.onnx", f"dsb2018:{root}:val")
    by_run = test_run(tmp_path / "run", "val")
    assert by_file.scores.score >= by_run.scores.score - 0.02  # with a decoding chosen on these samples
    found = kontur.segment(scene(9)[0], str(tmp_path / "discs.onnx"))
    assert isinstance(found, Instances)
    with pytest.raises(OptionError, match="flips"):
        test_run(tmp_path / "run", "val", flips=True)
    with pytest.raises(OptionError, match="scales"):
        test_file(tmp_path / "discs.onnx", f"dsb2018:{root}:val", scales=(0.5, 1.0))


def test_data_of_another_kind(root, tmp_path):
    (tmp_path / "images").mkdir()
    Pillow.fromarray(scene(0)[0]).save(tmp_path / "images" / "a.png")

    class Semantic:
        name, split, taxonomy = "set", "train", datasets.open("dsb2018", root, "train").taxonomy
        layout = type("Layout", (), {"form": "ids"})

    with pytest.raises(InputError, match="objects with masks"):
        Instance().samples([Semantic()])
    with pytest.raises(InputError, match="one category"):
        Instance().samples([type("Set", (), {"name": "set", "taxonomy": None})()])
