"""ISBI 2012: 30 sections of a fruit fly's nerve cord under the electron microscope, 512 x 512.

    image/<number>.png      grey
    label/<number>.png      0 membrane, 255 cell

Paper: Arganda-Carreras et al., Frontiers in Neuroanatomy 9, 2015.
"""

from __future__ import annotations

from pathlib import Path

from ..core.taxonomy import Category, Taxonomy
from ..io.photos import SUFFIXES
from .sample import Layout, MaskReader, by_stem, existing, files_in, matched

COMPLETE = {"all": 30}
TAXONOMY = Taxonomy(
    (Category(0, "membrane", (0, 0, 0)), Category(1, "cell", (255, 255, 255), thing=True)), None, "ISBI 2012"
)
VALUES = {0: 0, 255: 1}


def isbi2012(root: str | Path) -> Layout:
    """Raises UnreadableFile for a folder without the layout."""
    root = existing(root, "image", "label")
    images, masks = files_in(root / "image", SUFFIXES), files_in(root / "label", (".png", ".tif"))
    pairs, missing, orphans = matched(by_stem(images), by_stem(masks))
    pairs = tuple(sorted(pairs, key=lambda p: (len(p.name), p.name)))  # 2 before 10
    reader = MaskReader(TAXONOMY, VALUES)
    return Layout("isbi2012", root, TAXONOMY, {"all": pairs}, "ids", reader, VALUES, COMPLETE, missing, orphans)
