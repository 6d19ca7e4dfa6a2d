"""Text, JSON and YAML files, read in one way: UTF-8 with or without its mark (BOM), every other encoding named."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnreadableFile
from ..core.files import write_json as write_json

_MOST_BYTES = 4 << 30


def read_text(path: str | Path, what: str = "a text file") -> str:
    """The text of a file. what: what an error says was expected.

    Raises UnreadableFile for a file that is missing or cannot be read, and for other encodings than UTF-8, by name.
    """
    path = Path(path)
    raw = _bytes(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path}: expected {what} in UTF-8, got {_encoding(raw)}. Save it as UTF-8.") from None


def read_lines(path: str | Path, what: str = "a text file") -> list[str]:
    """The lines of a file that hold more than spaces, stripped. Raises as `read_text`."""
    return [line.strip() for line in read_text(path, what).splitlines() if line.strip()]


def read_json(path: str | Path) -> Any:
    """Read a JSON file; NaN, Infinity and numbers too large for a float are read as such, and are the caller's to refuse.

    Raises UnreadableFile when it is missing, no JSON, or of another encoding than UTF-8.
    """
    from pydantic_core import from_json  # in half the time of `json`, and half-written characters are an error

    path = Path(path)
    raw = _bytes(path)
    try:
        with collector_paused():
            return from_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        reason = " ".join(str(error).split())[:120]
        other = "" if _is_utf8(raw) else f"{_encoding(raw)}. Save it as UTF-8. "
        raise UnreadableFile(
            f"{path}: expected JSON, got {other or 'something else, which cannot be parsed '}({reason})"
        ) from None


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file; all its values are text, so that a class may be called no, on or 1.10.

    Raises UnreadableFile when it is missing, no YAML, or not in UTF-8.
    """
    import yaml

    text = read_text(path, "YAML")
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # which makes no objects
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UnreadableFile(f"{path}: expected YAML, got something else ({reason})") from None


_pausing = threading.Lock()
_paused = 0
_was_on = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without Python's search for circles of objects, which takes two thirds of the time of reading a large JSON file.

    Any number of threads may pause it; what was set before holds again when the last of them is done.
    """
    global _paused, _was_on
    with _pausing:
        if not _paused:
            _was_on = gc.isenabled()
            gc.disable()
        _paused += 1
    try:
        yield
    finally:
        with _pausing:
            _paused -= 1
            if not _paused and _was_on:
                gc.enable()


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: expected at most {_MOST_BYTES >> 30} GiB of text. Split the file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw[:4]  # "{" in UTF-16 or UTF-32 without a mark


def _encoding(raw: bytes) -> str:
    """What bytes that are not UTF-8 seem to be, in words."""
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or 4 * raw[:4096].count(0) > len(raw[:4096]):
        return "UTF-16"
    if b"\0" in raw[:4096]:
        return "binary data"
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "binary data"
    return "what seems to be Windows' cp1252 (Latin-1)"
