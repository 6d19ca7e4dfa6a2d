"""Writing files so that a reader never sees half of one, and reading back those of `save`."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import KonturError, OutputError, UnreadableFile


def atomic_write(path: Path, data: bytes) -> None:
    """Write beside the target, flush to the disk, then rename over it; on any failure the target is as it was.

    The folder is made if it is missing. Raises OutputError in one line (disk full, no permission, a folder in the way).
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | Path, content: object, *, indent: int | None = None) -> None:
    """Write JSON as the standard has it (no NaN), whole or not at all. Raises OutputError."""
    try:
        text = json.dumps(content, allow_nan=False, indent=indent, ensure_ascii=False)
    except ValueError:
        raise OutputError(
            f"{path}: cannot be written: a number in it is NaN or infinite, which JSON cannot hold"
        ) from None
    atomic_write(Path(path), (text + "\n").encode())


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """An empty file beside the target, to be written in the block; after it, flushed to the disk and renamed over the target.

    When the block raises, the target is as it was and the other file is gone. An OSError becomes an OutputError, as in
    `atomic_write`.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new_file(path)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
    except KonturError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def reading_saved(path: str | Path, writer: str) -> Iterator[None]:
    """A block that reads an .npz file: whatever it raises where the file is missing, damaged or another's becomes UnreadableFile."""
    import zipfile
    import zlib

    try:
        yield
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file") from None
    except (
        OSError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UnreadableFile(f"{path}: expected a file written by {writer}, got: {reason}") from None


def _reason(error: OSError) -> str:
    advice = {
        errno.ENOSPC: "the disk is full. Free some space or choose another folder with -o",
        errno.EACCES: "no permission. Choose another folder with -o",
        errno.EROFS: "the file system is read-only. Choose another folder with -o",
        errno.EEXIST: "a file stands where the folder should be. Choose another folder with -o",
        errno.ENOTDIR: "a file stands where the folder should be. Choose another folder with -o",
        errno.ENAMETOOLONG: "the name is too long. Rename the input",
    }
    return advice.get(error.errno or 0, error.strerror or str(error))


def _new_file(path: Path) -> Path:
    """An empty hidden file of its own beside the path, with the permissions that the process gives to new files.

    The system applies the umask. Asking for it means setting it, for all threads, so it is never asked for.
    """
    while True:
        candidate = path.parent / f".{path.name[:40]}.{os.urandom(6).hex()}.tmp"
        try:
            os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return candidate
        except FileExistsError:
            continue
