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

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import InputError, UnreadableFile
from ..core.instances import Instance, Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy, voc_colour
from ..io.coco import CocoFile, read_coco
from ..io.panoptic import PanopticFile, read_panoptic, read_panoptic_png
from ..io.photos import SUFFIXES
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
    return instance_layout("coco", existing(root), "instances_", COMPLETE, crowds=False)


def coco_crowds(root: str | Path) -> Layout:
    """The crowd regions alone, for the same images."""
    return instance_layout("coco_crowds", existing(root), "instances_", COMPLETE, crowds=True)


def instance_layout(name: str, root: Path, prefix: str, complete: dict[str, int], *, crowds: bool = False) -> Layout:
    """Every `prefix<split>.json` of the root or its annotations/ is a split.

    The JSON is read when the layout is. Raises UnreadableFile when there is none.
    """
    files = instance_files(root, prefix)
    splits: dict[str, tuple[Pair, ...]] = {}
    contents: dict[Path, CocoFile] = {}
    missing: list[Fault] = []
    for split, path in files.items():
        content = contents[path] = read_coco(path)
        folder = image_folder(root, split, path)
        pairs = []
        for image in content.images:
            file = folder / image.file_name
            if not inside(image.file_name):
                raise InputError(f"{path}: expected the name of a file inside the folder, got {image.file_name!r}")
            if file.exists():
                pairs.append(Pair(Path(image.file_name).with_suffix("").as_posix(), file, path, image.id))
            else:
                missing.append(
                    Fault(str(file), "missing_image", f"image id {image.id}", f"Add it, or remove it from {path}.")
                )
        splits[split] = tuple(pairs)
    taxonomy = one_taxonomy(contents, name)
    sizes = {path: {i.id: (i.height, i.width) for i in content.images} for path, content in contents.items()}

    def objects(pair: Pair, crowds: bool) -> Instances:
        assert pair.target is not None
        annotations = contents[pair.target].of_image(pair.key)
        found = tuple(Instance(a.mask, a.category_id, a.score) for a in annotations if a.crowd == crowds)
        return Instances(sizes[pair.target][pair.key], found, taxonomy)

    return Layout(
        name,
        root,
        taxonomy,
        splits,
        "coco",
        lambda pair, size: objects(pair, crowds),
        None,
        complete,
        missing=tuple(missing),
        mixed_bands=True,
        crowd_objects=None if crowds else lambda pair: objects(pair, True),
    )


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


def inside(name: str) -> bool:
    """Whether a name from a file stays inside its folder."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def one_taxonomy(contents: dict[Path, Any], name: str) -> Taxonomy | None:
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
    files = panoptic_files(root)
    splits: dict[str, tuple[Pair, ...]] = {}
    contents: dict[Path, PanopticFile] = {}
    missing: list[Fault] = []
    for split, path in files.items():
        content = contents[path] = read_panoptic(path)
        folder = image_folder(root, split, path)
        pairs = []
        for row in content.rows:
            name = content.photos.get(row["image_id"], f"{Path(row['file_name']).stem}.jpg")
            if not inside(name):
                raise InputError(f"{path}: expected the name of a file inside the folder, got {name!r}")
            pair = Pair(
                Path(name).with_suffix("").as_posix(), folder / name, content.folder / row["file_name"], (path, row)
            )
            for file, kind in ((pair.image, "missing_image"), (pair.target, "missing_mask")):
                if file is not None and not file.exists():
                    missing.append(
                        Fault(str(file), kind, f"image id {row['image_id']}", f"Add it, or take it out of {path}.")
                    )
            if pair.image.exists() and pair.target is not None and pair.target.exists():
                pairs.append(pair)
        splits[split] = tuple(pairs)
    taxonomy = one_taxonomy(contents, "coco_panoptic")

    def read(pair: Pair, size: tuple[int, int]) -> Segmentation:
        json, row = pair.key
        assert pair.target is not None
        told = {s["id"]: s["category_id"] for s in row["segments_info"]}
        found = Segmentation.from_ids(read_panoptic_png(pair.target), categories=told, taxonomy=taxonomy)
        drawn = {s.id for s in found.segments}
        for which, where in ((drawn - told.keys(), f"the JSON {json.name}"), (told.keys() - drawn, "the PNG")):
            if which:
                raise InputError(f"{pair.target}: segments that {where} does not have: {sorted(which)[:8]}")
        return found

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
    return frozenset(s["id"] for s in pair.key[1]["segments_info"] if s.get("iscrowd", 0) == 1)


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
