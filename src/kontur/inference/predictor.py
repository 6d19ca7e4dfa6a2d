"""A network on images: categories, or the probability of each, at the image's own size, whatever that is."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OptionError
from ..core.image import LUMA, Image, as_image
from ..core.method import NOTHING_MORE, Outcome, Want
from ..core.options import Option
from ..core.segmentation import Provenance, Segmentation
from ..io.photos import read_image
from .network_file import FilePredictor, Metadata, NetworkFile, open_network
from .shared_options import (
    LEAST_TILE,
    MOST_TILE,
    TILE,
    Device,
    Flips,
    Overlap,
    Scales,
    Threads,
    Tile,
)
from .tiles import ALIGNED, Plan, Span, ahead, blended, ensemble, gathered, sigmoid, softmax

if TYPE_CHECKING:
    from ..core.prompts import Prompts

OVERLAP = 64
"""In pixels. Twice as much costs 15 % more time and brings 0.3 % more of the pixels to what the whole image gives."""
WHOLE = 2_100_000
"""Images of up to so many pixels (1920 x 1080 is one) go through the network in one piece."""
_ROWS = 32

Read = Callable[[Span, Span], NDArray[np.float32]]
"""The normalised pixels (C, h, w) of a rectangle."""


def overlap_of_objects(tile: int | None) -> int:
    """Of such tiles, in pixels: an object that a tile's border cuts is decided by the other tile, so it is wider than most."""
    return min(128, (tile or TILE) // 2)


def scales_of(given: str | tuple[float, ...]) -> tuple[float, ...]:
    """The numbers of the option `scales`."""
    try:
        return tuple(float(part) for part in (given.split(",") if isinstance(given, str) else given))
    except ValueError:
        raise OptionError(f"option scales: expected numbers with commas, as 0.75,1,1.25, got {given!r}") from None


class Predictor(FilePredictor):
    """`predictor(image)` is a Segmentation; `predictor.probabilities(image)` is (K, H, W).

    Of a network of task boundary there are probabilities only, (1, H, W): regions are `kontur.contours`'s.

    network:  an .onnx file, or a NetworkFile (then device and threads are its own).
    flips:    average with the mirrored image.
    scales:   average over the image at these scales: numbers, or a text with commas.
    tile:     side of the tiles in pixels; None: one piece up to `WHOLE` pixels, tiles of `TILE` beyond.
    overlap:  of neighbouring tiles in pixels, at most half a tile; None: an eighth of it, at most `OVERLAP`.
    crf:      let the result follow the image's edges (kontur.graph.dense_crf); needs all probabilities in memory.

    Where several views are averaged, tiles are blended in probability; otherwise in logits.
    Images smaller than the network takes are mirrored at their right and lower border, and the result is cut.

    Raises what NetworkFile raises; OptionError for options that do not fit; InputError for an image whose bands do not.
    """

    def __init__(
        self,
        network: NetworkFile | str | Path,
        *,
        flips: Flips = False,
        scales: Scales = "1",
        tile: Tile = None,
        overlap: Overlap = None,
        crf: Annotated[bool, Option("let borders follow the image by a dense CRF")] = False,
        device: Device = "auto",
        threads: Threads = 0,
    ) -> None:
        self.network = (
            network if isinstance(network, NetworkFile) else open_network(network, device=device, threads=threads)
        )
        self.flips, self.scales, self.crf = flips, scales_of(scales), crf
        if not self.scales or not all(0.1 <= s <= 4 for s in self.scales):
            raise OptionError(f"option scales: expected one or more numbers in 0.1..4, got {scales}")
        fixed = self.metadata.fixed
        if fixed is not None and self.scales != (1.0,):
            raise OptionError(
                f"option scales: expected 1 only, as {self.metadata.name} takes images of {fixed[0]}x{fixed[1]} alone"
            )
        if tile is not None and not LEAST_TILE <= tile <= MOST_TILE:
            raise OptionError(f"option tile: expected {LEAST_TILE}..{MOST_TILE} pixels, got {tile}")
        self.tile = fixed or ((tile, tile) if tile is not None else None)
        self.tile_size = self.tile or (TILE, TILE)
        least = min(self.tile_size)
        self.overlap = min(least // 8, OVERLAP) if overlap is None else overlap
        if not 0 <= self.overlap <= least // 2:
            raise OptionError(f"option overlap: expected 0..{least // 2} pixels (half a tile), got {overlap}")

    def __call__(self, image: Image | NDArray) -> Segmentation:
        """One segment a category that occurs: id k + 1 is the k-th of the taxonomy. No pixel is void.

        Raises InputError for a network of another task.
        """
        return self._segmented(as_image(image), None)

    def run(self, image: Image, prompts: Prompts | None = None, want: Want = NOTHING_MORE) -> Outcome:
        if "probabilities" not in want:
            return Outcome(self(image))
        result, probabilities = self.with_probabilities(image)
        return Outcome(result, probabilities=probabilities)

    def each(self, images: Iterable[str | Path], *, ahead: int = 2) -> Iterator[tuple[Path, Segmentation]]:
        """(path, result) of image files, in their order; while one is in the network the next `ahead` are read.

        Raises, at its turn, what `kontur.read_image` raises of a file.
        """
        paths = [Path(path) for path in images]
        with ThreadPoolExecutor(max(1, min(ahead, len(paths))), thread_name_prefix="read") as pool:
            coming: deque[Future[Image]] = deque(pool.submit(read_image, path) for path in paths[:ahead])
            for number, path in enumerate(paths):
                if not coming:  # ahead=0
                    coming.append(pool.submit(read_image, path))
                image = coming.popleft().result()
                if number + ahead < len(paths) and ahead:
                    coming.append(pool.submit(read_image, paths[number + ahead]))
                yield path, self(image)

    def with_probabilities(self, image: Image | NDArray) -> tuple[Segmentation, NDArray[np.float32]]:
        """The result of `predictor(image)` and of `predictor.probabilities(image)`, for the time of one."""
        image = as_image(image)
        probabilities = self.probabilities(image)
        return self._segmented(image, probabilities), probabilities

    def probabilities(self, image: Image | NDArray) -> NDArray[np.float32]:
        """(K, H, W), in the order of the taxonomy, 1 in sum at each pixel; of boundaries calibrated, (1, H, W)."""
        image = as_image(image)
        scores = self.scores(self.plan(image.shape), self._reader(image))
        result = gathered(
            (len(self.metadata.taxonomy), *image.shape), ((y, x, self.probable(part)) for y, x, part in scores)
        )
        if self.crf:
            from ..graph.dense_crf import refine_probabilities

            return refine_probabilities(result, image)
        return result

    def maps(self, image: Image | NDArray) -> NDArray[np.float32]:
        """(K, H, W): the `scores`, as the network gives them, of the whole image."""
        image = as_image(image)
        scores = self.scores(self.plan(image.shape), self._reader(image))
        return gathered((self.metadata.outputs, *image.shape), scores)

    # --- the parts, which work on rectangles that need not lie in memory together ----------------------------------

    @property
    def gives_probabilities(self) -> bool:
        """Whether `scores` are probabilities; otherwise logits."""
        return self.flips or self.scales != (1.0,)

    def plan(self, shape: tuple[int, int]) -> Plan:
        """The tiles of an image of (H, W) pixels; a single one where it goes through in one piece."""
        if self.tile is None and shape[0] * shape[1] <= WHOLE:
            return Plan.of(shape, shape, 0)
        multiple = self.metadata.multiple
        # A network of one size has its last tiles end with the image, wherever that puts their start.
        grids = (1,) if self.metadata.fixed else (math.lcm(ALIGNED, multiple), multiple)
        return Plan.of(shape, self.tile_size, self.overlap, grids)

    def scores(self, plan: Plan, read: Read) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Finished rectangles (y, x, scores (K, h, w)), row by row."""
        scores = (self.tile_scores(read(row, column)) for row, column in plan)
        return blended(plan, ahead(scores) if len(plan) > 1 else scores)

    def tile_scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(C, h, w), normalised -> (K, h, w), by all views."""
        if self.gives_probabilities:
            return ensemble(self._padded_run, self.activation, image, self.scales, self.flips)
        return self._padded_run(image)

    def probable(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of `scores`, which may be overwritten."""
        return scores if self.gives_probabilities else self.activation(scores)

    def activation(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of logits (K, h, w), which may be overwritten."""
        return softmax(logits) if self.metadata.task == "semantic" else sigmoid(logits, self.metadata.calibration)

    def categories(self, scores: NDArray[np.float32]) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(K, h, w) -> 1 + the position of the highest, (h, w); the first of equal ones. Raises InputError for NaN."""
        where = np.ones(scores.shape[1:], np.uint8 if len(scores) < 256 else np.uint16)
        highest = np.empty((_ROWS, scores.shape[2]), np.float32)
        higher = np.empty(highest.shape, bool)
        # Plane by plane, in blocks that stay in the cache: several times as quick as argmax along the first axis.
        for top in range(0, scores.shape[1], _ROWS):
            block = scores[:, top : top + _ROWS]
            best, is_higher, found = highest[: block.shape[1]], higher[: block.shape[1]], where[top : top + _ROWS]
            best[...] = block[0]
            for position, plane in enumerate(block[1:], 2):
                np.greater(plane, best, out=is_higher)
                np.copyto(found, found.dtype.type(position), where=is_higher)
                np.maximum(best, plane, out=best)
            self.refuse_nan(best)
        return where

    def refuse_nan(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores themselves. Raises InputError."""
        if np.isnan(scores).any():
            raise InputError(
                f"{self.network.path}: the network gave NaN for this image. Train it again, or export it as float32"
            )
        return scores

    def _padded_run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        meta = self.metadata
        height, width = image.shape[1:]
        wanted = meta.fixed or tuple(
            -(-max(n, least) // meta.multiple) * meta.multiple
            for n, least in zip((height, width), meta.least, strict=True)
        )
        if (height, width) != wanted:
            image = np.pad(image, ((0, 0), (0, wanted[0] - height), (0, wanted[1] - width)), mode="symmetric")
        return self.network.logits(image)[:, :height, :width]

    # --- one image in memory ----------------------------------------------------------------------------------------

    def channels(self, image: Image) -> Channels:
        return Channels.of(image.bands, image.limits, self.metadata)

    def _reader(self, image: Image) -> Read:
        channels = self.channels(image)
        return lambda row, column: channels.apply(image.pixels[row.start : row.stop, column.start : column.stop])

    def _segmented(self, image: Image, probabilities: NDArray[np.float32] | None) -> Segmentation:
        if self.metadata.task != "semantic":
            raise InputError(
                f"{self.network.path}: expected a semantic network, got one of task {self.metadata.task}. "
                "Use kontur.segment(image, FILE), which makes regions or objects of what it gives"
            )
        started = time.perf_counter()
        if probabilities is None and self.crf:
            probabilities = self.probabilities(image)
        plan = self.plan(image.shape)
        if probabilities is not None:
            ids = self.categories(probabilities).astype(np.int32)
        else:
            scores = self.scores(plan, self._reader(image))
            ids = gathered(image.shape, ((y, x, self.categories(part)) for y, x, part in scores), np.int32)
        taxonomy = self.metadata.taxonomy
        result = Segmentation.from_ids(
            ids, categories={k: category.id for k, category in enumerate(taxonomy, 1)}, taxonomy=taxonomy
        )
        provenance = Provenance(
            self.metadata.name,
            self.options,
            seconds=time.perf_counter() - started,
            notes=self.notes(plan, self.channels(image).note),
        )
        return Segmentation(result.ids, result.segments, taxonomy, provenance)

    @property
    def options(self) -> dict[str, object]:
        return {
            "flips": self.flips,
            "scales": list(self.scales),
            "tile": None if self.tile is None else list(self.tile),
            "overlap": self.overlap,
            "crf": self.crf,
        }

    def notes(self, plan: Plan, bands: str) -> tuple[str, ...]:
        """What is to be known of a result beside its options."""
        network = f"network {self.metadata.network or self.metadata.name} in {self.network.path.name}, on {self.network.device}"
        tiles = f"{len(plan)} tiles, {plan.overlaps[0]} and {plan.overlaps[1]} pixels overlap" if len(plan) > 1 else ""
        return tuple(filter(None, (network, tiles, bands, self.metadata.notice)))


# --- which bands go in ------------------------------------------------------------------------------------------------


def picked_bands(bands: tuple[str, ...], channels: int, any_number: bool = False) -> tuple[int, ...] | None:
    """Which bands of an image go into a network (three for the luma of one channel); None where they do not fit.

    any_number: the rule of `contours`.

    The rule, where an image has other bands than the network has channels:

        network   image        goes in
        C         C bands      as they are
        3         1 band       three times
        3         4 bands      red, green and blue by name, else the first three (alpha of a file is laid on white at reading)
        1         3, 4 bands   luma of red, green and blue

    Everything else is an InputError; but for `contours`, which is for any photo and takes of other numbers of bands what
    `Image.rgb` shows (red, green and blue by name, else the first three; of two bands the first, and twice the second).

    Values become [0, 1] as `Image` says (8 bits: divided by 255; 16 bits: stretched from the
    image's own minimum..maximum), then (value - mean) / std.
    """
    if len(bands) == channels:
        return tuple(range(channels))
    if channels == 3 and len(bands) == 1:
        return (0, 0, 0)
    if any_number and channels in (1, 3) and len(bands) == 2:
        return (0, 1, 1)
    if channels in (1, 3) and (len(bands) in (3, 4) or any_number):
        named = {"red", "green", "blue"} <= set(bands)
        return tuple(bands.index(n) for n in ("red", "green", "blue")) if named else (0, 1, 2)
    return None


@dataclass(frozen=True)
class Channels:
    """How pixels of one image go into one network. low, high: the values that become 0 and 1."""

    picked: tuple[int, ...]
    as_luma: bool
    low: float
    high: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    note: str = ""

    @classmethod
    def of(
        cls, bands: tuple[str, ...], limits: tuple[float, float], metadata: Metadata, any_number: bool = False
    ) -> Channels:
        """bands: the image's. limits: its values that become 0 and 1. any_number: as in `picked_bands`.

        Raises InputError when bands and channels do not fit.
        """
        have, want = len(bands), metadata.channels
        picked = picked_bands(bands, want, any_number)
        if picked is None:
            raise InputError(
                f"{metadata.name}: expected an image of {want} band{'s' if want > 1 else ''}, got {have} "
                f"({', '.join(bands[:8])}{', ..' if have > 8 else ''}). Choose the bands it was trained on"
            )
        seen = ", ".join(bands[i] for i in dict.fromkeys(picked))
        note = f"the network sees bands {seen} of {have}" if have not in (1, 3) else ""
        return cls(picked, want == 1 and have > 1, *limits, metadata.mean, metadata.std, note)

    def apply(self, pixels: NDArray) -> NDArray[np.float32]:
        """(h, w) or (h, w, c) of the image -> (C, h, w) float32, normalised."""
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        height, width = planes.shape[:2]
        out = np.empty((1 if self.as_luma else len(self.picked), height, width), np.float32)
        if self.as_luma:
            unit = sum(self._unit(planes[..., i]) * np.float32(w) for i, w in zip(self.picked, LUMA, strict=True))
            out[0] = (unit - np.float32(self.mean[0])) / np.float32(self.std[0])
            return out
        table = self._unit(np.arange(256, dtype=np.uint8)) if pixels.dtype == np.uint8 else None
        for plane, i, mean, std in zip(out, self.picked, self.mean, self.std, strict=True):
            if table is not None:  # four times as quick as computing each value
                np.take((table - np.float32(mean)) / np.float32(std), planes[..., i], out=plane, mode="clip")
            else:
                plane[...] = self._unit(planes[..., i])
                plane -= np.float32(mean)
                plane /= np.float32(std)
        return out

    def _unit(self, plane: NDArray) -> NDArray[np.float32]:
        span = np.float32(self.high - self.low) if self.high > self.low else np.float32(1)
        return (plane.astype(np.float32) - np.float32(self.low)) / span
