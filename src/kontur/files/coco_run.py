"""coco.json of a run: one file of all images, of which some may have been done by an earlier run that was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from ..core.instances import Instance
from ..io.coco import CocoEntry, CocoFile, read_coco, write_coco
from ..io.regions import OBJECT, REGION


class CocoRun:
    """The entries of the images that are done, in their order.

    Images are known by their file's name in it; one whose name another of the run has too is not taken from an earlier file.
    """

    def __init__(self, path: Path, images: Sequence[tuple[Path, Path]]) -> None:
        self.path = path
        self.entries: list[CocoEntry] = []
        self._names = Counter(image.name for image, _ in images)

    def has(self, image: Path) -> bool:
        """Whether an earlier run has put this image into the file."""
        return self._names[image.name] == 1 and image.name in self._known

    def earlier(self, image: Path) -> CocoEntry:
        """Its entry, as it was."""
        whole, number = self._earlier, self._known[image.name]
        assert whole is not None
        found = whole.instances(number)
        names = [category.name for category in whole.taxonomy]
        if len(names) != 1 or names[0] not in (OBJECT, REGION):
            return CocoEntry(image.name, found.shape, whole.taxonomy, REGION, found.instances)
        # Of results without a taxonomy: the one category stands for none.
        plain = tuple(Instance(i.mask, None, i.score) for i in found.instances)
        return CocoEntry(image.name, found.shape, None, names[0], plain)

    def write(self) -> None:
        """Write the file, where anything is done. Raises OutputError."""
        if self.entries:
            write_coco(self.path, self.entries)

    @cached_property
    def _earlier(self) -> CocoFile | None:
        return read_coco(self.path) if self.path.exists() else None

    @cached_property
    def _known(self) -> dict[str, int | str]:
        images = self._earlier.images if self._earlier is not None else ()
        counts = Counter(image.file_name for image in images)
        return {image.file_name: image.id for image in images if counts[image.file_name] == 1}
