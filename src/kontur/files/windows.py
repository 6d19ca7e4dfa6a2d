"""A TIFF too large to be one array, in a run: by a network, read and written by windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import InputError, OptionError
from ..core.image import Image
from ..inference import windows
from ..io.documents import write_json
from ..io.tiff_windows import TiffWindows, tiff_size
from .exports import WHOLE_RUN, Targets


def streamed_size(
    path: Path, max_pixels: int, names: tuple[str, ...], refined: bool, options: dict[str, Any]
) -> tuple[int, int] | None:
    """(H, W) of a TIFF that is to be read by windows; None of one to be read whole.

    By windows goes what has more than `windows.STREAMED` pixels, unless it cannot be, or something is asked for that
    needs it whole, and `max_pixels` allows to read it so.
    """
    size = tiff_size(path)
    if size is None or size[0] * size[1] <= windows.STREAMED:
        return None
    try:
        _refuse_what_needs_it_whole(path, size, names, refined, options)
        TiffWindows(path).close()
    except (InputError, OptionError):
        if size[0] * size[1] <= max_pixels:
            return None
        raise
    return size


def _refuse_what_needs_it_whole(
    path: Path, size: tuple[int, int], names: tuple[str, ...], refined: bool, options: dict[str, Any]
) -> None:
    megapixels = f"an image of {size[0] * size[1] / 1e6:.0f} megapixels, which is read by windows"
    for name in names:
        if name not in WHOLE_RUN:
            raise OptionError(f"{path}: option --write: expected of {','.join(WHOLE_RUN)} for {megapixels}, got {name}")
    if refined:
        raise OptionError(f"{path}: expected no --fill-holes, --smooth, --min-area or --keep-largest for {megapixels}")
    if options.get("crf"):
        raise OptionError(f"{path}: option crf: expected false for {megapixels}")


def segment_streamed(
    path: Path, predictor: Any, targets: Targets, written: list[Path], advance: Callable[[], None]
) -> windows.Streamed:
    """One image, file to file, noting each file. Its overlay is a small picture of the whole. advance: called after each tile."""

    def beside(name: str, ending: str) -> Path:
        written.append(targets.path(name, ending))
        return written[-1]

    labels = beside("labels", ".labels.tif") if "labels" in targets.names else None
    categories = beside("labels", ".categories.tif") if "labels" in targets.names else None
    result = windows.segment_windows(predictor, path, labels, categories, advance=advance)
    if "overlay" in targets.names:
        from ..draw.overlay import overlay
        from ..io.png import write_picture

        write_picture(beside("overlay", ".overlay.png"), overlay(Image(result.preview), result.small()))
    if "json" in targets.names:
        content = result.to_dict()
        write_json(beside("json", ".json"), {"schema": content["schema"], "file_name": path.name, **content}, indent=1)
    return result
