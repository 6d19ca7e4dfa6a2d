"""Pictures for people: an RGB array as a PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.files import atomic_write


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) or (H, W) uint8 as a PNG, whole or not at all. Raises OutputError."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(picture).save(buffer, format="PNG", compress_level=4)
    atomic_write(Path(path), buffer.getvalue())
