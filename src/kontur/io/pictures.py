"""Pictures for people: an RGB array as a PNG."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.files import atomic_write


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) or (H, W) uint8 as a PNG, whole or not at all. Raises OutputError."""
    atomic_write(Path(path), png_bytes(picture))


def png_bytes(picture: NDArray[np.uint8] | NDArray[np.uint16], *, effort: int = 4) -> bytes:
    """The PNG of (H, W, 3) uint8 or (H, W) uint8 or uint16. effort: 0 quick and large .. 9 slow and small."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", compress_level=effort)
    return buffer.getvalue()
