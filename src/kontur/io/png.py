"""PNG: pictures written; a walk over the chunks that finds cut-off files, a reader of 16-bit colour, which Pillow cuts to 8 bits.

Source: ISO/IEC 15948 (the PNG specification, W3C), clauses 5 (chunks), 8 (interlacing), 9 (filtering), 10
(compression).
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UnreadableFile
from ..core.files import atomic_write

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
# First column, first row, column step, row step of the seven passes of an interlaced file.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True)
class Header:
    """width, height in pixels; depth: bits a sample; colour: a type above; frames: more than 1 in an animated file."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    frames: int
    data: tuple[tuple[int, int], ...]  # offset and length of each IDAT chunk's content


def write_picture(path: str | Path, picture: NDArray[np.uint8]) -> None:
    """Write (H, W, 3) or (H, W) uint8 as a PNG, whole or not at all. Raises OutputError."""
    atomic_write(Path(path), png_bytes(picture))


def png_bytes(picture: NDArray[np.uint8] | NDArray[np.uint16], *, effort: int = 4) -> bytes:
    """The PNG of (H, W, 3) uint8 or (H, W) uint8 or uint16. effort: 0 quick and large .. 9 slow and small."""
    from PIL import Image as Pillow
    from PIL import PngImagePlugin  # noqa: F401  # or Pillow imports all its usual forms to find this one

    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", compress_level=effort)
    return buffer.getvalue()


def read_header(file: BinaryIO, path: Path) -> Header:
    """Walk over all chunks without decoding. Raises UnreadableFile when the file ends before its last chunk (IEND)."""
    size = file.seek(0, 2)
    file.seek(len(SIGNATURE))
    width = height = depth = colour = interlace = -1
    frames, data = 1, []
    while True:
        start = file.read(8)
        if len(start) < 8:
            raise UnreadableFile(f"{path}: expected a whole PNG, got one cut off after {size} bytes. Copy it again.")
        length, kind = struct.unpack(">I4s", start)
        where = file.tell()
        if where + length + 4 > size:
            raise UnreadableFile(f"{path}: expected a whole PNG, got one cut off after {size} bytes. Copy it again.")
        if kind == b"IHDR" and length == 13:
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", file.read(13))
        elif kind == b"acTL" and length >= 4:
            frames = struct.unpack(">I", file.read(4))[0]
        elif kind == b"IDAT":
            data.append((where, length))
        elif kind == b"IEND":
            break
        file.seek(where + length + 4)
    if width < 1 or height < 1 or colour not in _SAMPLES or not data:
        raise UnreadableFile(f"{path}: expected a PNG with a header and pixels, got a damaged one. Save it again.")
    return Header(width, height, depth, colour, interlace == 1, frames, tuple(data))


def read_16_bit(file: BinaryIO, header: Header, path: Path) -> NDArray[np.uint16]:
    """The samples of a 16-bit file as they are, (H, W, samples) uint16. Raises UnreadableFile for damaged data."""
    from ..kernels.png import unfilter

    samples = _SAMPLES[header.colour]
    passes = _PASSES if header.interlaced else ((0, 0, 1, 1),)
    shapes = [
        (-(-(header.height - row) // down), -(-(header.width - column) // right)) for column, row, right, down in passes
    ]
    shapes = [(h, w) if h > 0 and w > 0 else (0, 0) for h, w in shapes]
    expected = sum(h * (1 + 2 * samples * w) for h, w in shapes)
    compressed = bytearray()
    for where, length in header.data:
        file.seek(where)
        compressed += file.read(length)
    try:
        raw = bytearray(zlib.decompressobj().decompress(compressed, expected))  # never more than the header promised
    except zlib.error as error:
        raise UnreadableFile(f"{path}: expected whole PNG data, got damaged data ({error}). Copy it again.") from None
    if len(raw) < expected:
        raise UnreadableFile(f"{path}: expected {expected} bytes of pixels, got {len(raw)}. The file was cut off.")
    pixels = np.empty((header.height, header.width, samples), np.uint16)
    offset = 0
    for (column, row, right, down), (height, width) in zip(passes, shapes, strict=True):
        if not height:
            continue
        stride = 1 + 2 * samples * width
        rows = np.frombuffer(raw, np.uint8, height * stride, offset).reshape(height, stride)
        offset += height * stride
        if not unfilter(rows, 2 * samples):
            raise UnreadableFile(f"{path}: expected PNG row filters 0 to 4, got another. The file is damaged.")
        values = np.ascontiguousarray(rows[:, 1:]).view(">u2").reshape(height, width, samples)
        pixels[row::down, column::right] = values
    return pixels
