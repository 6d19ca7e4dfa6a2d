"""An `Image` as a file that `read_image` gives back unchanged: PNG where PNG can hold it, else TIFF."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..core.files import atomic_write
from ..core.image import Image


def image_file_suffix(image: Image) -> str:
    """ ".png" for 8 bits of one or three bands and 16 bits of one; ".tif" for anything else (Pillow writes no more)."""
    kept = (image.pixels.dtype == np.uint8 and image.channels in (1, 3)) or (
        image.pixels.dtype == np.uint16 and image.channels == 1
    )
    return ".png" if kept else ".tif"


def write_image(path: str | Path, image: Image) -> None:
    """Write pixels as they are, whole or not at all; the form is `image_file_suffix`'s. Raises OutputError.

    Names of bands and the place on the ground are not kept.
    """
    file = io.BytesIO()
    if image_file_suffix(image) == ".png":
        from PIL import Image as Pillow

        Pillow.fromarray(image.pixels).save(file, format="PNG", compress_level=4)
    else:
        from tifffile import imwrite

        colour = image.channels == 3
        imwrite(
            file,
            image.pixels,
            photometric="rgb" if colour else "minisblack",
            planarconfig="contig" if image.channels > 1 else None,
            compression=None,
            metadata=None,
        )
    atomic_write(Path(path), file.getvalue())
