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

import torch
from torch import Tensor, nn

from ..core.errors import InputError, MissingExtra, OptionError
from ..core.files import atomic_write
from .network import Network
from .upsampling import PoolIndices

OPSET = 18
INDICES = "pooling_indices_"  # and a number: tensors of the file of a network that unpools by indices
TOLERANCE = 1e-3
TIED = 1e-5  # of the largest magnitude of the map that is pooled
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

    Networks that unpool by indices (segnet, enet, deconvnet): two values of a window may differ by less than float32's rounding,
    and then either may be the maximum. Each of ONNX Runtime's indices must point at its window's maximum but for a hundred-thousandth
    of the map's largest value; PyTorch is then run with these indices, and the difference is the largest of all logits as elsewhere.

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
    traced, indices = _WithIndices.of(network, example)
    options: dict[str, Any] = {"input_names": ["image"], "output_names": ["logits", *indices], "opset_version": OPSET}
    if dynamic and tracing:
        axes = {0: "batch", 2: "height", 3: "width"}
        options["dynamic_axes"] = {"image": axes, "logits": axes}
        options["dynamic_axes"] |= {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in indices}
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
                torch.onnx.export(traced, (example,), buffer, dynamo=False, **options)
                model = onnx.load_from_string(buffer.getvalue())
            else:
                model = torch.onnx.export(traced, (example,), dynamo=True, verbose=False, **options).model_proto
    except Exception as error:
        # The exporter raises types of its own inner parts, all of which mean the same to the caller.
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        advice = "Try dynamic=False. " if dynamic else ""
        raise InputError(
            f"{network.name} could not be exported to ONNX. {advice}The exporter said: {reason}"
        ) from error
    finally:
        logger.setLevel(level)
    del model.graph.output[1:]  # the indices stay as tensors of the graph, where `_session` finds them by name
    for key, value in properties.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


class _WithIndices(nn.Module):
    """A network that returns, after its logits, the indices of its poolings in the order they are made."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    @classmethod
    def of(cls, network: Network, example: Tensor) -> tuple[nn.Module, list[str]]:
        """What to trace, and the names of the outputs beside the logits: the network itself and none if it keeps no indices."""
        if not _pools(network):
            return network, []
        whole = cls(network).eval()  # the exporter puts all of it back into the mode of its root
        with torch.no_grad():
            return whole, [f"{INDICES}{number}" for number in range(len(whole(example)) - 1)]

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        indices: list[Tensor] = []
        handles = [
            pool.register_forward_hook(lambda module, inputs, output: indices.append(output[1]))
            for pool in _pools(self.network)
        ]
        try:
            return self.network(image), *indices
        finally:
            for handle in handles:
                handle.remove()


def _pools(network: nn.Module) -> list[PoolIndices]:
    return [module for module in network.modules() if isinstance(module, PoolIndices)]


def _session(data: bytes, with_indices: bool) -> tuple[Any, list[str]]:
    """ONNX Runtime on a file of ours, and the names of its poolings' indices, which are made outputs for the check."""
    import onnx
    import onnxruntime

    names: list[str] = []
    if with_indices:
        model = onnx.load_from_string(data)
        found = {name for node in model.graph.node for name in node.output if name.startswith(INDICES)}
        names = sorted(found, key=lambda name: int(name[len(INDICES) :]))
        for name in names:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, [None] * 4))
        data = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]), names


def _difference(network: Network, data: bytes, size: tuple[int, int], dynamic: bool) -> float:
    session, names = _session(data, bool(_pools(network)))
    generator = torch.Generator().manual_seed(0)
    # A second size of the other parity finds what was frozen while tracing.
    sizes = [(1, *size), (2, size[0] + 5, size[1] + 3)] if dynamic else [(1, *size)]
    worst = 0.0
    for batch, height, width in sizes:
        image = torch.rand(batch, network.channels, height, width, generator=generator)
        try:
            logits, *indices = session.run(["logits", *names], {"image": image.numpy()})
        except Exception as error:  # ONNX Runtime's types are not public
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"{network.name}: the exported file does not run at {height}x{width} ({reason}). Export it with dynamic=False"
            ) from error
        got = torch.from_numpy(logits)
        wanted = _with_given_indices(network, image, [torch.from_numpy(each) for each in indices])
        if got.shape != wanted.shape:
            raise InputError(
                f"{network.name}: the exported file gives logits {tuple(got.shape)} where PyTorch gives {tuple(wanted.shape)} "
                f"for an image of {height}x{width}. Export it with dynamic=False"
            )
        difference = float((got - wanted).abs().max())
        if not difference <= TOLERANCE * max(1.0, float(wanted.abs().max())):
            raise InputError(
                f"{network.name}: the exported file differs from PyTorch by {difference:.3g} at {height}x{width}; expected {TOLERANCE} "
                "at most. Export it with dynamic=False"
            )
        worst = max(worst, difference)
    return worst


def _with_given_indices(network: Network, image: Tensor, indices: list[Tensor]) -> Tensor:
    """PyTorch's logits where each pooling hands on the next of `indices` instead of its own, if they are as good."""
    given = iter(indices)

    def hand_on(module: PoolIndices, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        chosen = next(given, None)
        _check_maxima(network.name, module.factor, inputs[0], output[0], chosen)
        return output[0], chosen  # type: ignore[return-value]

    handles = [pool.register_forward_hook(hand_on) for pool in _pools(network)]  # type: ignore[arg-type]
    try:
        with torch.no_grad():
            return network(image)  # type: ignore[return-value]
    finally:
        for handle in handles:
            handle.remove()


def _check_maxima(name: str, factor: int, feature: Tensor, maxima: Tensor, indices: Tensor | None) -> None:
    """Every index lies in its own window of `feature` (B, C, H, W), at a value tied with the maximum."""
    height, width = feature.shape[-2:]
    if indices is None or indices.shape != maxima.shape or indices.min() < 0 or indices.max() >= height * width:
        shape = None if indices is None else tuple(indices.shape)
        raise InputError(
            f"{name}: the exported file's pooling indices {shape} do not fit PyTorch's {tuple(maxima.shape)}"
        )
    rows, columns = torch.arange(maxima.shape[2])[:, None], torch.arange(maxima.shape[3])
    inside = (indices // width // factor == rows) & (indices % width // factor == columns)
    values = feature.flatten(2).gather(2, indices.flatten(2)).view_as(maxima)
    worst = float((maxima - values).max())
    if not inside.all() or not worst <= TIED * float(feature.abs().max()):
        raise InputError(
            f"{name}: the exported file's pooling indices are not those of the maxima: {int((~inside).sum())} lie outside their "
            f"window, and the values they point at are up to {worst:.3g} smaller"
        )
