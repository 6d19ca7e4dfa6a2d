"""Networks small enough to be worked by hand, written as ONNX files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def convolution(
    path: Path,
    weights: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    metadata: dict[str, str] | None = None,
    size: tuple[int, int] | None = None,
    pads: int | None = None,
) -> Path:
    """One convolution (K, C, h, w) with zeros around the image. metadata: over those that make it a whole file."""
    weights = np.asarray(weights, np.float32)
    count, channels, high, wide = weights.shape
    bias = np.zeros(count, np.float32) if bias is None else np.asarray(bias, np.float32)
    around = [high // 2, wide // 2, high // 2, wide // 2] if pads is None else [pads] * 4
    nodes = [helper.make_node("Conv", ["image", "weights", "bias"], ["logits"], pads=around)]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    return save(path, nodes, constants, channels, count, metadata, size)


def brightness_of_the_image(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Logits (mean of the whole image, 0): sees what an image was padded with."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=1),
        helper.make_node("Mul", ["image", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "mean"], ["first"]),
        helper.make_node("Concat", ["first", "nothing"], ["logits"], axis=1),
    ]
    return save(path, nodes, [numpy_helper.from_array(np.zeros(1, np.float32), "zero")], 1, 2, metadata)


def save(path, nodes, constants, channels, classes, metadata=None, size=None, names=("image", "logits")) -> Path:
    high, wide = size or ("height", "width")
    image = helper.make_tensor_value_info(names[0], TensorProto.FLOAT, ["batch", channels, high, wide])
    logits = helper.make_tensor_value_info(names[1], TensorProto.FLOAT, ["batch", classes, "h", "w"])
    graph = helper.make_graph(nodes, "by_hand", [image], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    usual = {
        "network": "by_hand",
        "classes": json.dumps([f"c{k}" for k in range(classes)]),
        "channels": str(channels),
        "least": "[1, 1]",
    }
    helper.set_model_props(model, {k: v for k, v in {**usual, **(metadata or {})}.items() if v is not None})
    path.write_bytes(model.SerializeToString())
    return path


def picker(path: Path, **metadata: str) -> Path:
    """Three logits that are the three channels: the category is the strongest colour."""
    return convolution(path, np.eye(3).reshape(3, 3, 1, 1), metadata=metadata)


def random_network(path: Path, radius: int, classes: int = 4, seed: int = 0, **metadata: str) -> Path:
    """Three channels, a random kernel that sees `radius` pixels around each pixel."""
    rng = np.random.default_rng(seed)
    side = 2 * radius + 1
    weights = rng.normal(size=(classes, 3, side, side)) / side
    return convolution(path, weights, rng.normal(size=classes), metadata=metadata)


def renamed(path: Path, source: Path, before: str, after: str) -> Path:
    """A copy whose input or output has another name."""
    model = onnx.load(source)
    for value in (*model.graph.input, *model.graph.output):
        value.name = after if value.name == before else value.name
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = after if name == before else name
    path.write_bytes(model.SerializeToString())
    return path


def strided_network(path: Path, stride: int, classes: int = 3, seed: int = 0) -> Path:
    """A random kernel as wide as its stride, its logits repeated to the image's size: it sees the grid it starts on."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(classes, 3, stride, stride)).astype(np.float32) / stride
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["coarse"], strides=[stride, stride]),
        helper.make_node("Resize", ["coarse", "", "scales"], ["logits"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([1, 1, stride, stride], np.float32), "scales"),
    ]
    return save(path, nodes, constants, 3, classes, {"multiple": str(stride)})
