"""Which images a run is over: files, folders and globs; and what it leaves out of folders, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import OutputError
from ..io.photos import find_images


@dataclass(frozen=True)
class Inputs:
    """images: (path, stem) of each, by input; the stem keeps sub-folders. left_out: what lies in the folders beside them, and why."""

    images: tuple[tuple[Path, Path], ...]
    left_out: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def find(cls, inputs: str | Path | Sequence[str | Path]) -> Inputs:
        """As `kontur.io.photos.find_images`. Raises InputError, and OutputError where two inputs would have one output's name."""
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
