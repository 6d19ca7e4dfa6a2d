"""Many files: which they are, and work on them in threads; in order, a failure an item like a result, all outputs of an image or none."""

from __future__ import annotations

import contextlib
import errno
import shutil
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..core.errors import KonturError, OutputError

T = TypeVar("T")
_FULL = 16_000_000
"""A disk with fewer bytes free, on which a file did not fit, is full for the whole run."""


@dataclass(frozen=True)
class Inputs:
    """images: (path, stem) of each, by input; the stem keeps sub-folders. left_out: what lies in the folders beside them, and why."""

    images: tuple[tuple[Path, Path], ...]
    left_out: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def find(cls, inputs: str | Path | Sequence[str | Path]) -> Inputs:
        """As `kontur.io.photos.find_images`. Raises InputError, and OutputError where two inputs would have one output's name."""
        from ..io.photos import find_images

        left_out: list[tuple[Path, str]] = []
        images = find_images([inputs] if isinstance(inputs, str | Path) else inputs, left_out)
        seen: dict[str, Path] = {}
        for path, stem in images:  # a.jpg and a.png; a and A where case is ignored
            other = seen.setdefault(str(stem).casefold(), path)
            if other != path:
                raise OutputError(
                    f"{other} and {path} would both be written as {stem}.*. Rename one or run them with different -o"
                )
        return cls(tuple(images), tuple(left_out))

    @property
    def told(self) -> str:
        """What was left out, in a line; "" where nothing was."""
        counts: dict[str, list[Path]] = {}
        for path, why in self.left_out:
            counts.setdefault(why, []).append(path)
        parts = [
            f"{len(paths)} {why} ({paths[0].name}{', ..' if len(paths) > 1 else ''})" for why, paths in counts.items()
        ]
        return f"left out: {', '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class Failed:
    """An image that could not be done. error: a sentence that says why. cause: what was raised; None where it was not begun."""

    path: Path
    error: str
    cause: Exception | None = field(default=None, repr=False, compare=False)


def each(
    images: Sequence[tuple[Path, Path]],
    work: Callable[[Path, Path], T],
    *,
    out: Path,
    jobs: int = 1,
    stop: threading.Event | None = None,
) -> Generator[T | Failed, None, None]:
    """`work(path, stem)` of every image in a pool of `jobs` threads; what it gives, or why it failed, in the order of the images.

    No exception of one image ends the run. A full disk does, as all others would fail as well: what was not begun then has
    failed too. out: the folder on that disk. stop: set when the iterator is closed or interrupted; nothing more is begun then,
    and what is under way is waited for.
    """
    stop = threading.Event() if stop is None else stop
    full = threading.Event()

    def one(path: Path, stem: Path) -> T | Failed:
        if full.is_set():
            return Failed(path, f"{path}: not done, as the disk is full")
        try:
            return work(path, stem)
        except Exception as error:  # whatever it is, it is this image's
            if _disk_is_full(error, out):
                full.set()
            return Failed(path, sentence(path, error), error)

    waiting: deque[Future[T | Failed]] = deque()
    with ThreadPoolExecutor(max(1, min(jobs, len(images))), thread_name_prefix="image") as pool:
        try:
            for path, stem in images:
                waiting.append(pool.submit(one, path, stem))
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()


def sentence(path: Path, error: Exception) -> str:
    """Why an image failed, in one line that names it."""
    if isinstance(error, MemoryError):
        return f"{path}: out of memory. Use a smaller image, --jobs 1, or a method of lower cost"
    text = " ".join(str(error).split())
    if not isinstance(error, KonturError):
        said = f"{type(error).__name__}: {text[:300]}".rstrip(": ")
        return f"{path}: failed in a way it should not ({said}). Please report it; another method may do"
    return text if path.name in text else f"{path}: {text}"


@contextlib.contextmanager
def all_or_none(written: list[Path], earlier: set[Path]) -> Iterator[None]:
    """All outputs of an image or none. written: the block appends to it. earlier: those of an earlier run, which stay when it fails."""
    try:
        yield
    except BaseException:
        for target in written:
            if target not in earlier:
                with contextlib.suppress(OSError):
                    target.unlink()
        raise
    for target in earlier.difference(written):
        # Of an earlier run that is replaced: a .categories.png that this result has no categories for would lie.
        target.unlink(missing_ok=True)


def refuse_existing(targets: Iterator[Path] | Sequence[Path]) -> None:
    """Raise OutputError where one is there already."""
    for target in targets:
        if target.exists():
            raise OutputError(f"{target}: exists already. Use --force to overwrite or -o for another folder")


def _disk_is_full(error: Exception, folder: Path) -> bool:
    reasons = (error, error.__cause__, error.__context__)
    if not any(isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT) for e in reasons):
        return False
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < _FULL
    return True
