"""COCO: 80 thing classes in context, 118,287 training and 5,000 validation images.

    {train2017,val2017}/<name>.jpg                            RGB, some grey
    annotations/instances_{train2017,val2017}.json            polygons; crowds as runs    (`coco`, `coco_crowds`)
    annotations/panoptic_{train2017,val2017}.json and /*.png  R + 256 G + 65536 B         (`coco_panoptic`)
    stuffthingmaps/{train2017,val2017}/<name>.png             grey: id - 1, 255 unlabelled (`coco_stuff`)

Images may also lie in images/ or input_images/, with or without the split's folder; the JSON may lie in the root.
Category ids are the file's own (1-90 with gaps): they are never renumbered.

Papers: Lin et al., ECCV 2014, arXiv:1405.0312; Kirillov et al., "Panoptic Segmentation", arXiv:1801.00868; Caesar et al.,
"COCO-Stuff", arXiv:1612.03716.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnreadableFile, short
from ..core.instances import Instance, Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy, voc_colour
from ..io.coco import CocoFile, read_coco
from ..io.panoptic import PanopticFile, read_panoptic
from ..io.photos import SUFFIXES
from ..io.taxonomy import inside
from .class_names import joined
from .coco_names import STUFF_AND_THINGS, THINGS
from .sample import Fault, Layout, MaskReader, Pair, by_stem, existing, files_in, matched

COMPLETE = {"train2017": 118_287, "val2017": 5_000}
TAXONOMY_STUFF = Taxonomy(
    tuple(Category(i, n, voc_colour((i + 1) & 255), thing=i < 91) for i, n in enumerate(STUFF_AND_THINGS)),
    255,
    "COCO-Stuff",
)


# --- instances ------------------------------------------------------------------------------------------------------


def coco(root: str | Path) -> Layout:
    """Objects as `Instances`; regions that are marked as crowds are left out (`coco_crowds` has them)."""
    return instance_layout("coco", existing(root), instance_sources(existing(root)), complete=COMPLETE)


def coco_crowds(root: str | Path) -> Layout:
    """The crowd regions alone, for the same images."""
    return instance_layout(
        "coco_crowds", existing(root), instance_sources(existing(root)), complete=COMPLETE, crowds=True
    )


def instance_sources(root: Path) -> dict[str, tuple[Path, Path]]:
    """Split -> (folder of images, instances_<split>.json). Raises UnreadableFile when there is none."""
    return {
        split: (image_folder(root, split, path), path) for split, path in instance_files(root, "instances_").items()
    }


def instance_layout(
    name: str,
    root: Path,
    sources: Mapping[str, tuple[Path, Path]],
    *,
    taxonomy: Taxonomy | None = None,
    join: bool = False,
    complete: Mapping[str, int] | None = None,
    crowds: bool = False,
) -> Layout:
    """COCO files, each a split with its folder of images; the JSON is read when the layout is.

    taxonomy: the categories to have, by default the first file's. join: other files' categories are joined to them by name;
    without it they must be the same, ids and names. crowds: the crowd regions alone.
    """
    splits: dict[str, tuple[Pair, ...]] = {}
    contents: dict[Path, CocoFile] = {}
    joins: dict[Path, dict[int, int]] = {}
    missing: list[Fault] = []
    for split, (folder, path) in sources.items():
        content = contents[path] = read_coco(path)
        taxonomy = taxonomy or (content.taxonomy if join else None)
        joins[path], faults = joined({c.id: c.name for c in content.taxonomy}, taxonomy, path)
        missing += faults
        pairs = []
        for image in content.images:
            file = folder / inner_name(image.file_name, path)
            if file.exists():
                pairs.append(Pair(Path(image.file_name).with_suffix("").as_posix(), file, path, image.id))
            else:
                advice = f"Add it, or remove it from {path}."
                missing.append(Fault(str(file), "missing_image", f"image id {image.id}", advice))
        splits[split] = tuple(pairs)
    whole = taxonomy or one_taxonomy(contents, name)

    def objects(pair: Pair, crowds: bool) -> Instances:
        assert pair.target is not None
        content, ids = contents[pair.target], joins[pair.target]
        found = (a for a in content.of_image(pair.key) if a.crowd == crowds)
        return Instances(
            content.image(pair.key).size, tuple(Instance(a.mask, ids[a.category_id], a.score) for a in found), whole
        )

    return Layout(
        name,
        root,
        whole,
        splits,
        "coco",
        lambda pair, size: objects(pair, crowds),
        None,
        complete or {},
        missing=tuple(missing),
        mixed_bands=True,
        crowd_objects=None if crowds else lambda pair: objects(pair, True),
    )


def inner_name(name: str, path: Path) -> str:
    """The name of an image, as the JSON `path` has it. Raises InputError for one that leaves its folder."""
    if not inside(name):
        raise InputError(f"{path}: {outside_name(name)}")
    return name


def outside_name(name: str) -> str:
    """What is said of the name of an image that leaves its folder."""
    return f"expected the name of a file inside the folder, got {short(name)}"


def instance_files(root: Path, prefix: str) -> dict[str, Path]:
    """Split -> JSON. Raises UnreadableFile when there is none."""
    for folder in (root / "annotations", root):
        found = {p.stem.removeprefix(prefix): p for p in files_in(folder, (".json",)) if p.name.startswith(prefix)}
        if found:
            return found
    raise UnreadableFile(f"{root}: expected annotations/{prefix}<split>.json, got none")


def image_folder(root: Path, split: str, json: Path) -> Path:
    """Where the images of a split lie. Raises UnreadableFile when none of the usual folders is there."""
    candidates = [
        root / split,
        root / "images" / split,
        root / "input_images" / split,
        root / split / "images",
        root / "images",
        root / "input_images",
    ]
    for folder in candidates:
        if files_in(folder, SUFFIXES):
            return folder
    if files_in(json.parent, SUFFIXES):
        return json.parent
    raise UnreadableFile(f"{root}: expected the images of {json.name} in {split}/ or images/, got no such folder")


def one_taxonomy(contents: Mapping[Path, Any], name: str) -> Taxonomy | None:
    """The categories of all files, under the set's name. Raises InputError where two files differ: names are the join key, never positions."""
    first: tuple[Path, Taxonomy] | None = None
    for path, content in contents.items():
        rows = {c.id: c.name for c in content.taxonomy}
        if first is None:
            first = (path, content.taxonomy)
        elif rows != {c.id: c.name for c in first[1]}:
            other = {c.id: c.name for c in first[1]}
            differ = sorted(i for i in rows.keys() | other.keys() if rows.get(i) != other.get(i))[:5]
            told = ", ".join(f"{i}: {other.get(i)!r} and {rows.get(i)!r}" for i in differ)
            raise InputError(f"{path}: expected the categories of {first[0].name}, got others: {told}")
    return replace(first[1], name=name) if first else None


