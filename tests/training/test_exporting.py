"""An exported run: the same classes as PyTorch's, half the size on request, all that is needed to use it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from kontur.core.errors import OptionError, OutputError
from kontur.inference import Predictor
from kontur.io.photos import read_image
from kontur.training import checkpoint, export, fit, load_run
from kontur.training.half import half_stored
from kontur.training.run import Folder
from training import toy


@pytest.fixture
def run(root, tmp_path, tiny):
    fit(toy.recipe(root, network=tiny, optimiser={"rate": 0.02}), tmp_path / "run")
    return tmp_path / "run"


def test_the_file_and_its_card(run, root, tmp_path):
    done = export(run, tmp_path / "toy.onnx")
    data = (tmp_path / "toy.onnx").read_bytes()
    facts = {p.key: p.value for p in onnx.load_from_string(data).metadata_props}
    assert json.loads(facts["classes"]) == list(toy.CLASSES)
    assert json.loads(facts["mean"]) == [0.485, 0.456, 0.406]
    assert (facts["task"], facts["name"], facts["notice"], facts["multiple"]) == (
        "semantic",
        "toy",
        "drawn by a test",
        "1",
    )
    taxonomy = json.loads(facts["taxonomy"])
    assert taxonomy["categories"][1] == {"id": 1, "name": "square", "colour": [128, 0, 0], "thing": False}
    card = tomllib.loads((tmp_path / "toy.toml").read_text())
    assert card["sha256"] == hashlib.sha256(data).hexdigest() == done.sha256
    assert card["bytes"] == len(data)
    assert card["data"]["terms"] == "drawn by a test"
    assert card["recipe"]["optimiser"]["rate"] == 0.02
    best = load_run(run).facts
    assert card["training"]["steps"] == best["step"]
    assert card["scores"]["val"]["mean_iou"] == best["score"]
    assert set(card["scores"]["val"]["iou"]) <= set(toy.CLASSES)


def test_the_predictor_gives_the_classes_of_the_trained_network(run, root, tmp_path):
    from kontur.training.scoring import TorchPredictor

    export(run, tmp_path / "toy.onnx")
    predictor = Predictor(tmp_path / "toy.onnx")
    loaded = load_run(run)
    exact = TorchPredictor(loaded.network, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    for path in sorted((root / "images" / "test").glob("*.png")):
        image = read_image(path)
        assert np.array_equal(predictor(image).ids - 1, exact(image))


def test_the_last_checkpoint_on_request(run, tmp_path):
    last = checkpoint.read_last(Folder(run).checkpoints)
    tensors = {k: v + 0.5 if k == "network.body.4.bias" else v for k, v in last.tensors.items()}
    checkpoint.write(Folder(run).checkpoints, 99, checkpoint.Checkpoint(tensors, {**last.facts, "step": 99}))
    one = export(run, tmp_path / "best.onnx")
    two = export(run, tmp_path / "last.onnx", checkpoint="last")
    assert one.sha256 != two.sha256
    assert tomllib.loads(two.card.read_text())["training"]["steps"] == 99


def test_tests_of_the_run_are_on_the_card(run, tmp_path):
    step = load_run(run).facts["step"]
    base = {"pixel_accuracy": 0.5, "images": 2, "date": "2026", "per_class": [{"name": "disc", "iou": 0.25}]}
    plain = {**base, "data": "folder test", "step": step, "mean_iou": 0.4, "flips": False, "scales": [1.0]}
    other = {**plain, "mean_iou": 0.9}
    lines = [{**other, "flips": True}, plain, {**other, "scales": [0.5, 1.0]}, {**other, "step": step + 1}]
    (run / "tests.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{half a li")
    export(run, tmp_path / "toy.onnx")
    scores = tomllib.loads((tmp_path / "toy.toml").read_text())["scores"]
    assert scores["test"]["mean_iou"] == 0.4
    assert scores["test"]["iou"] == {"disc": 0.25}


def test_nothing_is_overwritten_without_force(run, tmp_path):
    (tmp_path / "toy.toml").write_text("mine")
    with pytest.raises(OutputError, match=r"toy\.toml: exists already"):
        export(run, tmp_path / "toy.onnx")
    assert not (tmp_path / "toy.onnx").exists()
    export(run, tmp_path / "toy.onnx", force=True)
    with pytest.raises(OptionError, match=r"NAME\.onnx"):
        export(run, tmp_path / "toy.pt")
    with pytest.raises(OptionError, match="best or last"):
        export(run, tmp_path / "x.onnx", checkpoint="worst")


def test_without_its_data_a_run_is_still_exported(root, tmp_path, tiny):
    copy = shutil.copytree(root, tmp_path / "copy")
    fit(toy.recipe(copy, network=tiny), tmp_path / "run")
    shutil.rmtree(copy)
    assert export(tmp_path / "run", tmp_path / "toy.onnx").images == 1


def test_one_mean_for_all_channels_is_written_for_each(root, tmp_path, tiny):
    fit(toy.recipe(root, network=tiny, augmentation={"mean": [0.5], "std": [0.25]}), tmp_path / "run")
    export(tmp_path / "run", tmp_path / "toy.onnx")
    facts = {p.key: p.value for p in onnx.load(tmp_path / "toy.onnx").metadata_props}
    assert json.loads(facts["mean"]) == [0.5] * 3
    assert json.loads(facts["std"]) == [0.25] * 3


# --- half the size


def stored(values: np.ndarray) -> bytes:
    """A file of one matrix product, image (1, n) times the values (n, m), and the values' sum with a small one."""
    helper = onnx.helper
    weight, bias = numpy_helper.from_array(values, "w"), numpy_helper.from_array(np.float32([0.1]), "b")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, values.shape[0]])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, values.shape[1]])
    graph = helper.make_graph(nodes, "g", [x], [y], [weight, bias])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def ran(data: bytes, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def test_half_stored_weights_are_rounded_once_and_computed_in_float32():
    values = np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32)
    x = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)
    data = half_stored(stored(values))
    assert len(data) < len(stored(values)) * 0.6
    wanted = x @ values.astype(np.float16).astype(np.float32) + np.float32(0.1)
    assert np.allclose(ran(data, x), wanted, atol=1e-5)
    assert not np.allclose(wanted, x @ values + np.float32(0.1), atol=1e-5)  # the rounding is there to be seen


def test_values_beyond_float16_and_small_weights_stay():
    values = np.full((64, 32), 1e5, np.float32)
    x = np.ones((1, 64), np.float32)
    assert np.array_equal(ran(half_stored(stored(values)), x), ran(stored(values), x))
    small = half_stored(stored(np.ones((4, 4), np.float32)))
    assert all(w.data_type == onnx.TensorProto.FLOAT for w in onnx.load_from_string(small).graph.initializer)


@pytest.mark.slow
def test_half_of_a_whole_network(root, tmp_path):
    torch.manual_seed(0)
    fit(
        toy.recipe(root, network={"name": "kontur_lite"}, stages=[{"epochs": 2, "batch": 4, "crop": [64, 64]}]),
        tmp_path / "run",
    )
    whole, half = (
        export(tmp_path / "run", tmp_path / "a.onnx"),
        export(tmp_path / "run", tmp_path / "b.onnx", half=True),
    )
    assert half.size < 0.52 * whole.size
    assert half.changed < 0.005
