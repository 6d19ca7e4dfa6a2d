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

import ast
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, KonturError, OptionError, UnreadableFile
from ..core.instances import Instance, Instances
from ..core.taxonomy import Taxonomy
from ..io.coco import CocoFile, read_coco
from ..io.documents import read_json
from ..io.labelme import read_labelme
from ..io.photos import SUFFIXES
from ..io.taxonomy import read_taxonomy
from ..io.yolo import read_yolo
from .coco import image_folder, inside
from .sample import Fault, Layout, MaskReader, Pair, by_stem, existing, files_in, matched

_IMAGES = ("images", "image", "imgs", "img", "photos", "JPEGImages")
_MASKS = ("masks", "mask", "labels", "label", "annotations", "annots", "gt", "ground-truth", "SegmentationClass")
_MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg", ".webp")  # JPEG: to say what is wrong with it
_ENDINGS = ("", "_mask", "_masks", "_label", "_labels", "_gt", "_L", ".labels", "_segmentation", "-mask", "-label")
_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing", "trainval")


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
    if source.form == "coco":
        return _coco(source)
    if source.form == "labelme":
        return _labelme(source)
    if source.form == "yolo":
        return _yolo(source)
    if source.taxonomy is None:
        raise OptionError(
            f"{source.root}: masks hold numbers only: expected taxonomy= or classes= (names in the order of their ids), "
            "or classes.txt or taxonomy.json in the folder"
        )
    splits, missing, orphans = mask_pairs(source)
    join, faults = joined(source.named, source.taxonomy, source.named_in)
    values = None
    if join and not faults:
        values = dict(join)
        if source.taxonomy.ignore is not None:
            values[source.taxonomy.ignore] = source.taxonomy.ignore
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
    categories, named, named_in = _categories(path, taxonomy, classes, ignore)
    form, splits = _form(path, images, masks)
    return Source(path, form, splits, categories, named, named_in)


def _form(root: Path, images: str | Path | None, masks: str | Path | None) -> tuple[str, dict[str, tuple[Path, Path]]]:
    if masks is not None and str(masks).lower().endswith(".json"):
        json = _given(root, masks)
        split = json.stem.removeprefix("instances_")
        return "coco", {split: (_given(root, images) if images else image_folder(root, split, json), json)}
    if images is not None or masks is not None:
        pictures = _given(root, images) if images is not None else _first(root, _IMAGES, SUFFIXES)
        truth = _given(root, masks) if masks is not None else _first(root, _MASKS, _MASK_SUFFIXES)
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
    pictures, truth = _first(root, _IMAGES, SUFFIXES), _first(root, _MASKS, (*_MASK_SUFFIXES, ".txt"))
    if pictures and truth:
        return _below(pictures, truth)
    found = {}
    for split in _SPLITS:
        inner = _first(root / split, _IMAGES, SUFFIXES), _first(root / split, _MASKS, (*_MASK_SUFFIXES, ".txt"))
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


# --- categories -----------------------------------------------------------------------------------------------------


def _categories(
    root: Path,
    taxonomy: Taxonomy | str | Path | None,
    classes: Sequence[str] | str | Path | None,
    ignore: int | None,
) -> tuple[Taxonomy | None, dict[int, str], Path | None]:
    """The taxonomy to join to; and the names that the folder itself has, by number."""
    named_in = next((root / n for n in ("data.yaml", "dataset.yaml", "classes.txt") if (root / n).exists()), None)
    own = dict(enumerate(_lines(named_in))) if named_in and named_in.suffix == ".txt" else {}
    if named_in and named_in.suffix == ".yaml":
        own = yaml_names(named_in)
    wanted: Taxonomy | None = None
    if taxonomy is not None:
        wanted = taxonomy if isinstance(taxonomy, Taxonomy) else read_taxonomy(taxonomy)
        if classes is not None:
            own, named_in = dict(enumerate(_class_names(root, classes))), Path(str(classes))
    elif classes is not None:
        wanted = Taxonomy.from_names(_class_names(root, classes), ignore=ignore, name=root.name)
    elif (root / "taxonomy.json").exists():
        wanted = read_taxonomy(root / "taxonomy.json")
    elif own:
        wanted = Taxonomy.from_names([own[n] for n in sorted(own)], ignore=ignore, name=root.name)
        if sorted(own) != list(range(len(own))):
            raise InputError(f"{named_in}: expected class numbers 0, 1, 2.. without gaps, got {sorted(own)[:8]}")
    return wanted, own, named_in


def _class_names(root: Path, classes: Sequence[str] | str | Path | int) -> list[str]:
    if isinstance(classes, int):  # as a recipe's TOML gives their number
        classes = str(classes)
    if not isinstance(classes, str | Path):
        return list(classes)
    for path in (Path(classes), root / classes):
        if path.is_file():
            return _lines(path)
    if str(classes).isdigit():
        return [str(number) for number in range(int(str(classes)))]
    if isinstance(classes, str) and "," in classes:
        return [name.strip() for name in classes.split(",")]
    raise UnreadableFile(
        f"{classes}: no such file; expected a text file with a class name a line, or names with commas"
    )


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise UnreadableFile(f"{path}: expected a text file with a class name a line") from None


