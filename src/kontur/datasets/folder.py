"""A data set of your own: a folder of images with masks, a COCO file, YOLO polygons or labelme files.

    images/<name>.jpg|png|tif ..          with masks/<name>.png: one split, "all"; or images/train, masks/train, ..
    {train,val}/images, {train,val}/masks likewise; {train,val}, {train,val}annot as CamVid has it
    *.json or annotations/*.json          COCO: each file a split, images in <split>/ or images/
    images/.., labels/<name>.txt          YOLO polygons, with data.yaml or classes.txt for the names
    <name>.json beside <name>.jpg         labelme

Masks hold ids in one channel. Their categories come from `taxonomy` or `classes`, else from classes.txt or taxonomy.json
in the root. Where a file has class names of its own (COCO, labelme, data.yaml), these are joined to the taxonomy by
name: a name that is unknown or missing is an error, and ids are the taxonomy's, wherever the name stands in the file.

    leaves = kontur.datasets.open("folder", "leaves", split="train", classes=["background", "leaf", "rust"])
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import KonturError, OptionError, UnreadableFile
from ..core.taxonomy import Taxonomy
from ..io.photos import SUFFIXES
from ..io.text import read_json
from .class_names import taxonomy_and_names
from .coco import image_folder
from .folder_layouts import MASK_SUFFIXES, Source, coco_files, labelme, masks_of, yolo
from .sample import Layout, existing, files_in

_IMAGES = ("images", "image", "imgs", "img", "photos", "JPEGImages")
_MASKS = ("masks", "mask", "labels", "label", "annotations", "annots", "gt", "ground-truth", "SegmentationClass")
_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing", "trainval")


def folder(
    root: str | Path,
    *,
    taxonomy: Taxonomy | str | Path | None = None,
    classes: Sequence[str] | str | Path | None = None,
    images: str | Path | None = None,
    masks: str | Path | None = None,
    ignore: int | None = 255,
) -> Layout:
    """A folder as the module says.

    taxonomy: a Taxonomy or its JSON file. classes: names in the order of their ids from 0, a text file of
    them, or their number.
    images, masks: folders, or for masks a COCO file, inside the root or elsewhere, where they have other names.
    ignore: the mask value that does not count; not used where a taxonomy is given.

    Raises UnreadableFile for a folder without such a layout, OptionError for masks without names of their categories.
    """
    source = find(root, taxonomy=taxonomy, classes=classes, images=images, masks=masks, ignore=ignore)
    if source.form != "ids":
        return {"coco": coco_files, "labelme": labelme, "yolo": yolo}[source.form](source)
    if source.taxonomy is None:
        raise OptionError(
            f"{source.root}: masks hold numbers only: expected taxonomy= or classes= (names in the order of their ids), "
            "or classes.txt or taxonomy.json in the folder"
        )
    return masks_of(source)


# --- what is it -----------------------------------------------------------------------------------------------------


def find(
    root: str | Path,
    *,
    taxonomy: Taxonomy | str | Path | None = None,
    classes: Sequence[str] | str | Path | None = None,
    images: str | Path | None = None,
    masks: str | Path | None = None,
    ignore: int | None = 255,
) -> Source:
    """Tell the form of a folder and its splits from the names of its files. Raises as `folder`."""
    path = Path(root)
    if path.is_file() and path.suffix.lower() == ".json":  # one COCO file stands for its folder
        path, masks = path.parent, path.name
        if path.name == "annotations":
            path, masks = path.parent, f"annotations/{masks}"
    path = existing(path)
    categories, named, named_in = taxonomy_and_names(path, taxonomy, classes, ignore)
    form, splits = _form(path, images, masks)
    return Source(path, form, splits, categories, named, named_in)


def _form(root: Path, images: str | Path | None, masks: str | Path | None) -> tuple[str, dict[str, tuple[Path, Path]]]:
    if masks is not None and str(masks).lower().endswith(".json"):
        json = _given(root, masks)
        split = json.stem.removeprefix("instances_")
        return "coco", {split: (_given(root, images) if images else image_folder(root, split, json), json)}
    if images is not None or masks is not None:
        pictures = _given(root, images) if images is not None else _first(root, _IMAGES, SUFFIXES)
        truth = _given(root, masks) if masks is not None else _first(root, _MASKS, MASK_SUFFIXES)
        if pictures is None or truth is None:
            raise UnreadableFile(f"{root}: expected a folder of images and one of masks; name both: images=, masks=")
        form = "yolo" if _holds(truth, (".txt",)) and not _holds(truth, (".png",)) else "ids"
        return form, _below(pictures, truth)
    json_files = [p for f in (root / "annotations", root) for p in files_in(f, (".json",)) if _is_coco(p)]
    if json_files:
        splits = {p.stem.removeprefix("instances_"): p for p in json_files}
        return "coco", {split: (image_folder(root, split, p), p) for split, p in splits.items()}
    found = _mask_splits(root)
    if found:
        form = "yolo" if any(_holds(t, (".txt",)) and not _holds(t, (".png",)) for _, t in found.values()) else "ids"
        return form, found
    alone = next((f for f in (root, *(root / n for n in _IMAGES)) if _has_labelme(f)), None)
    labelme = {"all": (alone, alone)} if alone is not None else {}
    labelme |= {s: (f, f) for s in _SPLITS for f in (root / s, root / s / "images") if _has_labelme(f)}
    if labelme:
        return "labelme", labelme
    raise UnreadableFile(
        f"{root}: expected images/ and masks/, a COCO file, images/ and labels/ with YOLO polygons, or labelme files, "
        f"got {', '.join(sorted(p.name for p in root.iterdir())[:8]) or 'nothing'}. Name the folders: images=, masks="
    )


def _mask_splits(root: Path) -> dict[str, tuple[Path, Path]]:
    pictures, truth = _first(root, _IMAGES, SUFFIXES), _first(root, _MASKS, (*MASK_SUFFIXES, ".txt"))
    if pictures and truth:
        return _below(pictures, truth)
    found = {}
    for split in _SPLITS:
        inner = _first(root / split, _IMAGES, SUFFIXES), _first(root / split, _MASKS, (*MASK_SUFFIXES, ".txt"))
        beside = [root / f"{split}{end}" for end in ("annot", "_masks", "_labels", "_annot", "masks", "labels")]
        if inner[0] and inner[1]:
            found[split] = (inner[0], inner[1])
        elif files_in(root / split, SUFFIXES):
            truth = next((b for b in beside if b.is_dir()), None)
            if truth is not None:
                found[split] = (root / split, truth)
    return found


def _below(pictures: Path, truth: Path) -> dict[str, tuple[Path, Path]]:
    """One split, or one for each sub-folder of images."""
    if files_in(pictures, SUFFIXES):
        return {"all": (pictures, truth)}
    inner = sorted(p.name for p in pictures.iterdir() if p.is_dir() and files_in(p, SUFFIXES))
    if not inner:
        raise UnreadableFile(f"{pictures}: expected images, or sub-folders of images, got neither")
    return {name: (pictures / name, truth / name) for name in inner}


def _given(root: Path, name: str | Path) -> Path:
    for candidate in (root / name, Path(name)):
        if candidate.exists():
            return candidate
    raise UnreadableFile(f"{root / name}: no such file or folder")


def _first(root: Path, names: tuple[str, ...], suffixes: tuple[str, ...]) -> Path | None:
    return next((root / n for n in names if _holds(root / n, suffixes)), None)


def _holds(folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether a folder or a sub-folder has such files."""
    if not folder.is_dir():
        return False
    return bool(files_in(folder, suffixes)) or any(files_in(p, suffixes) for p in folder.iterdir() if p.is_dir())


def _is_coco(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if b'"shapes"' in start:
        return False
    if b'"annotations"' in start or b'"images"' in start:
        return True
    try:
        content = read_json(path)
    except KonturError:
        return False
    return isinstance(content, dict) and "annotations" in content


def _has_labelme(folder: Path) -> bool:
    return any((folder / f"{p.stem}.json").exists() for p in files_in(folder, SUFFIXES))
