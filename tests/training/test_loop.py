"""The training loop: the worked example, then one property a test."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import warnings

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from kontur.core.errors import InputError, KonturError, OptionError, OutputError, UnknownName, UnreadableFile
from kontur.training import checkpoint, fit, load_run, loop, parts, semantic
from kontur.training.progress import TrainingStopped
from kontur.training.run import Folder
from kontur.training.tasks import Scored
from training import toy


def rows(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(run):
    """The weights of the last checkpoint."""
    return checkpoint.without_prefix(checkpoint.read_last(Folder(run).checkpoints).tensors, "network.")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


def test_worked_example(root, tmp_path):
    """ENet, 8 scenes, 2 epochs: a run folder that describes itself, and a network that can be read back from it."""
    told = []
    outcome = fit(toy.recipe(root, validation={"samples": 2}), tmp_path / "run", watch=told.append)
    run = tmp_path / "run"
    assert (outcome.steps, outcome.finished, outcome.early) == (8, True, False)
    facts = json.loads((run / "run.json").read_text())
    assert facts["samples"] == {"train": 8, "val": 2}
    assert facts["versions"]["torch"] == torch.__version__.split("+")[0] or facts["versions"]["torch"]
    assert len(facts["data"]) == 64
    found = rows(run)
    assert [(r["step"], r["epoch"]) for r in found] == [("4", "1"), ("8", "2")]
    assert float(found[0]["learning_rate"]) == pytest.approx(5e-3 * (1 - 3 / 8) ** 0.9)
    assert float(found[1]["val_miou"]) == max(outcome.best, float(found[1]["val_miou"]))
    for name in ("curves.png", "samples/epoch-0001.png", "samples/epoch-0002.png", "recipe.toml"):
        assert (run / name).stat().st_size > 100
    loaded = load_run(run)
    assert [c.name for c in loaded.taxonomy] == list(toy.CLASSES)
    assert loaded.facts["score"] == outcome.best
    assert told[-1].step == 8


def test_it_learns(root, tmp_path, tiny):
    """Brightness alone tells the classes apart, so even two convolutions must get them."""
    recipe = toy.recipe(
        root, network=tiny, stages=[{"epochs": 30, "batch": 4, "crop": [48, 64]}], optimiser={"rate": 0.03}
    )
    outcome = fit(recipe, tmp_path / "run")
    assert outcome.best > 0.8
    found = rows(tmp_path / "run")
    assert float(found[-1]["loss"]) < float(found[0]["loss"]) / 2


# --- the same bits


DEMANDING = {
    "optimiser": {"clip": 1.0, "accumulate": 2},
    "run": {"ema": 0.9, "checkpoint_minutes": 1e-6},
    "augmentation": {"brightness": 0.3, "degrees": 5.0},
    "stages": [{"epochs": 2, "batch": 2, "crop": [32, 32]}, {"epochs": 1, "batch": 4, "crop": [48, 64]}],
}


def test_two_runs_of_one_seed_are_equal_and_of_another_are_not(root, tmp_path, tiny):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fit(toy.recipe(root, network=tiny, seed=seed), tmp_path / name)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_run_stopped_at_any_step_and_resumed_ends_with_the_same_bits(root, tmp_path, tiny, monkeypatch, optimiser):
    """Stopped by an exception after each step in turn, as a kill would: nothing is written on the way out."""
    tables = {**DEMANDING, "optimiser": {**DEMANDING["optimiser"], "name": optimiser}}
    recipe = toy.recipe(root, network=tiny, **tables)
    fit(recipe, tmp_path / "whole")
    whole = checkpoint.read_last(Folder(tmp_path / "whole").checkpoints)
    assert whole.facts["step"] == 5

    class Killed(BaseException):
        pass

    real = loop.Training.step
    run = tmp_path / "parts"
    for stop in range(5):

        def killed(training, step, stop=stop):
            if step == stop:
                raise Killed
            return real(training, step)

        monkeypatch.setattr(loop.Training, "step", killed)
        with pytest.raises(Killed):
            fit(recipe, run, resume=stop > 0)
    monkeypatch.setattr(loop.Training, "step", real)
    fit(recipe, run, resume=True)
    parts = checkpoint.read_last(Folder(run).checkpoints)
    assert same(whole.tensors, parts.tensors)  # weights, optimiser, average, random state
    assert [{k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in rows(run)] == [
        {k: v for k, v in r.items() if k not in ("seconds", "images_per_second")} for r in rows(tmp_path / "whole")
    ]


def test_workers_change_no_bit(root, tmp_path, tiny):
    """Samples are decoded in two processes beside; each is drawn from its own seed."""
    tables = {"network": tiny, "augmentation": {"brightness": 0.3}}
    fit(toy.recipe(root, **tables), tmp_path / "none")
    fit(toy.recipe(root, **tables, run={"workers": 2}), tmp_path / "two")
    assert same(weights(tmp_path / "none"), weights(tmp_path / "two"))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_learns_too(root, tmp_path, tiny, precision):
    """Weights and checkpoints stay float32. On the CPU fp16 becomes bf16, with a warning."""
    recipe = toy.recipe(
        root,
        network=tiny,
        stages=[{"epochs": 8, "batch": 4, "crop": [48, 64]}],
        optimiser={"rate": 0.03},
        validation={"every": 8},
        run={"precision": precision},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(recipe, tmp_path / "run")
    found = rows(tmp_path / "run")
    assert float(found[-1]["loss"]) < float(found[0]["loss"])
    assert {v.dtype for k, v in weights(tmp_path / "run").items() if "num_batches" not in k} == {torch.float32}


def test_a_validation_in_which_nothing_counts_is_no_best_one(root, tmp_path, tiny):
    copy = shutil.copytree(root, tmp_path / "copy")
    for mask in (copy / "masks" / "val").glob("*.png"):
        Pillow.fromarray(np.full((48, 64), 255, np.uint8)).save(mask)
    assert fit(toy.recipe(copy, network=tiny), tmp_path / "run").best is None
    load_run(tmp_path / "run")


def test_resuming_a_finished_run_changes_nothing(root, tmp_path, tiny):
    recipe = toy.recipe(root, network=tiny)
    first = fit(recipe, tmp_path / "run")
    before = weights(tmp_path / "run")
    again = fit(recipe, tmp_path / "run", resume=True)
    assert (again.steps, again.best, again.finished) == (first.steps, first.best, True)
    assert same(before, weights(tmp_path / "run"))


def test_pretrained_weights_are_read_again_when_no_checkpoint_was_written(root, tmp_path, tiny, monkeypatch):
    asked = []
    real = parts.build

    def build(*arguments, pretrained=False, **options):
        asked.append(pretrained)
        return real(*arguments, **options)

    monkeypatch.setattr(parts, "build", build)
    recipe = toy.recipe(root, network={**tiny, "pretrained": True})
    run = tmp_path / "run"
    monkeypatch.setattr(loop.Training, "step", lambda *a: (_ for _ in ()).throw(InterruptedError))
    with pytest.raises(InterruptedError):
        fit(recipe, run)
    with pytest.raises(InterruptedError):
        fit(recipe, run, resume=True)
    assert [p for p in asked if p] == [True, True]


def test_a_run_begins_with_the_weights_of_another(root, tmp_path, tiny):
    fit(toy.recipe(root, network=tiny), tmp_path / "first")
    still = {"name": "adamw", "rate": 1e-30, "weight_decay": 0.0}  # so small that float32 weights stay
    table = {**tiny, "start": str(tmp_path / "first")}
    fit(toy.recipe(root, network=table, optimiser=still), tmp_path / "second")
    first, second = (load_run(tmp_path / name).network for name in ("first", "second"))
    for one, two in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
    facts = json.loads((tmp_path / "second" / "run.json").read_text())
    assert facts["start"]["not_in_it"] == []
    with pytest.raises(UnreadableFile, match=r"network\.start: expected a run folder"):
        fit(toy.recipe(root, network={**tiny, "start": str(tmp_path / "none")}), tmp_path / "third")


def test_a_head_of_other_classes_is_not_begun_with(tmp_path):
    one, two = (
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 5, 1)),
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, 7, 1)),
    )
    state = {f"network.{key}": value for key, value in one.state_dict().items()}
    checkpoint.write_best(tmp_path, 1, checkpoint.Checkpoint(state, {"step": 1}))
    begun = checkpoint.begin_with(two, tmp_path / "best.json")
    assert begun["not_in_it"] == ["1.bias", "1.weight"]
    assert torch.equal(one[0].weight, two[0].weight)
    with pytest.raises(InputError, match="none of its 2 tensors fits"):
        checkpoint.begin_with(torch.nn.Conv2d(1, 9, 3), tmp_path / "best.json")


# --- the parts


def test_accumulated_gradients_are_those_of_the_big_batch(root, tmp_path, tiny):
    """Without batch norm and dropout the two differ by rounding alone. No void: its share weighs each batch's mean."""
    flat = toy.data_set(tmp_path / "flat")
    for mask in (flat / "masks").rglob("*.png"):
        pixels = np.asarray(Pillow.open(mask)).copy()
        pixels[pixels == 255] = 0
        Pillow.fromarray(pixels).save(mask)
    made = []
    for batch, accumulate in ((4, 1), (2, 2), (1, 4)):
        recipe = toy.recipe(
            flat,
            network={**tiny, "options": {"norm": False}},
            stages=[{"epochs": 3, "batch": batch, "crop": [48, 64], "scales": [1.0, 1.0]}],
            optimiser={"name": "sgd", "rate": 0.1, "accumulate": accumulate},
        )
        fit(recipe, tmp_path / f"{batch}")
        made.append(weights(tmp_path / f"{batch}"))
    for other in made[1:]:
        assert all(torch.allclose(made[0][k], other[k], rtol=0, atol=1e-6) for k in made[0])


