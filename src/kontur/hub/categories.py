"""The taxonomy of a model: the names of its config.json, in their order, and which of them are things.

A configuration does not say which categories are things (countable) and which stuff. It is read, in this order, from the
class file that OneFormer models carry, from the names where they are those of COCO, Cityscapes or ADE20K, and is unknown
otherwise: then every category is taken for a thing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from ..core.errors import UnknownName
from ..core.taxonomy import Category, Taxonomy, voc_colour

COCO_THINGS = frozenset(
    """person; bicycle; car; motorcycle; airplane; bus; train; truck; boat; traffic light; fire hydrant; stop sign;
    parking meter; bench; bird; cat; dog; horse; sheep; cow; elephant; bear; zebra; giraffe; backpack; umbrella; handbag;
    tie; suitcase; frisbee; skis; snowboard; sports ball; kite; baseball bat; baseball glove; skateboard; surfboard;
    tennis racket; bottle; wine glass; cup; fork; knife; spoon; bowl; banana; apple; sandwich; orange; broccoli; carrot;
    hot dog; pizza; donut; cake; chair; couch; potted plant; bed; dining table; toilet; tv; laptop; mouse; remote;
    keyboard; cell phone; microwave; oven; toaster; sink; refrigerator; book; clock; vase; scissors; teddy bear;
    hair drier; toothbrush""".replace("\n    ", " ").split("; ")
)
CITYSCAPES_THINGS = frozenset(("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"))
CITYSCAPES_STUFF = frozenset(
    ("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain", "sky")
)  # fmt: skip
ADE_STUFF = frozenset(
    (*range(7), 9, 11, 13, 16, 17, 21, 25, 26, 28, 29, 34, 40, 46, 48, 51, 52, 54, 59, 60, 61, 63, 68, 77, 79, 84, 91, 94, 96,
     99, 100, 101, 105, 106, 109, 113, 114, 117, 122, 128, 131, 140, 141, 145)
)  # fmt: skip
"""Positions, of the 150 categories of the ADE20K challenge, that its panoptic task counts as stuff."""


def names_of(config: dict) -> dict[int, str]:
    """id -> name, as config.json says; names that occur twice get their id behind them. LABEL_0, .. where it names none."""
    given = config.get("id2label")
    if not isinstance(given, dict) or not given:
        given = {str(i): f"LABEL_{i}" for i in range(int(config.get("num_labels") or 2))}
    names = {int(key): str(name).strip() for key, name in given.items()}
    count = Counter(names.values())
    return {i: name if count[name] == 1 and name else f"{name or 'unnamed'} ({i})" for i, name in sorted(names.items())}


def things_of(names: dict[int, str], folder: Path | None) -> frozenset[str] | None:
    """The names that are things; None where it is not known."""
    from_file = _things_of_class_file(names, folder) if folder is not None else None
    if from_file is not None:
        return from_file
    known = frozenset(names.values())
    if known >= CITYSCAPES_THINGS | CITYSCAPES_STUFF:
        return CITYSCAPES_THINGS
    if known >= COCO_THINGS:
        return COCO_THINGS
    ends = {i: name.split(",")[0].lower() for i, name in names.items()}
    if len(names) == 150 and [ends.get(i) for i in (0, 1, 148, 149)] == ["wall", "building", "clock", "flag"]:
        return frozenset(name for i, name in names.items() if i not in ADE_STUFF)
    return None


def taxonomy_of(names: dict[int, str], things: frozenset[str] | None, name: str) -> Taxonomy:
    """Ids are the model's own; colours from the PASCAL VOC bit pattern."""
    categories = [Category(i, n, voc_colour(i), things is None or n in things) for i, n in names.items()]
    return Taxonomy(tuple(categories), ignore=255 if 255 not in names else 65535, name=name)


def stuff_ids(names: dict[int, str], things: frozenset[str] | None, given: str | None) -> frozenset[int]:
    """The categories whose queries become one segment: those asked for, else those known; none where nothing is known.

    given: names with semicolons between, or "" for none. Raises UnknownName.
    """
    if given is None:
        return frozenset() if things is None else frozenset(i for i, n in names.items() if n not in things)
    ids = {name: i for i, name in names.items()}
    asked = [word.strip() for word in given.split(";") if word.strip()]
    for word in asked:
        if word not in ids:
            raise UnknownName("category", word, ids, f"The model's are: {_listed(ids)}.")
    return frozenset(ids[word] for word in asked)


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:12]
    return ", ".join(shown) + (f", .. ({len(names)})" if len(names) > len(shown) else "")


def _things_of_class_file(names: dict[int, str], folder: Path) -> frozenset[str] | None:
    """Of OneFormer: {"0": {"isthing": 0, "name": ".."}, ..} in a file of its own, which the processor's file names."""
    try:
        settings = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        info = json.loads((folder / Path(str(settings["class_info_file"])).name).read_text(encoding="utf-8"))
        return frozenset(names[int(key)] for key, entry in info.items() if entry["isthing"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