def yaml_names(path: Path) -> dict[int, str]:
    """The `names` of a YOLO data.yaml, as a list, in brackets or braces, or as lines "0: person"; {} when there are none."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("names:")), None)
    if start is None:
        return {}
    first = lines[start].removeprefix("names:").split("#")[0].strip()
    if first.startswith(("[", "{")):
        text = first
        for line in lines[start + 1 :]:
            if text.endswith(("]", "}")):
                break
            text += " " + line.split("#")[0].strip()
        return _inline_names(path, text)
    found: dict[int, str] = {}
    for line in lines[start + 1 :]:
        text = line.split("#")[0].rstrip()
        if text and not text.startswith((" ", "-")):
            break
        text = text.strip()
        if text.startswith("- "):
            found[len(found)] = text[2:].strip().strip("'\"")
        elif ":" in text:
            number, name = text.split(":", 1)
            if number.strip().isdigit():
                found[int(number)] = name.strip().strip("'\"")
    return found


def _inline_names(path: Path, text: str) -> dict[int, str]:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):  # names without quotes
        words = [w.strip().strip("'\"") for w in text.strip("[]{}").split(",") if w.strip()]
        value = words if text.startswith("[") else dict(word.partition(":")[::2] for word in words)
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    try:
        return {int(number): str(name).strip() for number, name in rows}
    except (TypeError, ValueError):
        raise InputError(f"{path}: expected names as a list or as number: name, got {text[:60]!r}") from None


def joined(
    named: Mapping[int, str], taxonomy: Taxonomy | None, where: Path | None
) -> tuple[dict[int, int], tuple[Fault, ...]]:
    """Number in the files -> id of the taxonomy, by name; and the names that do not join."""
    if taxonomy is None:
        return {number: number for number in named}, ()
    ids = {category.name: category.id for category in taxonomy}
    faults = []
    for name in named.values():
        if name not in ids:
            near = difflib.get_close_matches(name, list(ids), n=1)
            kind, advice = (
                ("misspelt_class", f"Did it mean {near[0]!r}?") if near else ("unknown_class", "Correct the name.")
            )
            faults.append(Fault(str(where), kind, name, advice))
    return {number: ids[name] for number, name in named.items() if name in ids}, tuple(faults)


# --- layouts --------------------------------------------------------------------------------------------------------


def mask_pairs(source: Source) -> tuple[dict[str, tuple[Pair, ...]], tuple[Fault, ...], tuple[Fault, ...]]:
    """Splits, images without a mask, masks without an image. A common ending of the masks' names is found by itself."""
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    orphans: list[Fault] = []
    for split, (pictures, truth) in source.splits.items():
        images = by_stem(files_in(pictures, SUFFIXES))
        files = files_in(truth, _MASK_SUFFIXES)
        if pictures == truth:
            raise UnreadableFile(f"{truth}: expected images and masks in two folders")
        masks = max((by_stem(files, ending) for ending in _ENDINGS), key=lambda m: len(m.keys() & images.keys()))
        splits[split], without, alone = matched(images, masks)
        missing += without
        orphans += alone
    return splits, tuple(missing), tuple(orphans)


def _coco(source: Source) -> Layout:
    contents: dict[Path, CocoFile] = {}
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    joins: dict[Path, dict[int, int]] = {}
    taxonomy = source.taxonomy
    for split, (pictures, path) in source.splits.items():
        content = contents[path] = read_coco(path)
        taxonomy = taxonomy or content.taxonomy
        joins[path], faults = joined({c.id: c.name for c in content.taxonomy}, taxonomy, path)
        missing += faults
        pairs = []
        for image in content.images:
            if not inside(image.file_name):
                raise InputError(f"{path}: expected the name of a file inside the folder, got {image.file_name!r}")
            file = pictures / image.file_name
            if file.exists():
                pairs.append(Pair(Path(image.file_name).with_suffix("").as_posix(), file, path, image.id))
            else:
                missing.append(
                    Fault(str(file), "missing_image", f"image id {image.id}", f"Add it, or remove it from {path}.")
                )
        splits[split] = tuple(pairs)
    sizes = {path: {i.id: (i.height, i.width) for i in content.images} for path, content in contents.items()}

    def objects(pair: Pair, crowds: bool) -> Instances:
        assert pair.target is not None
        rows = contents[pair.target].of_image(pair.key)
        join = joins[pair.target]
        found = tuple(Instance(a.mask, join[a.category_id], a.score) for a in rows if a.crowd == crowds)
        return Instances(sizes[pair.target][pair.key], found, taxonomy)

    return Layout(
        "folder",
        source.root,
        taxonomy,
        splits,
        "coco",
        lambda pair, size: objects(pair, False),
        missing=tuple(missing),
        mixed_bands=True,
        crowd_objects=lambda pair: objects(pair, True),
    )


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


def _yolo(source: Source) -> Layout:
    splits, orphans = yolo_pairs(source)
    join, faults = joined(source.named, source.taxonomy, source.named_in)
    taxonomy = source.taxonomy

    def read(pair: Pair, size: tuple[int, int]) -> Instances:
        assert pair.target is not None
        if not pair.target.exists():
            return Instances(size, (), taxonomy)
        if not join:  # no names in the folder: the number is the place in the taxonomy
            return read_yolo(pair.target, size, taxonomy)
        found = read_yolo(pair.target, size)
        foreign = sorted({i.category or 0 for i in found.instances} - join.keys())
        if foreign:
            raise InputError(f"{pair.target}: expected the class numbers of {source.named_in}, got {foreign[:8]}")
        renamed = tuple(Instance(i.mask, join[i.category or 0], i.score) for i in found.instances)
        return Instances(size, renamed, taxonomy)

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
            content: Any = read_json(pair.target)  # type: ignore[arg-type]
            names |= {s["label"] for s in content["shapes"] if isinstance(s.get("label"), str)}
        except (KonturError, KeyError, TypeError, AttributeError):
            continue
    return sorted(names)


def _labelme(source: Source) -> Layout:
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
