"""YOLO polygons: labels/<photo>.txt beside images/<photo>.jpg; a line is an object, its class a place in the list of names.

Lines have no holes: they are filled; parts become objects of their own; crowds and void cannot be said and are left out.
With Choices.join parts and holes are kept, see `kontur.io.yolo.write_yolo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from ...core import rle
from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.instances import Instance, Instances
from ...core.taxonomy import Category, Taxonomy, voc_colour
from ...io import photos
from ...io.text import read_text
from ...io.yolo import read_yolo, write_yolo
from ..class_names import class_lines, yaml_names
from ..labelled import Held, LabelledImage, LabelledRegion, LabelSet, parts_and_holes, void_pixels
from ..sidecar import Photo, SidecarWriter, read_sidecar
from . import Choices

IS_FOLDER = True
_NOT_LABELS = {"classes.txt", "labels.txt", "names.txt", "train.txt", "val.txt", "test.txt", "readme.txt"}


def read(source: Path, choices: Choices) -> LabelSet:
    """The label files of a folder (or its labels/), each with its photo's size: from dataset.json or images/."""
    if not source.is_dir():
        raise InputError(
            f"{source}: expected a folder with YOLO label files, got {'a file' if source.exists() else 'none'}"
        )
    base = source / "labels" if (source / "labels").is_dir() else source
    root = base.parent if base.name == "labels" else base
    sidecar = read_sidecar(root)
    files = {p.relative_to(base).with_suffix("").as_posix(): p for p in sorted(base.rglob("*.txt"))}
    files = {stem: p for stem, p in files.items() if p.name.lower() not in _NOT_LABELS}
    known = dict(sidecar.photos)
    folder = choices.images or _photos_beside(base, root)
    pictures = {stem.as_posix(): path for path, stem in photos.find_images([folder])} if folder else {}
    if not files and not known:
        raise InputError(f"{source}: expected YOLO label files *.txt, got none")
    notes: tuple[str, ...] = ()
    missing = [stem for stem in files if stem not in known and stem not in pictures]
    if missing and choices.skip_missing and len(missing) < len(files):
        files = {stem: path for stem, path in files.items() if stem not in missing}
        notes = (f"{len(missing)} label files without a photo left out: {', '.join(missing[:5])}",)
    elif missing:
        raise InputError(
            f"{files[missing[0]]}: expected a photo {missing[0]}.* in {folder or 'images/'} for its size, got none "
            f"({len(missing)} of {len(files)} label files have none). Name the folder of photos with --images, or --skip-missing."
        )
    taxonomy = choices.taxonomy or sidecar.taxonomy or _names(root, files)
    # Photos without a label file show no object; dataset.json names all photos there are.
    stems = list(dict.fromkeys([*known, *sorted(files if known else {*files, *pictures})]))

    def images() -> Iterator[LabelledImage]:
        for stem in stems:
            photo = known.get(stem) or _photo(pictures[stem], stem)
            found = read_yolo(files[stem], photo.shape, taxonomy).instances if stem in files else ()
            regions = tuple(LabelledRegion(i.mask, i.category) for i in found if i.category is not None)
            yield LabelledImage(photo.file_name, photo.shape, regions, id=photo.id)

    return LabelSet(taxonomy, images(), len(stems), notes)


def _photos_beside(base: Path, root: Path) -> Path | None:
    """images/ beside labels/; for a folder below labels/ the folder of the same name below images/."""
    if (root / "images").is_dir():
        return root / "images"
    parts = list(base.parts)
    if "labels" not in parts:
        return None
    parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
    return Path(*parts) if Path(*parts).is_dir() else None


def _photo(path: Path, stem: str) -> Photo:
    height, width = photos.size_of(path)
    return Photo(stem + path.suffix, (height, width), None)


def _names(root: Path, files: dict[str, Path]) -> Taxonomy:
    """Of data.yaml or classes.txt; else "class 0", "class 1" .. up to the highest number that occurs."""
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        names = yaml_names(path)
        if names:
            return _taxonomy([names.get(n, f"class {n}") for n in range(max(names) + 1)])
    if (root / "classes.txt").is_file():
        return _taxonomy(class_lines(root / "classes.txt"))
    highest = -1
    for path in files.values():
        numbers = [int(w) for w in re.findall(r"^\s*(\d{1,5})(?=\s)", read_text(path), re.MULTILINE)]
        highest = max([highest, *numbers])
    return _taxonomy([f"class {n}" for n in range(highest + 1)])


def _taxonomy(names: list[str]) -> Taxonomy:
    categories = tuple(Category(n, name.strip(), voc_colour(n & 255), True) for n, name in enumerate(names))
    return Taxonomy(categories, ignore=None)


class Writer:
    def __init__(self, target: Path, labels: LabelSet, choices: Choices) -> None:
        self._target, self._taxonomy, self._join = target, labels.taxonomy, choices.join
        self._sidecar = SidecarWriter(target, labels.taxonomy)

    def add(self, image: LabelledImage) -> Held:
        self._sidecar.add(image)
        written = [n for n, r in enumerate(image.regions) if not r.crowd and rle.area(r.mask)]
        instances = tuple(Instance(image.regions[n].mask, image.regions[n].category) for n in written)
        path = self._target / "labels" / f"{image.stem}.txt"
        write_yolo(path, Instances(image.shape, instances, self._taxonomy), join=self._join)
        lines = iter(read_yolo(path, image.shape).instances)
        masks: list[rle.RLE | None] = [None] * len(image.regions)
        split = filled = 0
        for n in written:
            parts, holes = parts_and_holes(image.regions[n].mask)
            count = 1 if self._join else parts
            masks[n] = rle.merge([next(lines).mask for _ in range(count)])
            split += count > 1
            filled += 0 if self._join else holes
        crowds = sum(r.crowd for r in image.regions)
        return Held(masks, crowds, split, holes_filled=filled, void_lost=void_pixels(image))

    def close(self) -> None:
        self._sidecar.close()
        names = "".join(f"  {n}: {json.dumps(c.name, ensure_ascii=False)}\n" for n, c in enumerate(self._taxonomy))
        text = f"# Written by kontur; photos belong in images/, beside labels/.\npath: .\ntrain: images\nval: images\nnames:\n{names}"
        atomic_write(self._target / "data.yaml", text.encode())
