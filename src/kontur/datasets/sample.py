"""What a data set is: a sequence of samples, decoded when they are asked for.

    Layout (which files belong together, by split) -> Dataset (a Sequence) -> Sample (image, target, name)

A layout is read from folders and lists alone; `kontur data check` walks the same layout and decodes everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnknownName, UnreadableFile
from ..core.image import Image
from ..core.instances import Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from ..io.labels import read_labels
from ..io.photos import read_image

Target = NDArray[np.integer] | Instances | Segmentation | tuple[Segmentation, ...]
"""Semantic sets: category ids (H, W), the taxonomy's ignore id where nothing counts. Instance sets: `Instances`.
Panoptic sets: a `Segmentation`. Sets of several annotators: one `Segmentation` of each."""

_NAMED = 5  # files an error names before it counts the rest


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its truth; unpacks as `image, target, name`. name: the image's, without folder and suffix."""

    image: Image
    target: Target
    name: str

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.target, self.name))


@dataclass(frozen=True)
class Pair:
    """The files of one sample. target: None where no truth was published. key: what else the reader needs (an image id)."""

    name: str
    image: Path
    target: Path | None
    key: Any = None


@dataclass(frozen=True)
class Fault:
    """Something wrong that the listing of the folders alone shows; `kontur data check` reports it as a finding."""

    file: str
    kind: str
    value: str
    advice: str


ReadTarget = Callable[[Pair, tuple[int, int]], Target]
"""The reader of one target; it is told the image's size (H, W), for forms whose files do not hold it."""

Crowds = Callable[[Segmentation, Pair], frozenset[int]]
"""The ids of a panoptic truth's segments that hold many things in one."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Which files of a folder belong together.

    form:      what the truth is kept as: ids, colours, objects, panoptic, coco, yolo, labelme or bsds.
    read:      reads one target.
    values:    file value -> id, where the files hold other values than the ids; None: they hold the ids.
    complete:  split -> the number of images that the whole set has.
    missing:   faults with which a set is not opened: images or truth that is missing, class names that do not join.
    faults:    faults that change no sample, such as truth files without an image.
    mixed_bands: whether grey images among colour ones are usual in this set.
    crowds:    of panoptic sets.
    crowd_objects: of sets of objects, the regions that hold many in one mask; `read` leaves them out.
    """

    name: str
    root: Path
    taxonomy: Taxonomy | None
    splits: Mapping[str, tuple[Pair, ...]]
    form: str
    read: ReadTarget = field(repr=False)
    values: Mapping[int, int] | None = None
    complete: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    mixed_bands: bool = False
    crowds: Crowds | None = field(default=None, repr=False)
    crowd_objects: Callable[[Pair], Instances] | None = field(default=None, repr=False)

    @property
    def partial(self) -> tuple[str, ...]:
        """In words, the splits that do not have their whole set's size."""
        found = {split: len(self.splits.get(split, ())) for split in self.complete}
        return tuple(
            f"split {split}: {count} of the whole set's {self.complete[split]} images; a partial set"
            for split, count in found.items()
            if count != self.complete[split]
        )


