"""Things and stuff by a network of task panoptic in an ONNX file: an image of any size -> a panoptic Segmentation.

image ─in one piece or in tiles▶ network ─▶ maps (K + 3, H, W) ─`panoptic_deeplab`▶ Segmentation
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image, as_image
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation
from .network_file import FilePredictor, NetworkFile, open_network
from .predictor import Predictor, overlap_of_objects
from .shared_options import Device, StuffArea, Threads, Tile


class PanopticPredictor(FilePredictor):
    """`predictor(image)` is a Segmentation, things first; `predictor.maps(image)` is (K + 3, H, W).

    network: an .onnx file of task panoptic, or an open one (then device and threads are its own).

    Raises InputError for a network of another task, and for an image whose bands do not fit.
    """

    def __init__(
        self,
        network: NetworkFile | str | Path,
        *,
        threshold: Annotated[float, Option("an object's centre is at least so high", 0, 1)] = 0.1,
        max_objects: Annotated[int, Option("objects in an image at most", 1, 100_000)] = 200,
        stuff_area: StuffArea = 2048,
        tile: Tile = None,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        if not isinstance(network, NetworkFile):
            network = open_network(network, device=device, threads=threads)
        if network.metadata.task != "panoptic":
            raise InputError(
                f"{network.path}: expected a network of task panoptic, got one of task {network.metadata.task}"
            )
        self.network = network
        self._tiles = Predictor(network, tile=tile, overlap=overlap_of_objects(tile))
        self.threshold, self.max_objects, self.stuff_area = threshold, max_objects, stuff_area

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