# --- panoptic -------------------------------------------------------------------------------------------------------


def coco_panoptic(root: str | Path) -> Layout:
    """Every pixel's segment with its category, as `Segmentation`; void is 0. Crowd segments are segments like others."""
    root = existing(root)
    return panoptic_layout(root, {path: read_panoptic(path) for path in panoptic_files(root).values()})


def panoptic_layout(root: Path, contents: Mapping[Path, PanopticFile]) -> Layout:
    """Panoptic files that were read, each a split."""
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    for path, content in contents.items():
        split = path.stem.removeprefix("panoptic_")
        folder = image_folder(root, split, path)
        pairs = []
        for row in content.rows:
            name = inner_name(content.photo(row), path)
            pair = Pair(
                Path(name).with_suffix("").as_posix(), folder / name, content.folder / row.file_name, (path, row)
            )
            for file, kind in ((pair.image, "missing_image"), (pair.target, "missing_mask")):
                if file is not None and not file.exists():
                    missing.append(
                        Fault(str(file), kind, f"image id {row.image_id}", f"Add it, or take it out of {path}.")
                    )
            if pair.image.exists() and pair.target is not None and pair.target.exists():
                pairs.append(pair)
        splits[split] = tuple(pairs)
    taxonomy = one_taxonomy(contents, "coco_panoptic")

    def read(pair: Pair, size: tuple[int, int]) -> Segmentation:
        json, row = pair.key
        return replace(contents[json].read(row), taxonomy=taxonomy)

    return Layout(
        "coco_panoptic",
        root,
        taxonomy,
        splits,
        "panoptic",
        read,
        None,
        COMPLETE,
        tuple(missing),
        mixed_bands=True,
        crowds=_crowds,
    )


def _crowds(segments: Segmentation, pair: Pair) -> frozenset[int]:
    return frozenset(s.id for s in pair.key[1].segments if s.crowd)


def panoptic_files(root: Path) -> dict[str, Path]:
    """Split -> JSON. Raises UnreadableFile when there is none with a folder of PNGs beside it."""
    for folder in (root / "annotations", root):
        found = {
            p.stem.removeprefix("panoptic_"): p
            for p in files_in(folder, (".json",))
            if p.name.startswith("panoptic_") and p.with_suffix("").is_dir()
        }
        if found:
            return found
    raise UnreadableFile(f"{root}: expected panoptic_<split>.json and the folder panoptic_<split>/ of its PNGs")


# --- stuff ----------------------------------------------------------------------------------------------------------


def coco_stuff(root: str | Path) -> Layout:
    """Things and stuff as category ids (H, W) 0-181 (the published ids less 1, as the files have them), 255 ignored."""
    root = existing(root, "stuffthingmaps")
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    orphans: list[Fault] = []
    for split in COMPLETE:
        masks = files_in(root / "stuffthingmaps" / split, (".png",))
        if masks:
            folder = image_folder(root, split, root / "stuffthingmaps" / f"{split}.json")
            splits[split], without, alone = matched(by_stem(files_in(folder, SUFFIXES)), by_stem(masks))
            missing += without
            orphans += alone
    if not splits:
        raise UnreadableFile(f"{root}: expected stuffthingmaps/train2017 or val2017 with PNG files")
    return Layout(
        "coco_stuff",
        root,
        TAXONOMY_STUFF,
        splits,
        "ids",
        MaskReader(TAXONOMY_STUFF),
        complete=COMPLETE,
        missing=tuple(missing),
        faults=tuple(orphans),
        mixed_bands=True,
    )


__all__ = ["COMPLETE", "TAXONOMY_STUFF", "THINGS", "coco", "coco_crowds", "coco_panoptic", "coco_stuff"]
