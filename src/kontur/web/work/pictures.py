"""Uploads become images: written to the worker's folder, read by `kontur.io.photos` (which checks the size on the header), deleted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.image import Image
from .. import strokes
from ..channel import Upload
from ..limits import Problem
from .packing import png

Tell = Callable[[str], None]
"""Told the phase: reading, working, packing."""
_KEPT_IMAGES, _KEPT_PIXELS = 4, 8_000_000
"""Sessions whose images stay decoded in a worker, for the next stroke, and the sum of their pixels; the last one stays.

With pixels, superpixels and the reduced size a canvas has 7 MB a megapixel (8 bits) to 28 (float32, RGB): at most 224 MB, or 330 MB
of a single one of 25 megapixels. After exact answers its graphs and distances come to about 203 MB a megapixel of the cut, which has at most 3, and
only the last canvas keeps them: 0.85 GB at most are held beside the next work, of the 2,048 MB that a process may hold.
"""
_canvases: OrderedDict[str, strokes.Canvas] = OrderedDict()


def read_upload(folder: Path, upload: Upload) -> Image:
    """The image of an upload. Raises Problem 415 for what is none, TooLarge on its header, InputError for a damaged one."""
    from ...io import photos

    path = folder / "image"
    path.write_bytes(upload.data)
    try:
        with path.open("rb") as file:
            try:
                photos.kind_of(file, path)
            except InputError as error:
                raise Problem(415, str(error).replace(str(path), "image")) from None
        image = photos.read_image(path, max_pixels=upload.max_pixels)
    finally:
        path.unlink(missing_ok=True)
    return replace(image, path=Path(upload.name))


def canvas_of(folder: Path, upload: Upload) -> strokes.Canvas:
    """The image and what strokes need; of a session the one that this process has already, where it has it."""
    for name, other in _canvases.items():
        if name != upload.session:
            other.fast_state = other.exact_state = None
    if upload.session is None:
        return strokes.Canvas(read_upload(folder, upload))
    canvas = _canvases.pop(upload.session, None) or strokes.Canvas(read_upload(folder, upload))
    _canvases[upload.session] = canvas
    while len(_canvases) > _KEPT_IMAGES or (
        len(_canvases) > 1 and sum(c.image.width * c.image.height for c in _canvases.values()) > _KEPT_PIXELS
    ):
        _canvases.popitem(last=False)
    return canvas


def forget(folder: Path, tell: Tell, session: str) -> None:
    """Let a session's image go."""
    _canvases.pop(session, None)


def opened(folder: Path, tell: Tell, image: Upload) -> dict[str, Any]:
    """Read a session's image and prepare what strokes need."""
    tell("reading")
    canvas = canvas_of(folder, image)
    canvas.prepare()
    read = canvas.image
    return {"width": read.width, "height": read.height, "bands": read.channels, "notes": list(read.notes)}


def shown(folder: Path, tell: Tell, image: Upload) -> bytes:
    """The image as the methods see it, 8-bit RGB, as PNG."""
    read = canvas_of(folder, image).image
    if read.pixels.dtype == np.uint8 and read.channels in (1, 3):
        return png(read.pixels)
    return png(np.rint(read.rgb() * np.float32(255)).astype(np.uint8))
