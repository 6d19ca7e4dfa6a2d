"""PASCAL VOC 2012, segmentation: 20 classes and background.

    VOC2012/ImageSets/Segmentation/{train,val,trainval}.txt   names: 1,464 / 1,449 / 2,913
    VOC2012/JPEGImages/<name>.jpg                             RGB
    VOC2012/SegmentationClass/<name>.png                      palette: 0 background, 1-20, 255 ignore  (`voc`)
    VOC2012/SegmentationObject/<name>.png                     palette: 0 background, 1.. objects, 255  (`voc_objects`)

The augmented masks (Hariharan et al., "Semantic Contours from Inverse Detectors", ICCV 2011; `voc_augmented`):

    VOC2012/ImageSets/Segmentation/{train_aug,val}.txt        names: 10,582 / 1,449 (or trainaug.txt)
    VOC2012/SegmentationClassAug/<name>.png                   grey: the same values

The root may be VOC2012, VOCdevkit or the folder around it. Set: Everingham et al., IJCV 111(1), 2015.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from ..core import rle
from ..core.errors import InputError, UnreadableFile
from ..core.instances import Instance, Instances
from ..core.taxonomy import Category, Taxonomy, voc_colour
from ..io.labels import read_labels
from ..io.text import read_lines
from .sample import Fault, Layout, MaskReader, Pair, existing

COMPLETE = {"train": 1464, "val": 1449}
COMPLETE_AUGMENTED = {"train_aug": 10_582, "val": 1449}
IGNORE = 255

NAMES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
TAXONOMY = Taxonomy(
    tuple(Category(i, name, voc_colour(i), thing=i > 0) for i, name in enumerate(NAMES)), IGNORE, "PASCAL VOC 2012"
)


def voc(root: str | Path) -> Layout:
    """Class masks. Raises UnreadableFile for a folder without the layout."""
    root = _folder(root, "SegmentationClass")
    return _layout("voc", root, ("train", "val", "trainval"), "SegmentationClass", COMPLETE)


def voc_objects(root: str | Path) -> Layout:
    """Objects as `Instances`, each with the class that most of its pixels have in the class mask."""
    root = _folder(root, "SegmentationObject", "SegmentationClass")
    return _layout("voc_objects", root, ("train", "val", "trainval"), "SegmentationObject", COMPLETE)


def voc_augmented(root: str | Path) -> Layout:
    """The augmented class masks. Raises InputError when the original 1,464 stand where the 10,582 should."""
    root = _folder(root, "SegmentationClassAug")
    lists = root / "ImageSets" / "Segmentation"
    if not (lists / "train_aug.txt").exists() and not (lists / "trainaug.txt").exists():
        raise UnreadableFile(
            f"{lists}: expected train_aug.txt, the list of the 10,582 augmented images; train.txt lists the original 1,464"
        )
    layout = _layout(
        "voc_augmented", root, ("train_aug", "trainaug", "val"), "SegmentationClassAug", COMPLETE_AUGMENTED
    )
    listed = next(_names(lists / f"{s}.txt") for s in ("train_aug", "trainaug") if (lists / f"{s}.txt").exists())
    if len(listed) == COMPLETE["train"]:
        raise InputError(
            f"{lists}: expected the 10,582 images of the augmented set, got 1,464: the original list under another name"
        )
    return layout


def _folder(root: str | Path, *needed: str) -> Path:
    root = existing(root)
    for candidate in (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"):
        if (candidate / "JPEGImages").is_dir():
            return existing(candidate, "ImageSets/Segmentation", *needed)
    raise UnreadableFile(f"{root}: expected VOC2012/JPEGImages, ImageSets/Segmentation and {', '.join(needed)}")


def _names(path: Path) -> list[str]:
    return read_lines(path, "a text file with a name a line")


def _layout(name: str, root: Path, lists: tuple[str, ...], masks: str, complete: dict[str, int]) -> Layout:
    splits: dict[str, tuple[Pair, ...]] = {}
    missing, faults = [], []
    for split in lists:
        path = root / "ImageSets" / "Segmentation" / f"{split}.txt"
        if not path.exists():
            continue
        names = _names(path)
        faults += [
            Fault(str(path), "listed_twice", n, "Remove the second line.") for n, c in Counter(names).items() if c > 1
        ]
        pairs = []
        for n in dict.fromkeys(names):
            pair = Pair(n, root / "JPEGImages" / f"{n}.jpg", root / masks / f"{n}.png")
            for file, kind in ((pair.image, "missing_image"), (pair.target, "missing_mask")):
                if file is not None and not file.exists():
                    missing.append(
                        Fault(str(file), kind, f"listed in {path.name}", "Add it or remove it from the list.")
                    )
            if pair.image.exists() and pair.target is not None and pair.target.exists():
                pairs.append(pair)
        splits["train_aug" if split == "trainaug" else split] = tuple(pairs)
    if not splits:
        raise UnreadableFile(
            f"{root}: expected a list in ImageSets/Segmentation: {', '.join(f'{s}.txt' for s in lists)}"
        )
    if name == "voc_objects":
        return Layout(
            name, root, TAXONOMY, splits, "objects", _read_objects, None, complete, tuple(missing), tuple(faults)
        )
    reader = MaskReader(TAXONOMY)
    return Layout(name, root, TAXONOMY, splits, "ids", reader, None, complete, tuple(missing), tuple(faults))


def _read_objects(pair: Pair, size: tuple[int, int]) -> Instances:
    assert pair.target is not None
    objects = read_labels(pair.target)
    classes = MaskReader(TAXONOMY).ids(
        read_labels(pair.target.parent.parent / "SegmentationClass" / pair.target.name), str(pair.target)
    )
    if classes.shape != objects.shape:
        raise InputError(
            f"{pair.target}: expected the size of the class mask {classes.shape}, got {objects.shape} (H, W)"
        )
    found = []
    for number in np.unique(objects):
        if number not in (0, IGNORE):
            mask = objects == number
            votes = np.bincount(classes[mask & (classes != IGNORE)], minlength=len(TAXONOMY))
            if not votes[1:].any():
                raise InputError(
                    f"{pair.target}: object {number}: expected a class of 1 to 20 in the class mask, got none"
                )
            found.append(Instance(rle.encode(mask), int(votes[1:].argmax()) + 1))
    return Instances((int(objects.shape[0]), int(objects.shape[1])), tuple(found), TAXONOMY)
