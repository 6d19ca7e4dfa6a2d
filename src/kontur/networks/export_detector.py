"""Mask R-CNN and Panoptic FPN as one ONNX file, which runs without PyTorch (`kontur.inference.detectors` runs it).

Format: ONNX, onnx.ai. One input, `image` (1, C, H, W) float32, normalised; outputs `boxes` (N, 4), `labels` (N,), `scores` (N,) and
`masks` (N, 1, M, M) as `kontur.inference.mask_rcnn` takes them, and of Panoptic FPN `logits` (S + 1, H, W). Height and width are free.
Metadata as in `export`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core.errors import InputError, MissingExtra, OptionError
from ..core.files import atomic_write
from .export import OPSET, TOLERANCE, _properties
from .mask_rcnn import Detector
from .panoptic_fpn import PanopticFPN

OUTPUTS = ("boxes", "labels", "scores", "masks")


def export_detector(
    network: Detector | PanopticFPN,
    path: str | Path,
    *,
    size: tuple[int, int] = (256, 256),
    class_names: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> float:
    """Write `network` in eval mode to `path` and return the largest difference of ONNX Runtime's outputs from PyTorch's.

    size: (H, W) of the image it is traced with; it is checked at another size too. Other options, and what is raised, as in
    `kontur.networks.export.export_onnx`. The network's mode and device are as before afterwards.
    """
    if len(size) != 2 or min(size) < 16:
        raise OptionError(f"option size: expected at least 16x16 pixels (H x W), got {size}")
    properties = _properties(network, class_names, mean, std, metadata or {})
    device, training = next(network.parameters()).device, network.training
    network.eval().cpu()
    try:
        # The exporter puts all of it back into the mode of its root.
        traced = _OneImage(network).eval()
        data = _exported(traced, size, properties)
        difference = _difference(traced, data, size)
    finally:
        network.to(device).train(training)
    atomic_write(Path(path), data)
    return difference


class _OneImage(nn.Module):
    """A batch of one image in, tensors out."""

    def __init__(self, network: Detector | PanopticFPN) -> None:
        super().__init__()
        self.network = network

    @property
    def outputs(self) -> tuple[str, ...]:
        return (*OUTPUTS, "logits") if isinstance(self.network, PanopticFPN) else OUTPUTS

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        if isinstance(self.network, PanopticFPN):
            (found,), (logits,) = self.network([image[0]])
            return *(found[name] for name in OUTPUTS), logits
        (found,) = self.network([image[0]])
        return tuple(found[name] for name in OUTPUTS)


def _exported(traced: _OneImage, size: tuple[int, int], properties: dict[str, str]) -> bytes:
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtra("export_detector", "train") from None
    axes = {"image": {2: "height", 3: "width"}, "logits": {1: "height", 2: "width"}}
    axes |= {name: {0: "objects"} for name in OUTPUTS}
    example = torch.rand(1, traced.network.channels, *size, generator=torch.Generator().manual_seed(0))
    buffer = io.BytesIO()
    names = list(traced.outputs)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                traced,
                (example,),
                buffer,
                dynamo=False,
                input_names=["image"],
                output_names=names,
                opset_version=OPSET,
                dynamic_axes={name: free for name, free in axes.items() if name in ("image", *names)},
            )
    except Exception as error:  # the exporter raises types of its own inner parts, all of which mean the same here
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise InputError(f"{traced.network.name} could not be exported to ONNX. The exporter said: {reason}") from error
    model = onnx.load_from_string(buffer.getvalue())
    for key, value in properties.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def _difference(traced: _OneImage, data: bytes, size: tuple[int, int]) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(1)
    worst = 0.0
    for height, width in (size, (size[0] + 5, size[1] + 11)):
        image = torch.rand(1, traced.network.channels, height, width, generator=generator)
        with torch.no_grad():
            wanted = [part.numpy() for part in traced(image)]
        got = session.run(None, {"image": image.numpy()})
        where = f"{traced.network.name}: the exported file at {height}x{width}"
        worst = max(worst, _objects_differ(got[:4], wanted[:4], where), *map(_maps_differ, got[4:], wanted[4:]))
        if not worst <= TOLERANCE * max(1.0, *(float(np.abs(part).max(initial=0)) for part in wanted)):
            raise InputError(f"{where}: expected PyTorch's numbers, got a difference of {worst:.3g}")
    return worst


def _maps_differ(ours: NDArray, theirs: NDArray) -> float:
    return float(np.abs(ours - theirs).max(initial=0)) if ours.shape == theirs.shape else math.inf


def _objects_differ(ours: Sequence[NDArray], theirs: Sequence[NDArray], where: str) -> float:
    """The largest difference in boxes, scores and masks of objects that both found, which are at least nine in ten.

    Objects whose scores differ by less than a float32 can tell change places, and of two that overlap the other one stays.
    """
    boxes, labels, scores, masks = ours
    worst, missing = 0.0, abs(len(labels) - len(theirs[1]))
    for box, label, score, mask in zip(*theirs, strict=True):
        far = np.abs(boxes - box).max(axis=1, initial=0) + np.where(labels == label, 0.0, np.inf)
        place = int(far.argmin()) if len(far) else 0
        if not len(far) or far[place] > 0.1:  # pixels
            missing += 1
            continue
        parts = (far[place], abs(scores[place] - score), np.abs(masks[place] - mask).max(initial=0))
        worst = max(worst, *(float(part) for part in parts))
    if missing > 0.1 * max(len(labels), len(theirs[1])):
        raise InputError(f"{where}: expected PyTorch's {len(theirs[1])} objects, {missing} of them are others")
    return worst
