"""Messages between the server and its workers, over the worker's stdin and stdout: plain values only, nothing that runs when read.

    8 bytes: length of the head · the head, JSON · the byte strings it names, one after the other

A worker decodes what strangers have sent. If one of its decoders were taken over, all it could send to the server is such values.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import IO, Any

MOST_HEAD = 64 << 20
"""Bytes of a head that are read; a longer one ends the process that sent it."""


@dataclass(frozen=True)
class Upload:
    """An image on its way to a worker. data: the file as it came. session: whose image it is, if it is to be kept decoded."""

    data: bytes
    name: str
    max_pixels: int
    session: str | None = None


def send(stream: IO[bytes], message: Any) -> None:
    """Raises TypeError for what is no dict, list, tuple, string, number, byte string, Upload or None."""
    parts: list[bytes] = []
    content = _plain(message, parts)
    head = json.dumps([content, [len(part) for part in parts]], separators=(",", ":")).encode()
    stream.write(struct.pack("<Q", len(head)))
    stream.write(head)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next message. Raises EOFError when the other side is gone, or does not speak this language."""
    (length,) = struct.unpack("<Q", _exactly(stream, 8))
    if length > MOST_HEAD:
        raise EOFError
    try:
        content, lengths = json.loads(_exactly(stream, length))
        return _back(content, [_exactly(stream, int(size)) for size in lengths])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise EOFError from None


def _plain(value: Any, parts: list[bytes]) -> Any:
    """As JSON has it. Byte strings go to `parts`; what JSON does not have is an object with one key that begins with a dollar."""
    if isinstance(value, bytes | bytearray | memoryview):
        parts.append(bytes(value))
        return {"$bytes": len(parts) - 1}
    if isinstance(value, Upload):
        return {"$upload": _plain(asdict(value), parts)}
    if isinstance(value, tuple):
        return {"$tuple": [_plain(each, parts) for each in value]}
    if isinstance(value, list):
        return [_plain(each, parts) for each in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in _READ:  # a stranger's options may look like one of ours
            return {"$dict": [[key, _plain(each, parts)] for key, each in value.items()]}
        return {str(key): _plain(each, parts) for key, each in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is nothing that a message holds")


def _back(value: Any, parts: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_back(each, parts) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), *_ = value.items()
        if key in _READ:
            return _READ[key](inner, parts)
    return {key: _back(each, parts) for key, each in value.items()}


_READ = {
    "$bytes": lambda inner, parts: parts[inner],
    "$upload": lambda inner, parts: Upload(**_back(inner, parts)),
    "$tuple": lambda inner, parts: tuple(_back(each, parts) for each in inner),
    "$dict": lambda inner, parts: {key: _back(each, parts) for key, each in inner},
}


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if data is None or len(data) < count:
        raise EOFError
    return data
