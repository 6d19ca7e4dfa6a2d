"""BSDS500: 500 photos of nature and people, each segmented by 4 to 9 persons.

    images/{train,val,test}/<name>.jpg            RGB 481 x 321 or 321 x 481: 200 / 100 / 200
    groundTruth/{train,val,test}/<name>.mat       groundTruth{i}.Segmentation, .Boundaries

Paper: Arbelaez, Maire, Fowlkes & Malik, IEEE TPAMI 33(5), 2011. A target is a tuple of `Segmentation`, one a person.
"""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UnreadableFile
from ..core.segmentation import Segmentation
from ..io.bsds import read_bsds_truth
from ..io.photos import SUFFIXES
from .sample import Fault, Layout, Pair, by_stem, existing, files_in, matched

COMPLETE = {"train": 200, "val": 100, "test": 200}


def bsds500(root: str | Path) -> Layout:
    """Raises UnreadableFile for a folder without the layout."""
    root = existing(root)
    if (root / "data" / "images").is_dir():  # the official archive: BSR/BSDS500/data
        root = root / "data"
    root = existing(root, "images", "groundTruth")
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    orphans: list[Fault] = []
    for split in COMPLETE:
        images, truths = files_in(root / "images" / split, SUFFIXES), files_in(root / "groundTruth" / split, (".mat",))
        if images or truths:
            splits[split], without, alone = matched(by_stem(images), by_stem(truths), "truth")
            missing += without
            orphans += alone
    if not splits:
        raise UnreadableFile(f"{root}: expected images/train, images/val or images/test with photos")
    return Layout(
        "bsds500",
        root,
        None,
        splits,
        "bsds",
        _read,
        complete=COMPLETE,
        missing=tuple(missing),
        faults=tuple(orphans),
    )


def _read(pair: Pair, size: tuple[int, int]) -> tuple[Segmentation, ...]:
    assert pair.target is not None
    return tuple(Segmentation.from_labels(human.regions) for human in read_bsds_truth(pair.target))
