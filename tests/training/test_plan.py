"""Which samples make which step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from kontur.core.errors import InputError
from kontur.core.image import Image
from kontur.core.taxonomy import Taxonomy
from kontur.datasets import open as open_data
from kontur.inference.network_file import Metadata
from kontur.inference.predictor import Channels
from kontur.training.plan import Batches, Plan, TrainingSet
from kontur.training.samples import Samples
from kontur.training.scoring import TorchPredictor
from kontur.training.semantic import Indexed
from training import toy

STAGES = [{"epochs": 2, "batch": 3, "crop": [32, 32]}, {"epochs": 1, "batch": 2, "crop": [48, 64]}]


def plan(samples=8, world=1, **tables):
    return Plan(toy.recipe(Path("data"), stages=STAGES, **tables), samples, world)


def test_steps_by_hand():
    """8 samples: 2 steps of 3 in each of the first two epochs (2 samples left out), 4 steps of 2 in the third."""
    made = plan()
    assert (made.steps, made.epochs) == (8, 3)
    assert [made.epoch(s) for s in range(8)] == [0, 0, 1, 1, 2, 2, 2, 2]
    assert [made.ends_epoch(s) for s in range(8)] == [False, True, False, True, False, False, False, True]
    assert [made.batch(s) for s in range(8)] == [3, 3, 3, 3, 2, 2, 2, 2]


def test_no_sample_comes_twice_in_an_epoch_and_each_epoch_has_its_own_order():
    made = plan()
    by_epoch: dict[int, list[int]] = {}
    for step in range(made.steps):
        for stage, epoch, index in made.keys(step):
            assert stage == (1 if epoch == 2 else 0)
            by_epoch.setdefault(epoch, []).append(index)
    assert all(max(Counter(chosen).values()) == 1 for chosen in by_epoch.values())
    assert sorted(by_epoch[2]) == list(range(8))
    assert by_epoch[0] != by_epoch[1]


def test_a_loader_that_starts_later_gives_the_same_batches():
    made = plan()
    whole = list(Batches(made, 0))
    assert list(Batches(made, 5)) == whole[5:]


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_batch_of_one(world):
    """With as many samples a step, the union over processes is what one process would take."""
    alone = Plan(toy.recipe(Path("data"), stages=[{"epochs": 2, "batch": 4}]), 16)
    shared = Plan(toy.recipe(Path("data"), stages=[{"epochs": 2, "batch": 4 // world}]), 16, world)
    parts = [list(Batches(shared, 0, rank)) for rank in range(world)]
    for step, batch in enumerate(Batches(alone, 0)):
        assert sorted(key for part in parts for key in part[step]) == sorted(batch)


def test_accumulated_batches_are_the_big_batch():
    big = Plan(toy.recipe(Path("data"), stages=[{"epochs": 2, "batch": 4}]), 12)
    small = Plan(toy.recipe(Path("data"), stages=[{"epochs": 2, "batch": 2}], optimiser={"accumulate": 2}), 12)
    parts = list(Batches(small, 0))
    assert big.steps == small.steps
    assert [parts[2 * s] + parts[2 * s + 1] for s in range(small.steps)] == list(Batches(big, 0))


def test_fewer_samples_than_a_batch_still_make_steps():
    made = Plan(toy.recipe(Path("data"), stages=[{"epochs": 2, "batch": 8}]), 3)
    assert made.steps == 2
    assert sorted(i for _, _, i in made.keys(0)) == [0, 1, 2]
    two = Plan(toy.recipe(Path("data"), stages=[{"epochs": 1, "batch": 8}]), 1, world=2)
    assert [i for _, _, i in two.keys(0)] == [0, 0]


def test_ids_become_indices_in_the_order_of_the_taxonomy(root):
    data = open_data("folder", root, "train")
    samples = Indexed([data], data.taxonomy)
    _, target, name = samples[0]
    assert set(np.unique(target)) == {0, 1, 2, 255}
    assert name == samples.name(0) == data.names[0]


def test_a_split_keeps_every_sample_once_and_the_seed_decides(root):
    data = open_data("folder", root, "train")
    samples = Indexed([data], data.taxonomy)
    kept, held = samples.split(0.25, seed=3)
    names = [[part.name(i) for i in range(len(part))] for part in (kept, held)]
    assert sorted(names[0] + names[1]) == sorted(data.names)
    assert len(held) == 2
    again = samples.split(0.25, seed=3)[1]
    assert [again.name(i) for i in range(len(again))] == names[1]


def test_a_set_of_other_classes_is_refused(root, tmp_path):
    other = toy.data_set(tmp_path / "other")
    (other / "classes.txt").write_text("ground\ndisc\nsquare\n")
    one, two = open_data("folder", root, "train"), open_data("folder", other, "train")
    with pytest.raises(InputError, match="expected the network's classes"):
        Indexed([one, two], one.taxonomy)


def test_a_sample_depends_on_seed_epoch_and_index_alone(root):
    data = open_data("folder", root, "train")
    samples = Indexed([data], data.taxonomy)
    made = TrainingSet(samples, toy.recipe(root))
    first, target, _ = made[(0, 1, 3)]
    made[(0, 0, 2)]
    again, target2, _ = made[(0, 1, 3)]
    assert torch.equal(first, again)
    assert torch.equal(target, target2)
    assert not torch.equal(first, made[(0, 0, 3)][0])
    assert first.shape == (3, 32, 32)


class One(Samples):
    """A single image, all of class 0."""

    def __init__(self, image):
        super().__init__([[image]], Taxonomy.from_names(["a", "b"]), ignore=255)

    def _read(self, place):
        image = self.sets[0][0]
        return image, np.zeros(image.shape, np.uint8), "a"


@pytest.mark.parametrize(
    ("shape", "kind", "channels"),
    [((6, 7), np.uint16, 3), ((6, 7, 3), np.uint16, 3), ((6, 7, 4), np.uint8, 1), ((6, 7, 4), np.uint16, 3), ((6, 7), np.float32, 1)],
)  # fmt: skip
def test_training_sees_the_values_that_the_exported_file_will_see(shape, kind, channels):
    """16 bits are stretched, RGBA becomes luma, in training as in use; a microscope's 0..4000 are not 0..0.06 in training."""
    pixels = (np.random.default_rng(0).random(shape) * (4000 if kind != np.uint8 else 255)).astype(kind)
    image = Image(pixels)
    mean, std = (0.4, 0.5, 0.6)[:channels], (0.2, 0.3, 0.4)[:channels]
    taxonomy = Taxonomy.from_names(["a", "b"])
    metadata = Metadata("net", "net", taxonomy, channels, mean=mean, std=std)
    used = Channels.of(image.bands, image.limits, metadata).apply(image.pixels)
    tested = TorchPredictor(torch.nn.Identity(), mean, std, channels=channels).tensor(image)
    stages = [{"epochs": 1, "batch": 1, "crop": [6, 7], "scales": [1.0, 1.0]}]
    recipe = toy.recipe(
        Path("data"),
        stages=stages,
        network={"name": "enet", "channels": channels},
        augmentation={"flip": 0.0, "mean": list(mean), "std": list(std)},
    )
    trained = TrainingSet(One(image), recipe)[0, 0, 0][0]
    np.testing.assert_allclose(tested[0], used, atol=1e-5)
    np.testing.assert_allclose(trained, used, atol=1e-5)
