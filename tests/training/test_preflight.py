"""What is looked at before step 0."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import nn

from kontur.core.errors import InputError, KonturError, UnreadableFile
from kontur.core.taxonomy import Taxonomy
from kontur.datasets import open as open_data
from kontur.losses import cross_entropy, median_frequency
from kontur.networks import build
from kontur.training import preflight
from kontur.training.plan import Plan, TrainingSet
from kontur.training.semantic import Indexed, check_taxonomy
from training import toy


def opened(root, split="train"):
    return open_data("folder", root, split)


# --- the data


def test_the_hash_is_of_the_content_and_nothing_else(root, tmp_path):
    whole = preflight.data_hash([opened(root)])
    copy = shutil.copytree(root, tmp_path / "copy")
    assert preflight.data_hash([opened(copy)]) == whole  # other place, other times
    assert preflight.data_hash([opened(copy), opened(copy)]) == whole  # a split counts once
    mask = next((copy / "masks" / "train").glob("*.png"))
    pixels = np.asarray(Pillow.open(mask)).copy()
    pixels[10, 10] = 1 - min(1, pixels[10, 10])
    Pillow.fromarray(pixels).save(mask)
    assert preflight.data_hash([opened(copy)]) != whole


def test_the_hash_sees_names_and_classes(root, tmp_path):
    whole = preflight.data_hash([opened(root)])
    renamed = shutil.copytree(root, tmp_path / "renamed")
    for kind in ("images", "masks"):
        (renamed / kind / "train" / "scene00.png").rename(renamed / kind / "train" / "scene99.png")
    assert preflight.data_hash([opened(renamed)]) != whole
    other = shutil.copytree(root, tmp_path / "other")
    (other / "classes.txt").write_text("ground\nsquare\ncircle\n")
    assert preflight.data_hash([opened(other)]) != whole


def test_a_file_that_is_gone_is_named(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "copy")
    data = opened(copy)
    data.pairs[0].image.unlink()
    with pytest.raises(UnreadableFile, match="scene00"):
        preflight.data_hash([data])


def test_foreign_ids_stop_with_their_files_and_number(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "copy")
    masks = sorted((copy / "masks" / "train").glob("*.png"))[:5]
    for mask in masks:
        pixels = np.asarray(Pillow.open(mask)).copy()
        pixels[5:9, 5:9] = 17
        Pillow.fromarray(pixels).save(mask)
    with pytest.raises(InputError) as caught:
        preflight.check_data(opened(copy))
    told = str(caught.value)
    assert "5 faults" in told
    assert masks[0].name in told
    assert "17" in told
    assert "and 2 more" in told
    assert "\n" not in told


def test_a_clean_set_is_checked_once_for_its_content(root, tmp_path, monkeypatch):
    cache = tmp_path / "checked.json"
    first = preflight.check_data(opened(root), cache=cache)
    calls = []
    monkeypatch.setattr(preflight, "check", lambda *a, **k: calls.append(a))
    assert preflight.check_data(opened(root), cache=cache) == first
    assert not calls
    cache.write_text("{broken")
    with pytest.raises(AttributeError):
        preflight.check_data(opened(root), cache=cache)  # the check runs again: what it returned here is no report
    assert calls


def test_a_taxonomy_must_be_the_networks():
    taxonomy = Taxonomy.from_names(["sky", "road", "car"], name="streets")
    check_taxonomy(taxonomy, 3)
    check_taxonomy(taxonomy, ["sky", "road", "car"])
    with pytest.raises(InputError, match="19 classes, got 3"):
        check_taxonomy(taxonomy, 19)
    with pytest.raises(InputError, match=r"the data lacks bus; the network lacks car"):
        check_taxonomy(taxonomy, ["sky", "road", "bus"])
    with pytest.raises(InputError, match="another order"):
        check_taxonomy(taxonomy, ["road", "sky", "car"])
    with pytest.raises(InputError, match="at least 2"):
        check_taxonomy(Taxonomy.from_names(["one"]), 1)


def test_frequencies_by_hand():
    class Three(list):
        taxonomy = Taxonomy.from_names(["a", "b", "c"])

    masks = [np.array([[0, 0], [1, 255]]), np.array([[0, 0], [0, 0]]), np.array([[255, 255], [1, 1]])]
    found = preflight.class_frequencies(Three((None, mask, "") for mask in masks))
    assert found.pixels.tolist() == [6, 3, 0]
    assert found.images.tolist() == [3 + 4, 3 + 2, 0]
    weights = median_frequency(*found)  # f = 6/7 and 3/5, median (6/7 + 3/5) / 2
    assert weights.tolist() == pytest.approx([(6 / 7 + 3 / 5) / 2 / (6 / 7), (6 / 7 + 3 / 5) / 2 / (3 / 5), 0])


@pytest.mark.real_data
def test_camvid_counts_are_those_of_its_mask_files(data):
    """The 101 masks of val, whose pixels are the ids."""
    split = open_data("camvid", data / "camvid", "val")
    found = preflight.class_frequencies(Indexed([split], split.taxonomy))
    pixels, images = np.zeros(12, np.int64), np.zeros(12, np.int64)
    for mask in (data / "camvid" / "valannot").glob("*.png"):
        counts = np.bincount(np.asarray(Pillow.open(mask)).ravel(), minlength=12)
        pixels += counts
        images[counts > 0] += counts[:11].sum()
    assert found.pixels.tolist() == pixels[:11].tolist()
    assert found.images.tolist() == images[:11].tolist()


# --- whether it learns


def batch(root):
    data = opened(root)
    samples = Indexed([data], data.taxonomy)
    recipe = toy.recipe(root)
    return TrainingSet(samples, recipe), Plan(recipe, len(samples)).keys(0), samples.ignore


def loss(output, target):
    return cross_entropy(output.logits, target)


def test_one_batch_is_learnt_by_heart_and_the_network_is_not_touched(root, tiny):
    torch.manual_seed(1)
    network = build("tiny", 3)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = torch.get_rng_state()
    found = preflight.overfit_one_batch(network, loss, *batch(root), rate=0.02)
    assert found.last < found.first / 2
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_masks_of_other_images_are_noticed(root, tiny):
    """Random masks: nothing can be learnt by a network that sees five pixels."""
    samples, keys, ignore = batch(root)
    noise = torch.Generator().manual_seed(0)
    made = {k: (samples[k][0], torch.randint(0, 3, samples[k][1].shape, generator=noise)) for k in keys}
    torch.manual_seed(1)
    with pytest.raises(InputError, match="belong together"):
        preflight.overfit_one_batch(build("tiny", 3), loss, made, keys, ignore)


def test_a_loss_that_is_not_finite_and_a_batch_that_does_not_count(root, tiny):
    samples, keys, ignore = batch(root)
    infinite = {k: (samples[k][0] * float("inf"), samples[k][1]) for k in keys}
    with pytest.raises(InputError, match="finite"):
        preflight.overfit_one_batch(build("tiny", 3), loss, infinite, keys, ignore)
    void = {k: (samples[k][0], torch.full_like(samples[k][1], ignore)) for k in keys}
    with pytest.raises(InputError, match="ignored"):
        preflight.overfit_one_batch(build("tiny", 3), loss, void, keys, ignore)


# --- whether it fits


def test_memory_of_two_convolutions_by_hand(tiny):
    """What autograd keeps of convolution, tanh, convolution: the image and the tanh's output, in float32."""
    network = build("tiny", 3, norm=False)
    weights = 4 * (8 * 3 * 25 + 8 + 3 * 8 + 3)
    found = preflight.memory_estimate(network, 2, (16, 16), states=2, average=True)
    pixels = 2 * 16 * 16
    assert found.parameters == found.gradients == weights
    assert found.optimiser == 3 * weights
    logits = 4 * 3 * pixels
    assert found.activations == 4 * (3 + 8) * pixels + 2 * logits
    assert found.transient == 3 * 4 * 8 * pixels
    assert found.total == 2 * weights + 3 * weights + found.activations + found.transient


