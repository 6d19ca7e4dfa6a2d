"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from .errors import OutputError


def atomic_write(path: Path, data: bytes) -> None:
    """Write beside the target, flush to the disk, then rename over it; on any failure the target is as it was.

    The folder is made if it is missing. Raises OutputError in one line (disk full, no permission, a folder in the way).
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


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


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
