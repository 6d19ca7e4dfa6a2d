"""Mask R-CNN and Panoptic FPN in an ONNX file: an image of any size -> Instances, or a panoptic Segmentation, without PyTorch.

    image ─normalised▶ network ─▶ boxes, labels, scores, small masks ─`mask_rcnn`──▶ Instances
                               └▶ logits (S + 1, H, W) of the stuff ──`panoptic_fpn`▶ Segmentation

Files are written by `kontur.networks.export_detector`. The network resizes the image itself, so there are no tiles.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray

from ..core.errors import InputError, KonturError
from ..core.image import Image, as_image
from ..core.instances import Instances
from ..core.segmentation import Provenance, Segmentation
from ..core.taxonomy import Taxonomy
from ..io.taxonomy import taxonomy_of
from .mask_rcnn import mask_rcnn
from .network_file import FilePredictor, Metadata, kept_open, one_line, open_session
from .panoptic_fpn import panoptic_fpn
from .predictor import Channels
from .shared_options import Device, Score, StuffArea, Threads

OUTPUTS = ("boxes", "labels", "scores", "masks")


class DetectorFile:
    """An open file. `detect(image)` gives Instances, `panoptic(image)` of a Panoptic FPN a Segmentation.

    Raises UnreadableFile, OptionError as `network_file.NetworkFile`, and InputError for a network of another form or without
    its metadata.
    """

    def __init__(self, path: str | Path, *, device: str = "auto", threads: int = 0) -> None:
        self.path = Path(path)
        self._session = open_session(self.path, device, threads)
        inputs, outputs = (
            [v.name for v in values] for values in (self._session.get_inputs(), self._session.get_outputs())
        )
        if inputs != ["image"] or tuple(outputs[:4]) != OUTPUTS or outputs[4:] not in ([], ["logits"]):
            raise InputError(
                f"{path}: expected the input `image` and the outputs {', '.join(OUTPUTS)} of a detector, got {', '.join(outputs)}"
            )
        self.has_stuff = outputs[4:] == ["logits"]
        self.metadata = self._metadata(self._session.get_modelmeta().custom_metadata_map)

    def detect(self, image: Image | NDArray, *, score: float = 0.05) -> Instances:
        """The objects of scores from `score` on, the best first. Raises InputError for an image whose bands do not fit."""
        image = as_image(image)
        started = time.perf_counter()
        boxes, labels, scores, masks, *_ = self._run(image)
        things = self._things
        found = mask_rcnn(boxes, labels, scores, masks, image.shape, things, score=score)
        return replace(found, taxonomy=self.metadata.taxonomy, provenance=self._provenance(image, score, started))

    def panoptic(
        self, image: Image | NDArray, *, score: float = 0.5, overlap: float = 0.5, stuff_area: int = 4096
    ) -> Segmentation:
        """Things over stuff, as `kontur.core.merging.panoptic`. Raises InputError for a network without stuff."""
        if not self.has_stuff:
            raise InputError(f"{self.path}: expected a network with an output `logits` of stuff, as Panoptic FPN has")
        image = as_image(image)
        started = time.perf_counter()
        boxes, labels, scores, masks, logits = self._run(image)
        found = mask_rcnn(boxes, labels, scores, masks, image.shape, self._things, score=score)
        merged = panoptic_fpn(
            found, logits, self.metadata.taxonomy, score=score, overlap=overlap, stuff_area=stuff_area
        )
        return replace(merged, provenance=self._provenance(image, score, started))

    @property
    def _things(self) -> Taxonomy:
        """The categories that labels count: all of a Mask R-CNN, the things of a Panoptic FPN."""
        taxonomy = self.metadata.taxonomy
        return taxonomy.things if self.has_stuff else taxonomy

    def _run(self, image: Image) -> list[NDArray]:
        pixels = self._channels(image).apply(image.pixels)[None]
        try:
            return list(self._session.run(None, {"image": pixels}))
        except Exception as error:  # ONNX Runtime's types are not public
            raise InputError(
                f"{self.path}: the network does not run on an image of {image.shape[0]}x{image.shape[1]} pixels (H x W): "
                f"{one_line(error)}"
            ) from None

    def _channels(self, image: Image) -> Channels:
        return Channels.of(image.bands, image.limits, self.metadata)

    def _provenance(self, image: Image, score: float, started: float) -> Provenance:
        notes = (
            f"network {self.metadata.network} in {self.path.name}",
            self._channels(image).note,
            self.metadata.notice,
        )
        seconds = time.perf_counter() - started
        return Provenance(self.metadata.name, {"score": score}, seconds=seconds, notes=tuple(filter(None, notes)))

    def _metadata(self, texts: dict[str, str]) -> Metadata:
        try:
            channels = int(texts["channels"])
            mean, std = (tuple(map(float, json.loads(texts[key]))) for key in ("mean", "std"))
            taxonomy = taxonomy_of({"ignore": None, **json.loads(texts["taxonomy"])}, "taxonomy")
            if len(mean) != channels or len(std) != channels or not all(s > 0 for s in std):
                raise ValueError
        except (KeyError, ValueError, TypeError, KonturError):
            raise InputError(
                f"{self.path}: expected the metadata channels, mean, std and taxonomy. Export it again with `kontur export`"
            ) from None
        return Metadata(
            name=texts.get("name") or self.path.stem,
            network=texts.get("network", ""),
            taxonomy=taxonomy,
            channels=channels,
            mean=mean,
            std=std,
            notice=" ".join(texts.get("notice", "").split()),
            task="panoptic_fpn" if self.has_stuff else "detection",
        )


def open_detector(path: str | Path, *, device: str = "auto", threads: int = 0) -> DetectorFile:
    """`DetectorFile`, kept open as `open_network` does."""
    return kept_open(DetectorFile, path, device, threads)


# --- in use -----------------------------------------------------------------------------------------------------------


class DetectorPredictor(FilePredictor):
    """`predictor(image)` is Instances. network: an .onnx file, or an open one (then device and threads are its own)."""

    def __init__(
        self,
        network: DetectorFile | str | Path,
        *,
        score: Score = 0.5,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        self.network = _opened(network, device, threads)
        self.score = score

    def __call__(self, image: Image | NDArray) -> Instances:
        return self.network.detect(image, score=self.score)


class PanopticFPNPredictor(FilePredictor):
    """`predictor(image)` is a panoptic Segmentation. network: as of `DetectorPredictor`, one that knows stuff."""

    def __init__(
        self,
        network: DetectorFile | str | Path,
        *,
        score: Score = 0.5,
        stuff_area: StuffArea = 4096,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        self.network = _opened(network, device, threads)
        self.score, self.stuff_area = score, stuff_area

    def __call__(self, image: Image | NDArray) -> Segmentation:
        return self.network.panoptic(image, score=self.score, stuff_area=self.stuff_area)


def _opened(network: DetectorFile | str | Path, device: str, threads: int) -> DetectorFile:
    return network if isinstance(network, DetectorFile) else open_detector(network, device=device, threads=threads)
