"""Two images of cows on grass in COCO's panoptic form, and a recipe for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kontur.core.segmentation import Segmentation
from kontur.core.taxonomy import Category, Taxonomy
from kontur.io.panoptic import PanopticEntry, write_panoptic
from kontur.io.pictures import write_picture

TAXONOMY = Taxonomy((Category(30, "grass", (0, 200, 0)), Category(8, "cow", (150, 90, 20), True)), ignore=None)


def scene(number: int) -> tuple[np.ndarray, Segmentation, frozenset[int]]:
    """Grass, two cows (one at the border), a strip of void, and in the second image a crowd."""
    ids = np.ones((64, 80), int)
    ids[:4] = 0
    ids[20 + number : 40, 10:30], ids[30:50, 60:] = 2, 3
    pixels = np.select([(ids == 1)[..., None], (ids > 1)[..., None]], [(40, 180, 60), (150, 90, 40)], 0)
    result = Segmentation.from_ids(ids, categories={1: 30, 2: 8, 3: 8}, taxonomy=TAXONOMY)
    return pixels.astype(np.uint8), result, frozenset({3} if number else ())


def recipe_for(root: Path, network: dict[str, Any], epochs: int = 1) -> dict[str, Any]:
    """The content of a recipe for both images, which are written to `root`: a step an epoch."""
    entries = []
    for number in range(2):
        pixels, result, crowds = scene(number)
        write_picture(root / "images" / f"{number}.png", pixels)
        entries.append(PanopticEntry(number, f"{number}.png", result, crowds))
    write_panoptic(root / "panoptic_all.json", entries, TAXONOMY)
    return {
        "name": "cows",
        "task": "panoptic",
        "data": {"set": "coco_panoptic", "root": str(root), "train": ["all"], "val": "all", "test": "all"},
        "network": network,
        "stages": [{"epochs": epochs, "batch": 2, "crop": [64, 80], "scales": [1.0, 1.0]}],
        "augmentation": {"flip": 0.0},
        "validation": {"samples": 1},
        "run": {"threads": 1, "channels_last": False},
    }