def test_clipping_bounds_the_step(root, tmp_path, tiny):
    """One step of SGD without momentum and decay moves the weights by rate times the clipped norm."""
    tables = {"network": {**tiny, "options": {"norm": False}}, "stages": [{"epochs": 1, "batch": 8, "crop": [48, 64]}]}
    moved = []
    for clip in (0.0, 1e-3):
        optimiser = {"name": "sgd", "rate": 1.0, "momentum": 0.0, "weight_decay": 0.0, "clip": clip}
        run = tmp_path / f"{clip}"
        fit(toy.recipe(root, **tables, optimiser=optimiser), run)
        torch.manual_seed(0)
        start = toy.tiny(3, norm=False).state_dict()
        moved.append(torch.cat([(v - start[k]).flatten() for k, v in weights(run).items()]).norm().item())
    assert moved[0] > 1e-2
    assert moved[1] == pytest.approx(1e-3, rel=1e-3)


def test_slow_parts_and_decay_go_where_they_are_asked_for(tiny):
    network = toy.tiny(3)
    made = parts.make_optimiser(
        toy.recipe("x", network=tiny, optimiser={"slow": ["body.0."], "slow_factor": 0.1, "rate": 1.0}).optimiser,
        network,
    )
    groups = {id(p): group for group in made.param_groups for p in group["params"]}
    found = {n: (groups[id(p)]["base_rate"], groups[id(p)]["weight_decay"]) for n, p in network.named_parameters()}
    assert found["body.0.weight"] == (0.1, 0.01)
    assert found["body.0.bias"] == (0.1, 0.0)
    assert found["body.1.weight"] == (1.0, 0.0)  # batch norm
    assert found["body.4.weight"] == (1.0, 0.01)
    with pytest.raises(OptionError, match="in none"):
        parts.make_optimiser(toy.recipe("x", optimiser={"slow": ["nowhere"]}).optimiser, network)


