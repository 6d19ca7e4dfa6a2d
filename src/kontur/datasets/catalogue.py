"""The data sets by name: which module reads each, and its usual split; `open` and `layout`."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import OptionError, UnknownName

if TYPE_CHECKING:
    from .sample import Dataset, Layout

# name -> module and the split that is meant when none is named
_TABLE = {
    "voc": ("voc", "val"),
    "voc_objects": ("voc", "val"),
    "voc_augmented": ("voc", "train_aug"),
    "camvid": ("camvid", "train"),
    "camvid32": ("camvid", "all"),
    "cityscapes": ("cityscapes", "train"),
    "cityscapes_coarse": ("cityscapes", "train"),
    "cityscapes_objects": ("cityscapes", "train"),
    "cityscapes_panoptic": ("cityscapes", "train"),
    "coco": ("coco", "train2017"),
    "coco_crowds": ("coco", "train2017"),
    "coco_panoptic": ("coco", "train2017"),
    "coco_stuff": ("coco", "train2017"),
    "bsds500": ("bsds500", "train"),
    "grabcut": ("grabcut", "all"),
    "dsb2018": ("dsb2018", "train"),
    "isbi2012": ("isbi2012", "all"),
    "drive": ("drive", "training"),
    "folder": ("folder", ""),
}
NAMES = tuple(_TABLE)
"""The data sets that `open` and `kontur data check --as` know."""


def open(name: str, root: str | Path, split: str | None = None, **options: Any) -> Dataset:
    """A split of a data set, as a sequence of samples that are decoded when asked for.

    name:    one of NAMES. root: its folder. split: by default the set's training split ("all" where there is one only).
    options: `folder` takes taxonomy=, classes=, images=, masks= and ignore=, `grabcut` images=.

    Raises UnknownName for a wrong name or split, UnreadableFile for a folder of another form, InputError for images
    without truth.
    """
    from .sample import Dataset

    found = layout(name, root, **options)
    if split is None:
        usual = _TABLE[name][1]
        split = usual if usual in found.splits else next(iter(found.splits))
    return Dataset(found, split)


def layout(name: str, root: str | Path, **options: Any) -> Layout:
    """Which files belong together; nothing but lists and JSON files is read. Raises as `open`."""
    if name not in _TABLE:
        raise UnknownName("data set", name, NAMES, f"Known are {', '.join(NAMES)}.")
    function = getattr(importlib.import_module(f".{_TABLE[name][0]}", __package__), name)
    known = list(inspect.signature(function).parameters)[1:]
    for option in options:
        if option not in known:
            advice = f"It takes {', '.join(known) or 'none'}."
            raise OptionError(str(UnknownName(f"option of the data set {name}", option, known, advice)))
    found: Layout = function(root, **options)
    return found
