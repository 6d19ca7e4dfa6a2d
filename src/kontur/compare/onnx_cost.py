"""What an ONNX network costs: its learnt numbers, and the multiply-adds of one image. Only ONNX Runtime is needed.

The nodes and weights of the file are walked over without reading the numbers. Shapes inside the network come from one run with profiling on and no optimisation, so that nothing is fused.
Field numbers: onnx/onnx.proto (ONNX 1.x).
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UnreadableFile
from ..io.onnx_file import fields, number

_FLOATS = {1, 10, 11, 16}  # float32, float16, float64, bfloat16
_BYTES = {2, 3}  # uint8, int8: weights of quantised networks
_SIDE = 1024
_MOST = _SIDE * _SIDE  # pixels of the largest image that is run
_SETTINGS = {"Resize", "Upsample", "Clip", "Pad", "Slice", "Reshape", "Expand", "Tile", "QuantizeLinear"}
"""Operators whose constant inputs are sizes and limits, not learnt."""


def parameters(path: str | Path) -> int:
    """The learnt numbers stored in the file, batch norm's running statistics left out. Raises UnreadableFile."""
    try:
        model = Path(path).read_bytes()
        graph = next(value for field, value in fields(memoryview(model)) if field == 7)
        used = _used_by(graph)
        return sum(
            math.prod(dims)
            for name, kind, dims in _tensors(graph)
            if dims
            and (kind in _FLOATS or (kind in _BYTES and len(dims) > 1))
            and not (
                used.get(name)
                and all(
                    operator in _SETTINGS or position in _RUNNING.get(operator, ()) for operator, position in used[name]
                )
            )
        )
    except (OSError, StopIteration, IndexError, ValueError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path}: expected an ONNX file, got {error or type(error).__name__}") from None


_RUNNING = {"BatchNormalization": (3, 4)}  # inputs that are statistics


def multiply_adds(path: str | Path, size: tuple[int, int]) -> int:
    """Of one image of `size` = (H, W) pixels: those of convolutions and matrix products, as `kontur.networks` counts them.

    The image is padded as the file's metadata ask for; of one above `_MOST` pixels, in proportion to one of that many.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")  # packed weights are missing in the profile
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "cost")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        asked = session.get_inputs()[0]
        height, width = _padded(asked.shape[2:], session.get_modelmeta().custom_metadata_map, size)
        channels = asked.shape[1] if isinstance(asked.shape[1], int) else 3
        session.run(None, {asked.name: np.zeros((1, channels, height, width), np.float32)})
        events = json.loads(Path(session.end_profiling()).read_text())
    counted = sum(of_node(event["args"]) for event in events if "input_type_shape" in event.get("args", {}))
    return round(counted * max(1.0, size[0] * size[1] / _MOST))


def _padded(shape: Sequence[int | str | None], texts: Mapping[str, str], size: tuple[int, int]) -> tuple[int, int]:
    """The (H, W) that an image of `size` becomes."""
    if all(isinstance(n, int) for n in shape):
        return shape[0], shape[1]  # type: ignore[return-value]
    multiple, least = int(texts.get("multiple", 1)), json.loads(texts.get("least", "[1, 1]"))
    if size[0] * size[1] > _MOST:
        size = (_SIDE, _SIDE)
    height, width = (-(-max(n, low) // multiple) * multiple for n, low in zip(size, least, strict=True))
    return height, width


def of_node(args: dict[str, Any]) -> int:
    """Of one node, as the profile describes it: op_name, input_type_shape and output_type_shape ([{type: shape}])."""
    operator = args["op_name"]
    inputs = [next(iter(shape.values())) for shape in args["input_type_shape"]]
    outputs = [next(iter(shape.values())) for shape in args["output_type_shape"]]
    if operator in ("Conv", "ConvInteger"):  # every output pixel: the filter's size (channels of its group x window)
        return math.prod(outputs[0]) * math.prod(inputs[1][1:])
    if operator == "ConvTranspose":
        return math.prod(inputs[0]) * math.prod(inputs[1][1:])
    if operator in ("MatMul", "MatMulInteger"):
        return math.prod(outputs[0]) * inputs[0][-1]
    if operator == "Gemm":  # (M, K) x (K, N), either turned
        return math.prod(inputs[0]) * math.prod(outputs[0]) // outputs[0][0]
    return 0


# --- the file -------------------------------------------------------------------------------------------------------


def _tensors(graph: memoryview) -> Iterator[tuple[str, int, list[int]]]:
    """(name, type, dims) of every stored tensor: initialisers, and constants that are nodes."""
    for field, value in fields(graph):
        if field == 5:
            yield _tensor(value)
        elif field == 1:
            parts = list(fields(value))
            if any(f == 4 and bytes(v) == b"Constant" for f, v in parts):
                name = next(str(v, "utf-8") for f, v in parts if f == 2)
                for attribute in (v for f, v in parts if f == 5):
                    for tensor in (v for f, v in fields(attribute) if f == 5):
                        yield (name, *_tensor(tensor)[1:])


def _tensor(message: memoryview) -> tuple[str, int, list[int]]:
    name, kind, dims = "", 0, []
    for field, value in fields(message):
        if field == 1 and isinstance(value, int):
            dims.append(value)
        elif field == 1:  # packed
            position = 0
            while position < len(value):
                size, position = number(value, position)
                dims.append(size)
        elif field == 2:
            kind = value
        elif field == 8:
            name = str(value, "utf-8")
    return name, kind, dims


def _used_by(graph: memoryview) -> dict[str, list[tuple[str, int]]]:
    """For each tensor the operators that read it, and as which of their inputs."""
    used: dict[str, list[tuple[str, int]]] = {}
    for field, node in fields(graph):
        if field == 1:
            parts = list(fields(node))
            operator = next((str(v, "utf-8") for f, v in parts if f == 4), "")
            for position, name in enumerate(str(v, "utf-8") for f, v in parts if f == 1):
                used.setdefault(name, []).append((operator, position))
    return used