def test_memory_grows_with_the_batch_and_costs_nothing_itself():
    network = build("enet", 11)
    one = preflight.memory_estimate(network, 1, (256, 320))
    many = preflight.memory_estimate(network, 64, (256, 320))  # 10 GB, were it computed
    assert many.activations == pytest.approx(64 * one.activations, rel=1e-3)
    assert many.parameters == one.parameters
    assert all(not p.is_meta and p.grad is None for p in network.parameters())


def test_a_recipe_that_does_not_fit_is_refused_in_one_line(tiny, monkeypatch):
    recipe = toy.recipe(
        "x", network=tiny, stages=[{"epochs": 1, "batch": 2}, {"epochs": 1, "batch": 64, "crop": [512, 512]}]
    )
    monkeypatch.setattr(preflight, "available_memory", lambda device: 500_000_000)
    with pytest.raises(KonturError, match=r"memory: .*500 MB.*smaller batch") as caught:
        preflight.memory_check(recipe, 3)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(preflight, "available_memory", lambda device: None)
    assert preflight.memory_check(recipe, 3).total > 500_000_000


def test_the_systems_free_memory_is_a_plausible_number():
    free = preflight.available_memory()
    assert free is None or 1_000_000 < free < 1 << 50


def test_frozen_weights_have_no_gradients():
    network = build("enet", 3)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    assert isinstance(network, nn.Module)
    assert preflight.memory_estimate(network, 1, (64, 64)).gradients == 0
