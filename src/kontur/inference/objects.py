"""Objects by a network in an ONNX file: an image of any size -> Instances with scores.

    image ─stretched to one contrast▶ network, in one piece or in tiles ─▶ maps (4, H, W) ─`offsets.decoded`▶ Instances

The file's metadata say how: `decoding` (JSON, see `offsets.Decoding`) and `stretch` (JSON [low, high] percentiles; absent: none).
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OptionError
from ..core.image import Image, as_image
from ..core.instances import Instances
from ..core.options import Option
from ..core.segmentation import Provenance
from .network_file import FilePredictor, NetworkFile, open_network
from .offsets import Decoding, decoded
from .predictor import Predictor, overlap_of_objects
from .shared_options import MOST_TILE, Device, Score, Threads, Tile, Zoom
from .stretch import stretched
from .tiles import resized

MOST_SEEN = 200_000_000
"""Pixels of the largest enlarged image; it takes about 60 bytes each."""


class ObjectPredictor(FilePredictor):
    """`predictor(image)` is Instances in falling order of their scores; `predictor.maps(image)` is (4, H, W).

    network: an .onnx file of task instance, or an open one (then device and threads are its own).

    Raises InputError for a network of another task, and for an image whose bands do not fit.
    """

    def __init__(
        self,
        network: NetworkFile | str | Path,
        *,
        flips: Annotated[
            bool, Option("average over the image mirrored left to right and top to bottom; over four times as long")
        ] = False,
        threshold: Annotated[
            float | None, Option("a pixel is of an object above this probability; none: as the model was tuned", 0, 1)
        ] = None,
        min_area: Annotated[
            int | None, Option("smaller objects are left out; none: as the model was tuned", 1, 1_000_000_000, "pixels")
        ] = None,
        score: Score = 0.2,
        zoom: Zoom = 1.0,
        tile: Tile = None,
        overlap: Annotated[
            int | None,
            Option("of neighbouring tiles, at most half a tile; none: 128", 0, MOST_TILE // 2, "pixels"),
        ] = None,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        if not isinstance(network, NetworkFile):
            network = open_network(network, device=device, threads=threads)
        if network.metadata.task != "instance":
            raise InputError(
                f"{network.path}: expected a network of objects (task instance), got one of task {network.metadata.task}"
            )
        self.network = network
        self._tiles = Predictor(network, tile=tile, overlap=overlap_of_objects(tile) if overlap is None else overlap)
        self.flips, self.score, self.zoom = flips, score, zoom
        decoding = network.metadata.decoding
        assert decoding is not None, "of task instance"
        given = {name: value for name, value in (("level", threshold), ("least", min_area)) if value is not None}
        self.decoding: Decoding = replace(decoding, **given)  # type: ignore[arg-type]

    def __call__(self, image: Image | NDArray) -> Instances:
        started = time.perf_counter()
        image = as_image(image)
        category = next(iter(self.metadata.taxonomy)).id
        found = decoded(self.maps(image), self.decoding, category=category, taxonomy=self.metadata.taxonomy)
        kept = tuple(i for i in found.instances if (i.score or 0.0) >= self.score)
        plan = self._tiles.plan(self._seen(image.shape))
        notes = self._tiles.notes(plan, self._tiles.channels(image).note)
        origin = Provenance(self.metadata.name, {}, seconds=time.perf_counter() - started, notes=notes)
        return replace(found, instances=kept, provenance=origin)

    def logits(self, image: Image | NDArray) -> NDArray[np.float32]:
        """(4, H, W), `maps` under the name that training calls them by."""
        return self.maps(image)

    def maps(self, image: Image | NDArray) -> NDArray[np.float32]:
        """(4, H, W), as `offsets.decoded` takes them; the mean over the mirrored images where `flips`."""
        image = as_image(image)
        if self.metadata.stretch is not None:
            image = stretched(image, self.metadata.stretch)
        shape = image.shape
        if self.zoom != 1:
            if self.zoom > 1 and math.prod(self._seen(shape)) > MOST_SEEN:
                most = math.sqrt(MOST_SEEN / math.prod(shape))
                raise OptionError(
                    f"option zoom: expected at most {max(1.0, math.floor(most * 100) / 100):g} for an image of {shape[1]}x{shape[0]}, "
                    f"got {self.zoom:g}. Cut the image into parts"
                )
            planes = resized(image.unit().transpose(2, 0, 1), *self._seen(shape))
            image = replace(image, pixels=np.ascontiguousarray(planes.transpose(1, 2, 0)))
        maps = self._tiles.maps(image)
        if self.flips:
            for axes, signs in (((1,), (1, -1, 1, 1)), ((2,), (1, 1, -1, 1)), ((1, 2), (1, -1, -1, 1))):
                pixels = np.ascontiguousarray(np.flip(image.pixels, tuple(axis - 1 for axis in axes)))
                maps += (
                    np.flip(self._tiles.maps(replace(image, pixels=pixels)), axes)
                    * np.array(signs, np.float32)[:, None, None]
                )
            maps /= np.float32(4)
        if self.zoom != 1:
            maps = resized(maps, *shape)
            maps[1:3] /= np.float32(self.zoom)  # pixels of the image again
        return maps

    def _seen(self, shape: tuple[int, int]) -> tuple[int, int]:
        """What the network sees of an image of (H, W)."""
        return max(1, round(shape[0] * self.zoom)), max(1, round(shape[1] * self.zoom))
