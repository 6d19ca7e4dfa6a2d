"""Messages between the server and its workers: 8 bytes of length, then a pickle, over the worker's stdin and stdout.

Only the server and the processes it has started itself speak here.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True)
class Upload:
    """An image on its way to a worker. data: the file as it came. session: whose image it is, if it is to be kept decoded."""

    data: bytes
    name: str
    max_pixels: int
    session: str | None = None


def send(stream: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next message. Raises EOFError when the other side is gone."""
    (length,) = struct.unpack("<Q", _exactly(stream, 8))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if data is None or len(data) < count:
        raise EOFError
    return data
