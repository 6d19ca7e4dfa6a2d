"""Files that are no network of ours: one line that says what was expected, and what was found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.small_networks import convolution, picker, renamed, save
from kontur.core.errors import InputError, OptionError, UnreadableFile
from kontur.inference import NetworkFile, Predictor

PLAIN = np.eye(3).reshape(3, 3, 1, 1)


def test_what_a_file_says_of_itself(tmp_path):
    path = picker(
        tmp_path / "n.onnx",
        name="mine",
        notice="Learnt from\n data.",
        multiple="8",
        least="[16, 32]",
        mean="[0, 0.5, 1]",
    )
    meta = NetworkFile(path).metadata
    assert (meta.name, meta.network, meta.notice) == ("mine", "by_hand", "Learnt from data.")
    assert (meta.multiple, meta.least, meta.channels, meta.fixed) == (8, (16, 32), 3, None)
    assert (meta.mean, meta.std) == ((0, 0.5, 1), (1, 1, 1))
    assert meta.classes == ("c0", "c1", "c2")


def test_the_number_of_classes_will_do(tmp_path):
    assert NetworkFile(picker(tmp_path / "n.onnx", classes="3")).metadata.classes == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "empty file"),
        (b"# a readme\n" * 50, "expected a whole ONNX network"),
        ("half", "expected a whole ONNX network"),
        ("folder", "got a folder"),
    ],
)
def test_no_onnx_file(tmp_path, content, said):
    path = tmp_path / "n.onnx"
    if content == "half":
        data = picker(path).read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=said) as error:
        NetworkFile(path)
    assert "\n" not in str(error.value)
    assert "n.onnx" in str(error.value)


def test_other_inputs_and_outputs(tmp_path):
    path = picker(tmp_path / "a.onnx")
    with pytest.raises(
        InputError, match=r"expected one input `image`.*got inputs `pixels` \(batch, 3, height, width\)"
    ):
        NetworkFile(renamed(tmp_path / "b.onnx", path, "image", "pixels"))
    with pytest.raises(InputError, match=r"outputs `scores` \(batch, 3"):
        NetworkFile(renamed(tmp_path / "b.onnx", path, "logits", "scores"))
    value = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 3, "h", "w"]) for n in ("image", "second", "logits")
    ]
    graph = helper.make_graph([helper.make_node("Add", ["image", "second"], ["logits"])], "two", value[:2], value[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"got inputs `image`.*, `second`"):
        NetworkFile(path)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"classes": None}, "metadata `classes`: expected a JSON list of names, got none"),
        ({"classes": '["a", "b"]'}, "metadata `classes`: expected 3 categories"),
        ({"classes": "[oops"}, "expected JSON"),
        ({"channels": "4"}, "metadata `channels`: expected 3"),
        ({"mean": "[0.5]"}, "metadata `mean`: expected a list of 3 numbers"),
        ({"std": "[1, 0, 1]"}, "metadata `std`"),
        ({"least": "32"}, r"metadata `least`: expected \[H, W\]"),
        ({"multiple": "0"}, "metadata `multiple`"),
        ({"task": "depth"}, "metadata `task`: expected semantic"),
        ({"task": "panoptic"}, "metadata `classes`: expected 2 or more categories"),
        ({"taxonomy": '{"categories": [{"id": 1}]}'}, "metadata `taxonomy`"),
        (
            {"taxonomy": json.dumps({"categories": [{"id": 1, "name": "a", "colour": [0, 0, 0]}] * 3})},
            "taxonomy.*twice",
        ),
    ],
)
def test_metadata_that_do_not_fit(tmp_path, metadata, said):
    with pytest.raises(InputError, match=said):
        NetworkFile(convolution(tmp_path / "n.onnx", PLAIN, metadata=metadata))


def test_logits_of_another_size(tmp_path):
    """An unpadded network, whose logits are smaller than its image."""
    path = convolution(tmp_path / "n.onnx", np.zeros((2, 3, 3, 3)), pads=0)
    with pytest.raises(InputError, match=r"expected logits \(2, 10, 12\).*got \(2, 8, 10\)"):
        Predictor(path)(np.zeros((10, 12, 3), np.uint8))


def test_an_image_that_does_not_go_through(tmp_path):
    """A network that adds a map of one size to its input says so; no traceback."""
    nodes = [helper.make_node("Add", ["image", "map"], ["logits"])]
    path = save(tmp_path / "n.onnx", nodes, [numpy_helper.from_array(np.zeros((1, 3, 4, 4), np.float32), "map")], 3, 3)
    assert Predictor(path)(np.zeros((4, 4, 3), np.uint8)).shape == (4, 4)
    with pytest.raises(InputError, match="does not run on an image of 5x7"):
        Predictor(path)(np.zeros((5, 7, 3), np.uint8))


def test_nan_from_the_network(tmp_path):
    path = convolution(tmp_path / "n.onnx", np.full((2, 3, 1, 1), np.nan))
    with pytest.raises(InputError, match="the network gave NaN"):
        Predictor(path)(np.zeros((4, 4, 3), np.uint8))


def test_a_gpu_that_is_not_there(tmp_path):
    import onnxruntime

    path = picker(tmp_path / "n.onnx")
    assert NetworkFile(path, device="cpu").device == "cpu"
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is one")
    assert NetworkFile(path).device == "cpu"
    with pytest.raises(OptionError, match=r"cuda was asked for.*Use device=cpu"):
        NetworkFile(path, device="cuda")


@pytest.mark.parametrize("options", [{"device": "tpu"}, {"threads": -1}, {"threads": 1.5}])
def test_options_of_a_session(tmp_path, options):
    with pytest.raises(OptionError, match=f"option {next(iter(options))}"):
        NetworkFile(picker(tmp_path / "n.onnx"), **options)
