"""Things and stuff by a network of task panoptic in an ONNX file: an image of any size -> a panoptic Segmentation.

image ─in one piece or in tiles▶ network ─▶ maps (K + 3, H, W) ─`panoptic_deeplab`▶ Segmentation
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image, as_image
from ..core.options import Option, checked_options, options_of
from ..core.segmentation import Provenance, Segmentation
from .models import Model
from .network_file import Metadata, NetworkFile, open_network
from .predictor import Predictor, overlap_of_objects
from .shared_options import Device, StuffArea, Threads, Tile


def panoptic(
    image: Image,
    *,
    threshold: Annotated[float, Option("an object's centre is at least so high", 0, 1)] = 0.1,
    max_objects: Annotated[int, Option("objects in an image at most", 1, 100_000)] = 200,
    stuff_area: StuffArea = 2048,
    tile: Tile = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> Segmentation:
    """Things and stuff by a network in an ONNX file."""
    raise NotImplementedError("the options of every panoptic model; `method.method_of` makes the method of one")


def panoptic_predictor(model: Model, options: dict[str, Any]) -> PanopticPredictor:
    """By the options of `panoptic`, of which any may be left out. Raises OptionError and UnknownName."""
    values = checked_options(model.name, options_of(panoptic), options)
    network = open_network(model.path, device=values.pop("device"), threads=values.pop("threads"))
    return PanopticPredictor(network, **values)


class PanopticPredictor:
    """`predictor(image)` is a Segmentation, things first; `predictor.maps(image)` is (K + 3, H, W). Options as `panoptic`'s.

    Raises InputError for a network of another task, and for an image whose bands do not fit.
    """

    def __init__(
        self,
        network: NetworkFile,
        *,
        threshold: float = 0.1,
        max_objects: int = 200,
        stuff_area: int = 2048,
        tile: int | None = None,
    ) -> None:
        if network.metadata.task != "panoptic":
            raise InputError(
                f"{network.path}: expected a network of task panoptic, got one of task {network.metadata.task}"
            )
        self._tiles = Predictor(network, tile=tile, overlap=overlap_of_objects(tile))
        self.threshold, self.max_objects, self.stuff_area = threshold, max_objects, stuff_area

    @property
    def metadata(self) -> Metadata:
        return self._tiles.metadata

    def __call__(self, image: Image | NDArray) -> Segmentation:
        from .panoptic_deeplab import panoptic_deeplab  # and with it Numba

        started = time.perf_counter()
        image = as_image(image)
        maps = self.maps(image)
        result = panoptic_deeplab(
            maps[:-3],
            maps[-3],
            maps[-2:],
            self.metadata.taxonomy,
            threshold=self.threshold,
            max_objects=self.max_objects,
            stuff_area=self.stuff_area,
        )
        notes = self._tiles.notes(self._tiles.plan(image.shape), self._tiles.channels(image).note)
        origin = Provenance(self.metadata.name, {}, seconds=time.perf_counter() - started, notes=notes)
        return replace(result, provenance=origin)

    def maps(self, image: Image | NDArray) -> NDArray[np.float32]:
        """(K + 3, H, W), as the network gives them."""
        return self._tiles.maps(image)
