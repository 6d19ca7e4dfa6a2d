"""GrabCut: photos with one object each, its mask, and what users scribbled.

    ground-truth/<name>.png             0 background, 128 not counted (the rim of the object), 255 object
    scribbles-set-{1,2}/<name>-anno.png 0 unmarked, 1 object, 2 background
    images/<name>.jpg                   the photos, or the BSDS500 folder beside this one: they are of that set

Paper: Rother, Kolmogorov & Blake, "GrabCut", SIGGRAPH 2004. Scribbles: `scribbles` reads them as prompts know them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.taxonomy import Category, Taxonomy
from ..io.labels import read_labels
from ..io.photos import SUFFIXES, read_image
from .sample import Layout, MaskReader, Pair, by_stem, existing, files_in, matched

COMPLETE = {"all": 20}
TAXONOMY = Taxonomy(
    (Category(0, "background", (0, 0, 0)), Category(1, "object", (255, 255, 255), thing=True)), 255, "GrabCut"
)
VALUES = {0: 0, 128: 255, 255: 1}


def grabcut(root: str | Path, *, images: str | Path | None = None) -> Layout:
    """images: the folder of the photos, searched with its sub-folders; by default images/, else ../bsds500/images."""
    root = existing(root, "ground-truth")
    folders = [Path(images)] if images is not None else [root / "images", root.parent / "bsds500" / "images"]
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise UnreadableFile(
            f"{root}: expected the photos in {' or '.join(map(str, folders))}; name their folder: images="
        )
    masks = by_stem(files_in(root / "ground-truth", (".png", ".bmp")))
    photos = {p.stem: p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES and p.stem in masks}
    pairs, _, orphans = matched(photos, masks)
    return Layout("grabcut", root, TAXONOMY, {"all": pairs}, "ids", _read, VALUES, COMPLETE, faults=orphans)


def scribbles(root: str | Path, name: str, users: int = 1) -> NDArray[np.int32]:
    """One set of users' marks, (H, W) int32 as `Prompts` has them: 0 unmarked, 1 background, 2 object. users: 1 or 2."""
    path = existing(root) / f"scribbles-set-{users}" / f"{name}-anno.png"
    marks = read_labels(path)
    if int(marks.max(initial=0)) > 2:
        raise InputError(f"{path}: expected the values 0 to 2, got {int(marks.max())}")
    return np.array([0, 2, 1], np.int32)[marks]


def _read(pair: Pair, size: tuple[int, int]) -> NDArray[np.integer]:
    assert pair.target is not None
    reader = MaskReader(TAXONOMY, VALUES)
    pixels = read_image(pair.target).pixels  # one of the masks is grey saved as RGB
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            raise InputError(f"{pair.target}: expected a grey mask, got colours")
        pixels = pixels[..., 0]
    return reader.ids(pixels, str(pair.target))
