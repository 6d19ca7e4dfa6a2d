"""The task panoptic: codes there and back, the loss of perfect maps, and a run of two steps."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from PIL import Image as Pillow

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import kontur  # noqa: E402
from kontur import datasets  # noqa: E402
from kontur.core.errors import InputError  # noqa: E402
from kontur.core.segmentation import Segmentation  # noqa: E402
from kontur.core.taxonomy import Taxonomy  # noqa: E402
from kontur.inference import open_network  # noqa: E402
from kontur.inference.things_and_stuff import PanopticPredictor  # noqa: E402
from kontur.metrics import PanopticCounts  # noqa: E402
from kontur.networks import catalogue  # noqa: E402
from kontur.networks.network import Logits, Network  # noqa: E402
from kontur.training import fit  # noqa: E402
from kontur.training.detection import Detection  # noqa: E402
from kontur.training.exporting import export  # noqa: E402
from kontur.training.panoptic import CROWD, ROOM, STUFF_SHARE, VOID, Panoptic, codes_of, found  # noqa: E402
from kontur.training.parts import training_loss, training_samples  # noqa: E402
from kontur.training.recipe import parse_recipe  # noqa: E402
from kontur.training.run import load_run  # noqa: E402
from kontur.training.testing import test_file as score_file  # noqa: E402
from training.cows import TAXONOMY, recipe_for, scene  # noqa: E402


@pytest.fixture
def recipe(tmp_path):
    return recipe_for(tmp_path / "data", {"name": "panoptic_deeplab"})


def test_codes_by_hand():
    _, segments, _ = scene(0)
    codes = codes_of(segments, TAXONOMY, frozenset({3}))
    assert codes[0, 0] == VOID
    assert codes[10, 0] == 0
    assert codes[30, 20] == ROOM + 1
    assert codes[40, 70] == ROOM + CROWD
    with pytest.raises(InputError, match="segment 2 has 8"):
        codes_of(segments, Taxonomy(TAXONOMY.categories[:1]))


def test_the_loss_of_perfect_maps_is_that_of_sure_classes(recipe):
    """Right centres and offsets cost nothing, also where a crowd's are anything; a wrong offset costs 0.01 a pixel."""
    parsed = parse_recipe(recipe)
    train, _ = training_samples(parsed)
    loss = training_loss(parsed.loss, train)
    codes = torch.from_numpy(np.stack([train[0][1], train[1][1]])).long()
    each = [train._targets(one) for one in codes.numpy()]
    maps = torch.zeros(2, 5, 64, 80)
    for plane in range(2):
        maps[:, plane] = torch.from_numpy(np.stack([t.semantic == plane for t in each])) * 30.0
    maps[:, 2] = torch.from_numpy(np.stack([t.centres for t in each]))
    maps[:, 3:] = torch.from_numpy(np.nan_to_num(np.stack([t.offsets for t in each])))
    assert loss(Logits(maps), codes).item() == pytest.approx(0, abs=1e-6)
    maps[1, 2:, 30:50, 60:] = 7.0  # in the crowd
    assert loss(Logits(maps), codes).item() == pytest.approx(0, abs=1e-6)
    maps[:, 3:] += 2.0
    assert loss(Logits(maps), codes).item() == pytest.approx(0.02, abs=1e-5)


def test_a_crowd_is_neither_found_nor_missed():
    _, truth, crowds = scene(1)
    only_grass = Segmentation.from_ids(np.where(truth.ids == 2, 2, 1), categories={1: 30, 2: 8}, taxonomy=TAXONOMY)
    missed = PanopticCounts(TAXONOMY).update(only_grass, truth).scores()
    excused = PanopticCounts(TAXONOMY).update(only_grass, truth, crowds=crowds).scores()
    assert missed.things.rq == pytest.approx(2 / 3)
    assert excused.things.rq == 1