class Dataset(Sequence[Sample]):
    """The samples of one split, in the order of their names or of the set's list. Files are read at `[i]`, not before.

    Raises UnknownName for a split that the folder does not have, InputError when images lack their truth; `[i]` raises
    UnreadableFile or InputError that names the file.
    """

    def __init__(self, layout: Layout, split: str) -> None:
        if split not in layout.splits:
            known = list(layout.splits)
            raise UnknownName(
                "split", split, known, f"{layout.root} has {', '.join(known) or 'none of the splits of this set'}."
            )
        if layout.missing:
            named = "; ".join(f"{f.file}: {f.kind} ({f.value})" for f in layout.missing[:_NAMED])
            more = f"; and {len(layout.missing) - _NAMED} more" if len(layout.missing) > _NAMED else ""
            raise InputError(
                f"{layout.root}: expected a whole data set, got {named}{more}. "
                f"Run `kontur data check {layout.root} --as {layout.name}`."
            )
        self.layout = layout
        self.split = split
        self.pairs = layout.splits[split]

    @property
    def name(self) -> str:
        """The data set's."""
        return self.layout.name

    @property
    def taxonomy(self) -> Taxonomy | None:
        """Categories and ignore id; None where the truth has no categories."""
        return self.layout.taxonomy

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return tuple(pair.name for pair in self.pairs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing about this folder: partial splits, truth without an image."""
        faults = tuple(f"{fault.file}: {fault.kind}, {fault.value}" for fault in self.layout.faults)
        return (*self.layout.notes, *self.layout.partial, *faults)

    def __len__(self) -> int:
        return len(self.pairs)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        pair = self.pairs[index]
        image = read_image(pair.image)
        target = self._target(pair, image.shape)
        size = _shape(target)
        if size is not None and size != image.shape:
            turned = " The image has an EXIF orientation, the truth has not." if size == image.shape[::-1] else ""
            raise InputError(
                f"{pair.target}: expected the size of its image {image.shape} (H, W), got {size}.{turned} "
                f"The image is {pair.image}."
            )
        return Sample(image, target, pair.name)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def sample(self, name: str) -> Sample:
        """The sample of a name. Raises UnknownName."""
        if name not in self.names:
            raise UnknownName("sample", name, self.names, f"{self.name} {self.split} has {len(self)}.")
        return self[self.names.index(name)]  # outside of any `except`: what is wrong with the file is told as it is

    def _target(self, pair: Pair, size: tuple[int, int]) -> Target:
        if pair.target is None:
            if self.taxonomy is None or self.taxonomy.ignore is None:
                raise InputError(f"{pair.image}: no truth was published for this image")
            return np.full(size, self.taxonomy.ignore, id_type(self.taxonomy))
        return self.layout.read(pair, size)

    def __repr__(self) -> str:
        return f"<Dataset {self.name} {self.split}: {len(self)} samples>"


def _shape(target: Target) -> tuple[int, int] | None:
    if isinstance(target, tuple):
        return target[0].shape if target else None
    return (int(target.shape[0]), int(target.shape[1]))


# --- semantic masks -------------------------------------------------------------------------------------------------


def id_type(taxonomy: Taxonomy) -> type[np.uint8] | type[np.uint16]:
    """uint8 where all ids and the ignore id fit."""
    highest = max([c.id for c in taxonomy] + [taxonomy.ignore or 0])
    return np.uint8 if highest <= 255 else np.uint16


class MaskReader:
    """Reads label files into category ids; here, once, ignored values become the taxonomy's ignore id.

    values: file value -> id (a category or the ignore id); None: the files hold ids. A value that is neither a
    category nor to be ignored is an InputError that names file, value and count.
    """

    def __init__(self, taxonomy: Taxonomy, values: Mapping[int, int] | None = None) -> None:
        self.taxonomy, self.values = taxonomy, values
        known = dict(values) if values is not None else {c.id: c.id for c in taxonomy}
        if taxonomy.ignore is not None and values is None:
            known[taxonomy.ignore] = taxonomy.ignore
        foreign = sorted(v for v in set(known.values()) if v not in taxonomy and v != taxonomy.ignore)
        if foreign:
            raise InputError(f"values: expected ids of the taxonomy or its ignore id, got {foreign}")
        self._known = known
        self._table = np.full(max(known) + 2, -1, np.int32)  # the last entry stands for all larger values
        self._table[list(known)] = list(known.values())
        # For 8-bit files, by far the most: `bytes.translate` is ten times as fast as a NumPy table.
        self._bytes: bytes | None = None
        if id_type(taxonomy) is np.uint8:
            self._bytes = bytes(known.get(value, 0) for value in range(256))
            self._known_bytes = bytes(value for value in known if 0 <= value <= 255)

    def __call__(self, pair: Pair, size: tuple[int, int]) -> NDArray[np.integer]:
        assert pair.target is not None
        return self.ids(read_labels(pair.target), str(pair.target))

    def ids(self, raw: NDArray[np.integer], where: str) -> NDArray[np.integer]:
        """Category ids (H, W) of file values (H, W). where: the name an error gives them."""
        if raw.dtype == np.uint8 and self._bytes is not None:
            content = raw.tobytes()
            if not content.translate(None, self._known_bytes):  # nothing is left without the known values
                return np.frombuffer(bytearray(content.translate(self._bytes)), np.uint8).reshape(raw.shape)
        ids = self._table[np.clip(raw.astype(np.int64), 0, len(self._table) - 1)]
        if (ids < 0).any() or (raw.dtype.kind == "i" and (raw < 0).any()):
            values, counts = np.unique(raw[(ids < 0) | (raw < 0)], return_counts=True)
            told = ", ".join(f"{v} ({c} pixels)" for v, c in list(zip(values.tolist(), counts.tolist()))[:8])
            raise InputError(
                f"{where}: expected the values {_short(sorted(self._known))}, got {told}. Correct the mask."
            )
        return ids.astype(id_type(self.taxonomy))


def _short(values: list[int]) -> str:
    if len(values) > 8 and values == list(range(values[0], values[-1] + 1)):
        return f"{values[0]} to {values[-1]}"
    if len(values) > 8 and values[:-1] == list(range(values[0], values[-2] + 1)):
        return f"{values[0]} to {values[-2]} and {values[-1]}"
    return ", ".join(map(str, values))


# --- listing folders ------------------------------------------------------------------------------------------------


def existing(root: str | Path, *needed: str) -> Path:
    """The root as a path. Raises UnreadableFile when it, or one of the needed folders or files in it, is not there."""
    root = Path(root)
    if not root.exists():
        raise UnreadableFile(f"{root}: no such folder")
    if not root.is_dir():
        raise UnreadableFile(f"{root}: expected the folder of a data set, got a file")
    absent = [name for name in needed if not (root / name).exists()]
    if absent:
        got = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
        raise UnreadableFile(f"{root}: expected {', '.join(absent)} in it, got {got}")
    return root


def files_in(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a folder with one of the suffixes (any case), by name; hidden ones are left out."""
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(".") and p.is_file()
    )


def matched(
    images: Mapping[str, Path], targets: Mapping[str, Path], what: str = "mask"
) -> tuple[tuple[Pair, ...], tuple[Fault, ...], tuple[Fault, ...]]:
    """Images and targets of equal names -> pairs, images without a target, targets without an image."""
    pairs = tuple(Pair(name, images[name], targets[name]) for name in sorted(images) if name in targets)
    missing = tuple(
        Fault(str(images[name]), f"missing_{what}", name, f"Add the {what} of this image or remove the image.")
        for name in sorted(images)
        if name not in targets
    )
    orphans = tuple(
        Fault(str(targets[name]), "missing_image", name, f"Add the image of this {what} or remove the {what}.")
        for name in sorted(targets)
        if name not in images
    )
    return pairs, missing, orphans


def by_stem(paths: Sequence[Path], ending: str = "") -> dict[str, Path]:
    """Paths by their names without suffix and without a common ending of the stem."""
    return {p.stem.removesuffix(ending): p for p in paths}
