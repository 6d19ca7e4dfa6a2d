"""DRIVE: 40 photos of the retina, 565 x 584, with the vessels drawn by hand.

    {training,test}/images/<number>.jpg|tif         RGB: 20 / 20
    {training,test}/1st_manual/<number>.png|gif     0 background, 255 vessel
    {training,test}/mask/<number>.png|gif           255 in the field of view: pixels outside are ignored

File names may carry _training, _test, _manual1 and the like behind the number. An image whose vessels were not
delivered stays in its split with an all-ignored target, and the data set's notes say so.

Paper: Staal et al., IEEE TMI 23(4), 2004.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.taxonomy import Category, Taxonomy
from ..io.labels import read_labels
from ..io.photos import SUFFIXES
from .sample import Fault, Layout, MaskReader, Pair, existing, files_in

COMPLETE = {"training": 20, "test": 20}
TAXONOMY = Taxonomy((Category(0, "background", (0, 0, 0)), Category(1, "vessel", (255, 255, 255))), 255, "DRIVE")
VALUES = {0: 0, 255: 1}


def drive(root: str | Path) -> Layout:
    """Raises UnreadableFile for a folder without the layout."""
    root = existing(root, "training/images", "test/images")
    splits: dict[str, tuple[Pair, ...]] = {}
    faults, notes = [], []
    for split in COMPLETE:
        images = _by_number(root / split / "images")
        vessels, views = _by_number(root / split / "1st_manual"), _by_number(root / split / "mask")
        faults += [
            Fault(str(p), "missing_image", n, "Add the image of this mask.")
            for n, p in vessels.items()
            if n not in images
        ]
        without = sorted(n for n in images if n not in vessels)
        if without:
            notes.append(f"split {split}: no vessels were delivered for {', '.join(without)}: all ignored")
        splits[split] = tuple(Pair(n, path, vessels.get(n), views.get(n)) for n, path in images.items())
    return Layout(
        "drive", root, TAXONOMY, splits, "ids", _read, VALUES, COMPLETE, faults=tuple(faults), notes=tuple(notes)
    )


def _by_number(folder: Path) -> dict[str, Path]:
    return {p.stem.split("_")[0]: p for p in files_in(folder, SUFFIXES)}


def _read(pair: Pair, size: tuple[int, int]) -> NDArray[np.integer]:
    assert pair.target is not None
    ids = MaskReader(TAXONOMY, VALUES).ids(read_labels(pair.target), str(pair.target))
    if pair.key is not None:
        view = read_labels(pair.key)
        if view.shape != ids.shape:
            raise InputError(f"{pair.key}: expected the size of the vessels {ids.shape} (H, W), got {view.shape}")
        ids[view == 0] = 255
    return ids