@pytest.fixture
def maps(monkeypatch):
    """A network of K + 3 maps as small as can be, under the name `maps`."""
    module = types.ModuleType("kontur.networks.maps")
    module.maps = lambda classes, channels=3: Network(
        torch.nn.Conv2d(channels, classes + 3, 3, padding=1), name="maps", classes=classes, channels=channels
    )
    monkeypatch.setitem(sys.modules, "kontur.networks.maps", module)
    monkeypatch.setitem(catalogue.OTHERS, "maps", catalogue.Entry("maps", "maps", "a test", 2026))


@pytest.mark.usefixtures("maps")
def test_a_run_is_scored_by_panoptic_quality(recipe, tmp_path):
    recipe["network"]["name"] = "maps"
    outcome = fit(parse_recipe(recipe), tmp_path / "run")
    assert outcome.finished
    header, row = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    values = dict(zip(header.split(","), row.split(",")))
    assert 0 <= float(values["val_pq"]) <= 1
    run = load_run(tmp_path / "run")
    image = run.samples()[0][0]
    result = found(run.predictor(), image, run.taxonomy)
    assert {s.category for s in result.segments} <= {30, 8}
    assert (tmp_path / "run" / "samples" / "epoch-0001.png").is_file()

    done = export(tmp_path / "run", tmp_path / "cows.onnx")
    assert done.changed == 0
    by_file = kontur.segment(image, str(done.path), stuff_area=round(STUFF_SHARE * 64 * 80))
    assert (by_file.ids == result.ids).mean() > 0.99
    assert by_file.taxonomy == run.taxonomy
    counts = PanopticCounts(run.taxonomy)
    samples = run.samples()
    for index in range(len(samples)):
        truth, crowds = samples.truth(index)
        counts.update(kontur.segment(samples[index][0], str(done.path)), truth, crowds=crowds)
    of_file = score_file(done.path, f"coco_panoptic:{tmp_path / 'data'}:all")
    assert of_file.scores.score == counts.scores().all.pq
    tiled = PanopticPredictor(open_network(done.path), stuff_area=0, tile=64)
    whole = PanopticPredictor(open_network(done.path), stuff_area=0)
    large = np.tile(image.pixels, (2, 2, 1))
    assert np.abs(tiled.maps(large) - whole.maps(large)).max() < 1e-4  # a 3x3 window sees across no overlap


def test_another_kind_of_data_is_refused(recipe):
    recipe["data"]["set"] = "coco_panoptic"
    train, _ = training_samples(parse_recipe(recipe))

    class Semantic:
        name, split, taxonomy = "camvid", "train", None

        class layout:
            form = "ids"

    with pytest.raises(InputError, match="kontur data convert"):
        type(train)([Semantic()], TAXONOMY)


def test_cityscapes_things_stuff_and_groups_are_learnt_from(tmp_path):
    name = "ulm_000001_000019"
    for folder, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_instanceIds")):
        (tmp_path / folder / "train" / "ulm").mkdir(parents=True)
        pixels = (
            np.zeros((2, 3, 3), np.uint8)
            if folder == "leftImg8bit"
            else np.array([[26001, 26002, 26], [7, 29000, 0]], np.uint16)
        )
        Pillow.fromarray(np.asarray(pixels)).save(tmp_path / folder / "train" / "ulm" / f"{name}_{ending}.png")
    samples = Panoptic().samples([datasets.open("cityscapes_panoptic", tmp_path)])
    codes = samples[0][1]
    road, car = 0 * ROOM, 13 * ROOM
    assert codes.tolist() == [[car + 1, car + 2, car + CROWD], [road, VOID, VOID]]
    assert samples.truth(0)[1] == {26}
    boxed = Detection().samples([datasets.open("cityscapes_objects", tmp_path)])
    assert boxed[0][1].shape == (2, 2, 3)
    assert [i.box for i in boxed.crowds(0, (2, 3)).instances] == [(2, 0, 3, 1)]
