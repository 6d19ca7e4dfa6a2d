"""ONNX files without a library of theirs: Protocol Buffers, of which a few numbered fields are wanted.

Field numbers: onnx/onnx.proto (ONNX 1.x); the wire format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import UnreadableFile

_GRAPH, _METADATA, _OUTPUT = 7, 14, 12


def read_header(path: str | Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """(metadata, names of the outputs) of a network's file, whose weights are passed over. Raises UnreadableFile."""
    texts: dict[str, str] = {}
    outputs: tuple[str, ...] = ()
    try:
        with Path(path).open("rb") as file:
            # Not closed by hand: the map goes with the last view of it.
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for field, value in fields(data):
            if field == _METADATA:
                pair = {f: str(v, "utf-8") for f, v in fields(value)}
                texts[pair.get(1, "")] = pair.get(2, "")
            elif field == _GRAPH:
                outputs = tuple(_named(v) for f, v in fields(value) if f == _OUTPUT)
    except (OSError, IndexError, ValueError, TypeError) as error:
        raise UnreadableFile(f"{path}: expected an ONNX file, got {error or type(error).__name__}") from None
    return texts, outputs


def _named(value: memoryview) -> str:
    return next((str(v, "utf-8") for f, v in fields(value) if f == 1), "")


def fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a message: an int, or the bytes of a string, of a message or of packed numbers."""
    position = 0
    while position < len(message):
        key, position = number(message, position)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, position = number(message, position)
            yield field, value
        elif wire == 2:
            length, position = number(message, position)
            if position + length > len(message):
                raise ValueError("a file that ends early")
            yield field, message[position : position + length]
            position += length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError("a file of another form")


def number(message: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number at `position`, and where it ends."""
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
        if shift > 63:
            raise ValueError("a file of another form")