def test_auxiliary_outputs_count_with_their_factor(root, tmp_path):
    torch.manual_seed(0)
    network = toy.tiny(3, auxiliary=True).train()
    image, target = torch.rand(2, 3, 16, 16), torch.randint(0, 3, (2, 16, 16))
    output = network(image)

    class Samples:
        unknown, own_loss = 255, None

    table = toy.recipe(root, loss={"auxiliary": 0.25}).loss
    value = loop.training_loss(table, Samples)(output, target)
    wanted = torch.nn.functional.cross_entropy(output.logits, target)
    wanted = wanted + 0.25 * torch.nn.functional.cross_entropy(output.auxiliary[0], target)
    assert value.item() == pytest.approx(wanted.item(), rel=1e-6)


def test_class_weights_come_from_the_training_masks(root, tmp_path, tiny):
    """The rarer class weighs more, and the loss is PyTorch's weighted one."""
    from kontur.datasets import open as open_data
    from kontur.losses import median_frequency
    from kontur.training.preflight import class_frequencies
    from kontur.training.semantic import Indexed

    data = open_data("folder", root, "train")
    samples = Indexed([data], data.taxonomy)
    factors = median_frequency(*class_frequencies(samples))
    assert factors[0] < factors[1]
    table = toy.recipe(root, loss={"class_weights": "median_frequency"}).loss
    torch.manual_seed(0)
    output = toy.tiny(3)(torch.rand(1, 3, 16, 16))
    target = torch.randint(0, 3, (1, 16, 16))
    wanted = torch.nn.functional.cross_entropy(output.logits, target, weight=factors)
    assert loop.training_loss(table, samples)(output, target).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_class_weights_can_be_taken_out_of_the_decision_again(root, tmp_path, tiny):
    """The same weights as without; in use each logit is lower by half the logarithm of its class's weight, in a file too."""
    import onnxruntime

    from kontur.training import export
    from kontur.training.parts import class_weights, training_samples

    stages = [{"epochs": 1, "batch": 4}]
    plain = toy.recipe(root, network=tiny, stages=stages, loss={"class_weights": "median_frequency"})
    moved = toy.recipe(root, network=tiny, stages=stages, loss={"class_weights": "median_frequency", "unweigh": 0.5})
    fit(plain, tmp_path / "plain")
    fit(moved, tmp_path / "moved")
    one, other = load_run(tmp_path / "plain", "last"), load_run(tmp_path / "moved", "last")
    assert all(
        torch.equal(a, b) for a, b in zip(one.network.state_dict().values(), other.network.state_dict().values())
    )
    image = torch.rand(1, 3, 20, 24)
    wanted = -0.5 * class_weights(moved.loss, training_samples(moved)[0]).log()
    assert wanted.abs().max() > 0.1
    with torch.no_grad():
        difference = other.network(image) - one.network(image)
        after = other.network(image)
    torch.testing.assert_close(difference, wanted.reshape(1, -1, 1, 1).expand_as(difference))
    export(tmp_path / "moved", tmp_path / "moved.onnx", checkpoint="last")
    session = onnxruntime.InferenceSession(tmp_path / "moved.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    np.testing.assert_allclose(logits, after.numpy(), atol=1e-4)


def test_early_stopping_counts_validations_without_gain(root, tmp_path, tiny, monkeypatch):
    """Scores 0.5, 0.6, 0.55, 0.6, then never again: with a patience of 2 the fourth is the last."""
    scores = iter([0.5, 0.6, 0.55, 0.6, 0.9])

    monkeypatch.setattr(semantic.Semantic, "evaluate", lambda *a: Scored(next(scores), {}, {}, {}, ""))
    recipe = toy.recipe(
        root, network=tiny, stages=[{"epochs": 9, "batch": 4}], validation={"patience": 2, "samples": 0}
    )
    outcome = fit(recipe, tmp_path / "run")
    assert (outcome.steps, outcome.early, outcome.finished, outcome.best) == (8, True, True, 0.6)
    assert checkpoint.read(Folder(tmp_path / "run").best).facts["step"] == 4
    again = fit(recipe, tmp_path / "run", resume=True)
    assert (again.steps, again.early, again.finished) == (8, True, True)


def test_the_best_weights_are_the_average_where_the_run_averages(root, tmp_path, tiny):
    fit(toy.recipe(root, network=tiny, run={"ema": 0.9}), tmp_path / "run")
    last = checkpoint.read_last(Folder(tmp_path / "run").checkpoints)
    averaged = checkpoint.without_prefix(last.tensors, "average.")
    assert same(load_run(tmp_path / "run", "last").network.state_dict(), averaged)
    assert not same(averaged, weights(tmp_path / "run"))


# --- what goes wrong


def spoil(monkeypatch, step):
    """The loss of one step is not a number."""
    real = loop.training_loss
    calls = []

    def made(*arguments):
        loss = real(*arguments)

        def value(output, target):
            calls.append(1)
            return loss(output, target) * (float("nan") if len(calls) == step + 1 else 1.0)

        return value

    monkeypatch.setattr(loop, "training_loss", made)


def test_a_loss_that_is_no_number_stops_before_it_reaches_the_weights(root, tmp_path, tiny, monkeypatch):
    recipe = toy.recipe(root, network=tiny, run={"checkpoint_minutes": 1e-6})
    spoil(monkeypatch, 5)
    with pytest.raises(TrainingStopped) as caught:
        fit(recipe, tmp_path / "run")
    told = str(caught.value)
    assert "step 5" in told
    assert "step-00000005.safetensors" in told
    assert "\n" not in told
    named = [name for name in (f"scene{n:02d}" for n in range(8)) if name in told]
    assert len(named) == 2  # the files of the batch
    assert all(torch.isfinite(v).all() for v in weights(tmp_path / "run").values())
    monkeypatch.undo()


@pytest.mark.parametrize("which", ["checkpoint", "metrics", "best"])
def test_a_full_disk_keeps_the_last_good_checkpoint(root, tmp_path, tiny, monkeypatch, which):
    from kontur.core import files

    recipe = toy.recipe(root, network=tiny, run={"checkpoint_minutes": 1e-6})
    run = tmp_path / "run"
    real = os.fsync
    count = []

    def full(handle):
        path = os.readlink(f"/proc/self/fd/{handle}")
        wanted = {"checkpoint": "step-00000003", "metrics": "metrics.csv", "best": "best-00000008"}[which]
        if wanted in path:
            count.append(path)
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        fit(recipe, run)
    assert count
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert not list(run.rglob("*.tmp"))
    if which != "metrics":
        assert checkpoint.read_last(Folder(run).checkpoints).facts["step"] >= 2


def test_ctrl_c_ends_with_a_usable_run(root, tmp_path, tiny):
    recipe = toy.recipe(root, network=tiny)
    run = tmp_path / "run"
    fit(recipe, tmp_path / "whole")

    def interrupt(progress):
        if progress.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = fit(recipe, run, watch=interrupt)
    assert not outcome.finished
    assert 4 <= outcome.steps < 8
    load_run(run)
    assert fit(recipe, run, resume=True).finished
    assert same(weights(run), weights(tmp_path / "whole"))


def test_a_folder_in_use_is_not_overwritten(root, tmp_path, tiny):
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(OutputError, match="--resume"):
        fit(toy.recipe(root, network=tiny), tmp_path)


@pytest.mark.parametrize(
    ("tables", "error", "told"),
    [
        ({"data": {"root": "no/such/folder"}}, UnreadableFile, "no such folder"),
        ({"data": {"set": "campvid"}}, UnknownName, "camvid"),
        ({"data": {"train": ["trian"]}}, UnknownName, "train"),
        ({"network": {"name": "enett"}}, UnknownName, "enet"),
        ({"network": {"name": "enet", "options": {"widht": 3}}}, KonturError, "widht"),
        ({"loss": {"terms": [{"name": "cross_entropi"}]}}, UnknownName, "cross_entropy"),
        ({"loss": {"terms": [{"name": "focal_loss", "options": {"gama": 2.0}}]}}, UnknownName, "gamma"),
        ({"run": {"device": "gpu"}}, OptionError, "GPU"),
        ({"run": {"device": "tpu"}}, OptionError, "expected auto, cpu or gpu"),
        ({"run": {"strategy": "fsdp"}}, OptionError, "fsdp needs GPUs"),
        (
            {"network": {"name": "enet", "channels": 4}, "augmentation": {"mean": [0.5], "std": [0.5]}},
            InputError,
            "bands",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_before_step_0(root, tmp_path, tables, error, told):
    if "gpu" in str(tables) and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(error) as caught:
        fit(toy.recipe(root, **tables), tmp_path / "run")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_masks_with_foreign_ids_stop_before_step_0(root, tmp_path, tiny):
    copy = shutil.copytree(root, tmp_path / "copy")
    mask = copy / "masks" / "train" / "scene03.png"
    pixels = np.asarray(Pillow.open(mask)).copy()
    pixels[20, 20] = 9
    Pillow.fromarray(pixels).save(mask)
    with pytest.raises(InputError, match=r"scene03\.png"):
        fit(toy.recipe(copy, network=tiny), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_changed_data_do_not_go_on_with_an_old_run(root, tmp_path, tiny):
    copy = shutil.copytree(root, tmp_path / "copy")
    recipe = toy.recipe(copy, network=tiny)
    fit(recipe, tmp_path / "run")
    mask = copy / "masks" / "train" / "scene03.png"
    shutil.copy(copy / "masks" / "train" / "scene02.png", mask)
    with pytest.raises(InputError, match="changed"):
        fit(recipe, tmp_path / "run", resume=True)


def test_a_checkpoint_of_another_network_is_refused(root, tmp_path, tiny):
    fit(toy.recipe(root, network=tiny), tmp_path / "run")
    with pytest.raises(InputError, match="another network"):
        fit(toy.recipe(root), tmp_path / "run", resume=True)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_is_of_use(root, tmp_path, tiny):
    """As the error says: delete the damaged pair, and the run goes on from the one before, to the same bits."""
    recipe = toy.recipe(root, network=tiny, run={"checkpoint_minutes": 1e-6})
    run = tmp_path / "run"
    fit(recipe, run)
    wanted = weights(run)
    last = sorted((run / "checkpoints").glob("step-*.safetensors"))[-1]
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    with pytest.raises(UnreadableFile, match="damaged"):
        fit(recipe, run, resume=True)
    last.with_suffix(".json").unlink()
    last.unlink()
    fit(recipe, run, resume=True)
    assert same(weights(run), wanted)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(root, tmp_path, tiny):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="permission"):
        fit(toy.recipe(root, network=tiny), locked / "run")


def test_no_permission_is_one_line(root, tmp_path, tiny, monkeypatch):
    def refused(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("kontur.core.files._new_file", refused)
    with pytest.raises(OutputError, match="no permission"):
        fit(toy.recipe(root, network=tiny), tmp_path / "run")


def test_self_test_runs_before_the_first_step_and_changes_no_bit(root, tmp_path, tiny):
    recipe = toy.recipe(root, network=tiny, optimiser={"rate": 0.01})
    fit(recipe, tmp_path / "plain")
    monkey = loop.overfit_one_batch
    calls = []

    def watched(*arguments, **options):
        calls.append(1)
        return monkey(*arguments, **options, rate=0.02)

    loop.overfit_one_batch = watched
    try:
        fit(recipe, tmp_path / "tested", self_test=True)
    finally:
        loop.overfit_one_batch = monkey
    assert calls == [1]
    assert same(weights(tmp_path / "plain"), weights(tmp_path / "tested"))


@pytest.mark.parametrize(
    ("tables", "kind"),
    [
        ({"network": {"name": "enett"}}, UnknownName),
        ({"network": {"name": "enet", "options": {"width": 3}}}, UnknownName),
        ({"loss": {"terms": [{"name": "cross_entropie"}]}}, UnknownName),
        ({"loss": {"terms": [{"name": "focal_loss", "options": {"gama": 2.0}}]}}, UnknownName),
        ({"optimiser": {"slow": ["no such part"]}}, OptionError),
        ({"network": {"name": "unet", "options": {"padded": False}}}, OptionError),
        ({"network": {"name": "enet", "start": "nowhere"}}, UnreadableFile),
    ],
)
def test_a_wrong_table_leaves_no_run_folder(root, tmp_path, tables, kind):
    """So that the corrected recipe can be started with the same command."""
    run = tmp_path / "run"
    with pytest.raises(kind):
        fit(toy.recipe(root, **tables), run)
    assert not run.exists()
    fit(toy.recipe(root, stages=[{"epochs": 1, "batch": 8, "crop": [32, 32]}]), run)
    assert (run / "recipe.toml").is_file()
