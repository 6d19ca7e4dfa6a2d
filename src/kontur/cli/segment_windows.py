"""`kontur segment` of a TIFF too large to be one array: by a network, read and written by windows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import InputError, OptionError, OutputError
from ..core.image import Image
from ..inference import windows
from ..io.documents import write_json
from ..io.tiff_windows import TiffWindows, tiff_size
from . import screen

if TYPE_CHECKING:
    from .segment import Done, Job

WRITES = ("labels", "overlay", "json")


def streamed_size(path: Path, job: Job) -> tuple[int, int] | None:
    """(H, W) of a TIFF that is to be read by windows; None of one to be read whole.

    By windows goes what has more than `windows.STREAMED` pixels, unless it cannot be, or something is asked for that
    needs it whole, and --max-pixels allows to read it so.
    """
    size = tiff_size(path)
    if size is None or size[0] * size[1] <= windows.STREAMED:
        return None
    try:
        _refuse_what_needs_it_whole(path, size, job)
        TiffWindows(path).close()
    except (InputError, OptionError):
        if size[0] * size[1] <= job.max_pixels:
            return None
        raise
    return size


def _refuse_what_needs_it_whole(path: Path, size: tuple[int, int], job: Job) -> None:
    megapixels = f"an image of {size[0] * size[1] / 1e6:.0f} megapixels, which is read by windows"
    for name in job.writes:
        if name not in WRITES:
            raise OptionError(f"{path}: option --write: expected of {','.join(WRITES)} for {megapixels}, got {name}")
    if job.refinements.any:
        raise OptionError(f"{path}: expected no --fill-holes, --smooth, --min-area or --keep-largest for {megapixels}")
    if job.options.get("crf"):
        raise OptionError(f"{path}: option crf: expected false for {megapixels}")


def segment_streamed(
    path: Path,
    base: Path,
    size: tuple[int, int],
    job: Job,
    earlier: set[Path],
    turn: threading.Semaphore,
    stop: threading.Event,
) -> Done:
    """One image, file to file. Its overlay is a small picture of the whole."""
    from .segment import Done, all_or_none

    assert job.network is not None
    predictor = job.network.predictor(job.options)
    written: list[Path] = []

    def beside(ending: str) -> Path:
        written.append(base.with_name(base.name + ending))
        return written[-1]

    labels = beside(".labels.tif") if "labels" in job.writes else None
    categories = beside(".categories.tif") if "labels" in job.writes else None
    tiles = len(predictor.plan(size)) if job.alone else 1  # of several images the bar counts the images
    with all_or_none(written, earlier), turn, screen.progress(path.name, tiles) as advance:

        def step() -> None:
            if stop.is_set():  # Ctrl-C: do not go on for minutes
                raise OutputError(f"{path}: stopped")
            advance()

        result = windows.segment_windows(predictor, path, labels, categories, advance=step)
        if "overlay" in job.writes:
            from ..draw.overlay import overlay
            from ..io.pictures import write_picture

            write_picture(beside(".overlay.png"), overlay(Image(result.preview), result.small()))
        if "json" in job.writes:
            content = result.to_dict()
            write_json(beside(".json"), {"schema": content["schema"], "file_name": path.name, **content}, indent=1)
    height, width = result.shape
    note = f"by windows; the network took {result.tile_seconds:.1f} of {result.seconds:.1f} seconds"
    return Done(path, f"{width}x{height}", len(result), None, result.seconds, {}, None, note)
