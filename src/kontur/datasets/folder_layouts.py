"""The layouts of a folder of your own, once its form is known: masks, COCO files, YOLO text, labelme JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError, KonturError, UnreadableFile
from ..core.instances import Instance, Instances
from ..core.taxonomy import Taxonomy
from ..io.labelme import labels_of, read_labelme
from ..io.photos import SUFFIXES
from ..io.text import read_json
from ..io.yolo import read_yolo
from .class_names import joined
from .coco import instance_layout
from .sample import Fault, Layout, MaskReader, Pair, by_stem, files_in, matched

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".webp")
"""JPEG and WebP among them: to say what is wrong with such a mask."""

_ENDINGS = ("", "_mask", "_masks", "_label", "_labels", "_gt", "_L", ".labels", "_segmentation", "-mask", "-label")


@dataclass(frozen=True)
class Source:
    """What a folder was found to be. form: ids, coco, yolo or labelme. splits: (images, truth) of each.

    named: the class names that the folder itself has, by the number its files use, and the file that has them.
    """

    root: Path
    form: str
    splits: Mapping[str, tuple[Path, Path]]
    taxonomy: Taxonomy | None
    named: Mapping[int, str]
    named_in: Path | None


def mask_pairs(source: Source) -> tuple[dict[str, tuple[Pair, ...]], tuple[Fault, ...], tuple[Fault, ...]]:
    """Splits, images without a mask, masks without an image. A common ending of the masks' names is found by itself."""
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    orphans: list[Fault] = []
    for split, (pictures, truth) in source.splits.items():
        images = by_stem(files_in(pictures, SUFFIXES))
        files = files_in(truth, MASK_SUFFIXES)
        if pictures == truth:
            raise UnreadableFile(f"{truth}: expected images and masks in two folders")
        masks = max((by_stem(files, ending) for ending in _ENDINGS), key=lambda m: len(m.keys() & images.keys()))
        splits[split], without, alone = matched(images, masks)
        missing += without
        orphans += alone
    return splits, tuple(missing), tuple(orphans)


def mask_values(source: Source) -> tuple[dict[int, int] | None, tuple[Fault, ...]]:
    """File value -> id, where the folder's own names tell it (None: the files hold the ids); and names that do not join."""
    join, faults = joined(source.named, source.taxonomy, source.named_in)
    if not join or faults:
        return None, faults
    ignore = source.taxonomy.ignore if source.taxonomy is not None else None
    return join | ({} if ignore is None else {ignore: ignore}), faults


def masks_of(source: Source) -> Layout:
    """Masks of ids, whose taxonomy is known."""
    assert source.taxonomy is not None
    splits, missing, orphans = mask_pairs(source)
    values, faults = mask_values(source)
    reader = MaskReader(source.taxonomy, values)
    return Layout(
        "folder",
        source.root,
        source.taxonomy,
        splits,
        "ids",
        reader,
        values,
        missing=(*missing, *faults),
        faults=orphans,
    )


def coco_files(source: Source) -> Layout:
    """COCO files, as `Instances`; of several the categories are joined by name."""
    return instance_layout("folder", source.root, source.splits, taxonomy=source.taxonomy, join=True)


def yolo_pairs(source: Source) -> tuple[dict[str, tuple[Pair, ...]], tuple[Fault, ...]]:
    """Splits; text files without an image. An image without a text file has no objects."""
    splits: dict[str, tuple[Pair, ...]] = {}
    orphans: list[Fault] = []
    for split, (pictures, truth) in source.splits.items():
        images, texts = by_stem(files_in(pictures, SUFFIXES)), by_stem(files_in(truth, (".txt",)))
        splits[split] = tuple(Pair(n, images[n], texts.get(n, truth / f"{n}.txt")) for n in sorted(images))
        orphans += [
            Fault(str(texts[n]), "missing_image", n, "Add the image of these labels or remove them.")
            for n in sorted(texts)
            if n not in images
        ]
    return splits, tuple(orphans)


def yolo(source: Source) -> Layout:
    """Polygons in text files, as `Instances`."""
    splits, orphans = yolo_pairs(source)
    join, faults = joined(source.named, source.taxonomy, source.named_in)
    taxonomy = source.taxonomy

    def read(pair: Pair, size: tuple[int, int]) -> Instances:
        assert pair.target is not None
        if not pair.target.exists():
            return Instances(size, (), taxonomy)
        # No names in the folder: the number is the place in the taxonomy.
        return read_yolo(pair.target, size, taxonomy, ids=join or None)

    return Layout(
        "folder", source.root, taxonomy, splits, "yolo", read, missing=faults, faults=orphans, mixed_bands=True
    )


def labelme_pairs(source: Source) -> tuple[dict[str, tuple[Pair, ...]], tuple[Fault, ...]]:
    """Splits; images without a JSON file and JSON files without an image are faults."""
    splits: dict[str, tuple[Pair, ...]] = {}
    faults: list[Fault] = []
    for split, (pictures, truth) in source.splits.items():
        images = by_stem(files_in(pictures, SUFFIXES))
        splits[split], without, alone = matched(images, by_stem(files_in(truth, (".json",))), "labels")
        faults += [*without, *alone]
    return splits, tuple(faults)


def labelme_names(pairs: Sequence[Pair]) -> list[str]:
    """The labels of all files, sorted; files that cannot be read are left to the reader."""
    names: set[str] = set()
    for pair in pairs:
        try:
            names.update(labels_of(read_json(pair.target)))  # type: ignore[arg-type]
        except KonturError:
            continue
    return sorted(names)


def labelme(source: Source) -> Layout:
    """labelme files, as `Instances`."""
    splits, faults = labelme_pairs(source)
    names = labelme_names([p for pairs in splits.values() for p in pairs])
    taxonomy = source.taxonomy or Taxonomy.from_names(names, things=names, ignore=None)
    _, foreign = joined(dict(enumerate(names)), taxonomy, source.root)

    def read(pair: Pair, size: tuple[int, int]) -> Instances:
        assert pair.target is not None
        found = read_labelme(pair.target)
        assert found.taxonomy is not None
        join, wrong = joined({c.id: c.name for c in found.taxonomy}, taxonomy, pair.target)
        if wrong:
            raise InputError(
                f"{pair.target}: expected the labels of the taxonomy, got {wrong[0].value!r}. {wrong[0].advice}"
            )
        renamed = tuple(Instance(i.mask, join[i.category or 0], i.score) for i in found.instances)
        return Instances(found.shape, renamed, taxonomy)

    return Layout(
        "folder", source.root, taxonomy, splits, "labelme", read, missing=foreign, faults=faults, mixed_bands=True
    )
