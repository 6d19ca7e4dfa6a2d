"""The cut-out: the image with everything but its objects transparent, as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError
from ..core.files import atomic_write
from ..core.image import Image
from ..core.instances import Instances
from .regions import Result


def write_cutout(path: str | Path, result: Result, image: Image) -> None:
    """Write an 8-bit RGBA PNG of the image's size; `cut_mask` says what is kept. Raises OutputError."""
    from PIL import Image as Pillow

    if image.shape != result.shape:
        raise InputError(f"{path}: expected an image of the result's size {result.shape}, got {image.shape} (H, W)")
    pixels = np.dstack([_eight_bit(image), np.where(cut_mask(result), 255, 0).astype(np.uint8)])
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, format="PNG")
    atomic_write(Path(path), buffer.getvalue())


def cut_mask(result: Result) -> NDArray[np.bool_]:
    """What a cut-out keeps, (H, W) bool.

    All objects of a foreground result and all instances; of a result with categories its things, if it has any; of
    every other result its largest segment.
    """
    if isinstance(result, Instances):
        empty = np.zeros(result.shape, bool)
        return rle.decode(rle.merge([i.mask for i in result.instances])) if len(result) else empty
    if result.foreground is not None:
        return result.foreground
    things = {c.id for c in result.taxonomy.things} if result.taxonomy is not None else set()
    kept = [s.id for s in result.segments if s.category in things]
    if not kept and result.segments:
        kept = [max(result.segments, key=lambda s: s.area).id]
    return np.isin(result.ids, kept)


def _eight_bit(image: Image) -> NDArray[np.uint8]:
    """(H, W, 3); 8-bit values stay as they are."""
    return np.rint(image.rgb() * np.float32(255)).astype(np.uint8)
