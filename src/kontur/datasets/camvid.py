"""CamVid: street scenes from a driving car.

SegNet's edition, 367 / 101 / 233 images 480 x 360 of 11 classes (`camvid`):

    {train,val,test}/<name>.jpg|png         RGB
    {train,val,test}annot/<name>.png        grey: 0 sky .. 10 bicyclist, 11 void

The original, 701 images 960 x 720 of 31 classes and Void (`camvid32`), one split "all":

    701_StillsRaw_full/<name>.png           RGB
    LabeledApproved_full/<name>_L.png       RGB: the colours below

Papers: Brostow, Fauqueur & Cipolla, Pattern Recognition Letters 30(2), 2009 (the set); Badrinarayanan et al., "SegNet",
arXiv:1511.00561 (the split and the 11 classes).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.taxonomy import Category, Taxonomy
from ..io.photos import SUFFIXES, read_image
from .sample import Fault, Layout, MaskReader, Pair, by_stem, existing, files_in, matched

COMPLETE = {"train": 367, "val": 101, "test": 233}

TAXONOMY = Taxonomy(
    (
        Category(0, "sky", (128, 128, 128)),
        Category(1, "building", (128, 0, 0)),
        Category(2, "pole", (192, 192, 128)),
        Category(3, "road", (128, 64, 128)),
        Category(4, "pavement", (0, 0, 192)),
        Category(5, "tree", (128, 128, 0)),
        Category(6, "sign", (192, 128, 128)),
        Category(7, "fence", (64, 64, 128)),
        Category(8, "car", (64, 0, 128), thing=True),
        Category(9, "pedestrian", (64, 64, 0), thing=True),
        Category(10, "bicyclist", (0, 128, 192), thing=True),
    ),
    ignore=11,
    name="CamVid",
)

_COLOURS_32 = {
    "Animal": (64, 128, 64),
    "Archway": (192, 0, 128),
    "Bicyclist": (0, 128, 192),
    "Bridge": (0, 128, 64),
    "Building": (128, 0, 0),
    "Car": (64, 0, 128),
    "CartLuggagePram": (64, 0, 192),
    "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128),
    "Fence": (64, 64, 128),
    "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64),
    "Misc_Text": (128, 128, 64),
    "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64),
    "ParkingBlock": (64, 192, 128),
    "Pedestrian": (64, 64, 0),
    "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192),
    "Sidewalk": (0, 0, 192),
    "SignSymbol": (192, 128, 128),
    "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192),
    "TrafficCone": (0, 0, 64),
    "TrafficLight": (0, 64, 64),
    "Train": (192, 64, 128),
    "Tree": (128, 128, 0),
    "Truck_Bus": (192, 128, 192),
    "Tunnel": (64, 0, 64),
    "VegetationMisc": (192, 192, 0),
    "Wall": (64, 192, 0),
}
VOID_32 = (0, 0, 0)

TAXONOMY_32 = Taxonomy(
    tuple(Category(number, name, colour) for number, (name, colour) in enumerate(_COLOURS_32.items())),
    ignore=255,
    name="CamVid, original classes",
)


def camvid(root: str | Path) -> Layout:
    """SegNet's edition. Raises UnreadableFile for a folder without its splits."""
    root = existing(root)
    splits: dict[str, tuple[Pair, ...]] = {}
    missing: list[Fault] = []
    orphans: list[Fault] = []
    for split in COMPLETE:
        images, masks = files_in(root / split, SUFFIXES), files_in(root / f"{split}annot", SUFFIXES)
        if images or masks:
            splits[split], without, alone = matched(by_stem(images), by_stem(masks))
            missing += without
            orphans += alone
    if not splits:
        raise UnreadableFile(f"{root}: expected CamVid's folders train, trainannot, val, valannot, test, testannot")
    return Layout(
        "camvid",
        root,
        TAXONOMY,
        splits,
        "ids",
        MaskReader(TAXONOMY),
        complete=COMPLETE,
        missing=tuple(missing),
        faults=tuple(orphans),
    )


def camvid32(root: str | Path) -> Layout:
    """The original masks, whose colours are the classes; Void is ignored."""
    root = existing(root, "701_StillsRaw_full", "LabeledApproved_full")
    images = files_in(root / "701_StillsRaw_full", SUFFIXES)
    masks = files_in(root / "LabeledApproved_full", (".png",))
    pairs, missing, orphans = matched(by_stem(images), by_stem(masks, "_L"))
    return Layout(
        "camvid32",
        root,
        TAXONOMY_32,
        {"all": pairs},
        "colours",
        _read_colours,
        complete={"all": 701},
        missing=missing,
        faults=orphans,
    )


def _read_colours(pair: Pair, size: tuple[int, int]) -> NDArray[np.uint8]:
    return ids_of_colours(pair.target)  # type: ignore[arg-type]


def ids_of_colours(path: Path) -> NDArray[np.uint8]:
    """Ids (H, W) of a mask in the original colours. Raises InputError that names file, colour and count."""
    pixels = read_image(path).pixels
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InputError(f"{path}: expected an RGB mask in CamVid's colours, got {pixels.shape}")
    codes = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    table = {(r << 16) | (g << 8) | b: n for n, (r, g, b) in enumerate(_COLOURS_32.values())} | {0: 255}
    values, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    foreign = [(f"#{v:06x}", c) for v, c in zip(values.tolist(), counts.tolist()) if v not in table]
    if foreign:
        told = ", ".join(f"{colour} ({count} pixels)" for colour, count in foreign[:8])
        raise InputError(f"{path}: expected CamVid's 32 colours, got {told}. Was the mask resized or saved as JPEG?")
    return np.array([table[v] for v in values.tolist()], np.uint8)[places.reshape(codes.shape)]
