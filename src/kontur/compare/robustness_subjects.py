"""The images and truths that robustness is measured on: BSDS500, or a folder of images with one of label maps.

ROOT with images/ and groundTruth/     BSDS500, read by `kontur.datasets`; every annotator is a truth
IMAGES:TRUTH                           <stem>.png, .tif, .bmp (label maps) or .mat (BSDS) for each image
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.image import Image
from ..datasets import Dataset
from ..datasets import open as open_dataset
from ..io.bsds import read_bsds_truth
from ..io.labels import read_labels
from ..io.photos import find_images, read_image
from .robustness import Subject

ENDINGS = (".png", ".labels.png", ".tif", ".tiff", ".labels.tif", ".bmp", ".mat")
_NAMED = 5


def subjects(given: Sequence[str], *, split: str = "val", limit: int | None = None) -> list[Subject]:
    """The subjects of every IMAGES[:TRUTH], in the order of their names within each; `limit` keeps the first of each.

    Raises UnreadableFile for folders that are missing, InputError for images without truth; pixels are not read yet.
    """
    found: list[Subject] = []
    for text in given:
        images, truth = _paths(text)
        some = _bsds(images, split) if truth is None else _folder(images, truth)
        found += some[:limit]
    return found


def _paths(text: str) -> tuple[Path, Path | None]:
    whole = Path(text)
    # The last colon parts the two, unless all of it is a path (C:\photos has a colon of its own).
    images, colon, truth = text.rpartition(":")
    if whole.exists() or not colon or not images or not truth:
        return whole, None
    return Path(images), Path(truth)


def _bsds(root: Path, split: str) -> list[Subject]:
    if not root.exists():
        raise UnreadableFile(f"{root}: no such folder")
    places = (root, root / "data")
    if not any((p / "images").is_dir() and (p / "groundTruth").is_dir() for p in places):
        raise InputError(
            f"{root}: expected a BSDS500 folder (images/ and groundTruth/), or IMAGES:TRUTH with a folder of label maps"
        )
    data = open_dataset("bsds500", root, split=split)
    return [Subject(name, functools.partial(_load_sample, data, i)) for i, name in enumerate(data.names)]


def _load_sample(data: Dataset, index: int) -> tuple[Image, tuple[NDArray, ...]]:
    image, humans, _ = data[index]
    return image, tuple(human.ids for human in humans)


def _folder(images: Path, truth: Path) -> list[Subject]:
    if not truth.exists():
        raise UnreadableFile(f"{truth}: no such file or folder")
    found, missing = [], []
    for path, stem in sorted(find_images([images]), key=lambda pair: str(pair[1])):
        file = truth if truth.is_file() else _truth_file(truth, stem)
        if file is None:
            missing.append(str(path))
        else:
            found.append(Subject(str(stem), functools.partial(_load_files, path, file)))
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise InputError(
            f"{truth}: expected a label map of every image, none for {', '.join(missing[:_NAMED])}{more} "
            f"(<stem> with {', '.join(ENDINGS)})"
        )
    return found


def _truth_file(folder: Path, stem: Path) -> Path | None:
    beside = (folder / stem).parent
    return next((beside / (stem.name + end) for end in ENDINGS if (beside / (stem.name + end)).is_file()), None)


def _load_files(path: Path, file: Path) -> tuple[Image, tuple[NDArray, ...]]:
    image = read_image(path)
    truths: tuple[NDArray, ...]
    if file.suffix.lower() == ".mat":
        truths = tuple(human.regions for human in read_bsds_truth(file))
    else:
        truths = (read_labels(file),)
    if truths[0].shape != image.shape:
        raise InputError(f"{file}: expected the size of {path}, {image.shape} (H, W), got {truths[0].shape}")
    return image, truths
