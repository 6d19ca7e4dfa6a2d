"""A network as one ONNX file, which runs without PyTorch (`kontur` itself runs it with ONNX Runtime).

Format: ONNX, onnx.ai. The graph has one input, `image` (B, C, H, W) float32, and one output, `logits` (B, K, H, W) float32 (smaller
for the unpadded U-Net). Metadata of the file, all as text: `network`, `classes` (JSON list of names, or their number), `channels`,
`least` (JSON [H, W], the smallest image), and `mean` and `std` (JSON lists) where they were given; and whatever more the caller adds.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import InputError, MissingExtra, OptionError
from ..core.files import atomic_write
from .network import Network
from .upsampling import UnpoolIndices

OPSET = 18
TOLERANCE = 1e-3
OWN = ("network", "classes", "channels", "least", "mean", "std")


def export_onnx(
    network: Network,
    path: str | Path,
    *,
    size: tuple[int, int] = (256, 256),
    dynamic: bool = True,
    class_names: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Write `network` in eval mode to `path` and return the largest difference of ONNX Runtime's logits from PyTorch's.

    Of networks that unpool by indices (segnet, enet, deconvnet) it is the median difference: see `_difference`.

    size: (H, W) in pixels of the image it is traced with; the only size with dynamic=False, and then the batch is 1. With
    dynamic=True batch, height and width are free, from the network's least size on, and the check runs another size too.
    class_names: K names. mean, std: one number a channel, what the images are to be normalised with. metadata: further entries
    of the file's metadata, text to text; the names above are the export's own.

    Raises InputError for a network that can't be exported (crf_rnn) or whose file does not give PyTorch's logits within 1e-3
    of their largest magnitude (or of 1, if that is more); OptionError for a size, names or numbers that do not fit; OutputError.
    The network's mode and device are as before afterwards.
    """
    _refuse(network)
    properties = _properties(network, class_names, mean, std, metadata or {})
    low, high = network.least
    if len(size) != 2 or size[0] < low or size[1] < high:
        raise OptionError(f"option size: expected at least {low}x{high} pixels (H x W) for {network.name}, got {size}")
    modes = {name: module.training for name, module in network.named_modules()}
    device = next(network.parameters()).device
    if device.type == "meta":
        raise InputError(f"{network.name}: expected weights, got a network on the meta device. Build it without it")
    network.eval().cpu()
    try:
        # The tracer takes seconds where the newer exporter, which reasons about every size, takes minutes; what it may freeze
        # the check at a second size finds, and the newer one is asked then.
        try:
            data = _exported(network, size, dynamic, properties, tracing=True)
            difference = _difference(network, data, size, dynamic)
        except InputError:
            data = _exported(network, size, dynamic, properties, tracing=False)
            difference = _difference(network, data, size, dynamic)
    finally:
        network.to(device)
        for name, module in network.named_modules():
            module.training = modes[name]
    atomic_write(Path(path), data)
    return difference


def _refuse(network: Network) -> None:
    from .crf_rnn import CRFRNN

    if any(isinstance(module, CRFRNN) for module in network.modules()):
        raise InputError(
            f"{network.name} can't be exported to ONNX: its lattice has as many points as the image asks for. Export "
            "the network before it (`.body.network`) and run kontur.graph.dense_crf.refine_probabilities on its output"
        )


def _properties(
    network: Network,
    names: Sequence[str] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    metadata: Mapping[str, str],
) -> dict[str, str]:
    if names is not None and len(names) != network.classes:
        raise OptionError(f"option class_names: expected {network.classes} names, got {len(names)}")
    properties = {
        "network": network.name,
        "classes": json.dumps(network.classes if names is None else list(names), ensure_ascii=False),
        "channels": str(network.channels),
        "least": json.dumps(list(network.least)),
    }
    for key, values in (("mean", mean), ("std", std)):
        if values is None:
            continue
        if len(values) != network.channels:
            raise OptionError(f"option {key}: expected {network.channels} numbers, one a channel, got {len(values)}")
        properties[key] = json.dumps([float(v) for v in values])
    for key, value in metadata.items():
        if key in OWN:
            raise OptionError(f"option metadata: {key!r} is written by the export itself, choose another name")
        if not isinstance(key, str) or not isinstance(value, str):
            raise OptionError(f"option metadata: expected text for text, got {value!r:.80} for {key!r:.80}")
        properties[key] = value
    return properties


def _exported(
    network: Network, size: tuple[int, int], dynamic: bool, properties: dict[str, str], tracing: bool
) -> bytes:
    """The file's bytes. The exporter's own remarks are kept from the screen; its failure is one line."""
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("export_onnx", "train") from None
    # A size of 1 is taken for fixed, so a free batch is traced with 2.
    example = torch.zeros(2 if dynamic else 1, network.channels, *size)
    options: dict[str, Any] = {"input_names": ["image"], "output_names": ["logits"], "opset_version": OPSET}
    if dynamic and tracing:
        axes = {0: "batch", 2: "height", 3: "width"}
        options["dynamic_axes"] = {"image": axes, "logits": axes}
    elif dynamic:
        free = torch.export.Dim.DYNAMIC
        options["dynamic_shapes"] = ({0: free, 2: free, 3: free},)
    buffer = io.BytesIO()
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            if tracing:
                torch.onnx.export(network, (example,), buffer, dynamo=False, **options)
                model = onnx.load_from_string(buffer.getvalue())
            else:
                model = torch.onnx.export(network, (example,), dynamo=True, verbose=False, **options).model_proto
    except Exception as error:
        # The exporter raises types of its own inner parts, all of which mean the same to the caller.
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        advice = "Try dynamic=False. " if dynamic else ""
        raise InputError(
            f"{network.name} could not be exported to ONNX. {advice}The exporter said: {reason}"
        ) from error
    finally:
        logger.setLevel(level)
    for key, value in properties.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def _difference(network: Network, data: bytes, size: tuple[int, int], dynamic: bool) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    # A second size of the other parity finds what was frozen while tracing.
    sizes = [(1, *size), (2, size[0] + 5, size[1] + 3)] if dynamic else [(1, *size)]
    worst = 0.0
    for batch, height, width in sizes:
        image = torch.rand(batch, network.channels, height, width, generator=generator)
        with torch.no_grad():
            wanted = network(image).numpy()
        try:
            (got,) = session.run(["logits"], {"image": image.numpy()})
        except Exception as error:  # ONNX Runtime's types are not public
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{network.name}: the exported file does not run at {height}x{width} ({reason}). Export it with dynamic=False"
            ) from error
        if got.shape != wanted.shape:
            raise InputError(
                f"{network.name}: the exported file gives logits {got.shape} where PyTorch gives {wanted.shape} for an image of "
                f"{height}x{width}. Export it with dynamic=False"
            )
        # A maximum that is all but tied may fall on another pixel by rounding, and the unpooling puts it there; few logits differ.
        by_index = any(isinstance(module, UnpoolIndices) for module in network.modules())
        difference = float(np.quantile(np.abs(got - wanted), 0.5 if by_index else 1.0))
        if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
            raise InputError(
                f"{network.name}: the exported file differs from PyTorch by {difference:.3g} at {height}x{width}; expected {TOLERANCE} "
                "at most. Export it with dynamic=False"
            )
        worst = max(worst, difference)
    return worst
