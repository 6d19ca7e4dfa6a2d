"""Weights of an ONNX file stored as float16 and computed in float32: half the size, the same speed.

Each large weight becomes a float16 initializer with a Cast to float32 behind it; ONNX Runtime folds the casts when it
opens the file. Biases and other small ones stay as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST = 256  # numbers; smaller weights would save nothing
LARGEST = 65504.0  # of float16


def half_stored(data: bytes) -> bytes:
    """The file's bytes with its large float32 weights as float16; weights that float16 cannot hold stay float32."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(data)
    graph = model.graph
    kept: list[Any] = []
    casts: list[Any] = []
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT and int(np.prod(weight.dims)) >= LEAST:
            values = numpy_helper.to_array(weight)
            if np.abs(values).max() <= LARGEST:
                name = weight.name
                kept.append(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
                casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.single", to=TensorProto.FLOAT))
                continue
        kept.append(weight)
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return model.SerializeToString()
