"""The forms in which labels are kept: one file a form, each with `read` and a `Writer`.

read(source, choices) -> LabelSet;  Writer(target, taxonomy, choices): add(image) -> Held for each image, then close()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from ...core.errors import UnknownName
from ...core.taxonomy import Taxonomy
from ..labelled import Held, LabelledImage, LabelSet

FORMS = {
    "coco": "COCO instances: one JSON",
    "coco-panoptic": "COCO panoptic: one JSON and a folder of PNGs of the same name",
    "voc": "PASCAL VOC: a folder with SegmentationClass/ and SegmentationObject/, palette PNGs",
    "cityscapes": "Cityscapes: a folder of *_labelIds.png, with *_instanceIds.png",
    "cityscapes-trainids": "Cityscapes: a folder of *_labelTrainIds.png",
    "yolo": "YOLO polygons: a folder of text files (labels/) beside images/",
    "labelme": "labelme: a folder of JSON files, one an image",
    "labels": "label PNG: a folder of *.labels.png (ids) with the segments' JSON, or PNGs of category ids",
}
"""The names for --from and --to."""

_ALSO = {
    "coco-instances": "coco",
    "panoptic": "coco-panoptic",
    "voc-png": "voc",
    "cityscapes-labelids": "cityscapes",
    "yolo-polygons": "yolo",
    "label-png": "labels",
}


@dataclass(frozen=True)
class Choices:
    """What a form may need to be told.

    images: the folder of photos, for sizes and names. taxonomy: the categories of files that do not name theirs.
    join: YOLO: write parts and holes into one line, joined by bridges. skip_missing: YOLO: leave out files without photo.
    """

    images: Path | None = None
    taxonomy: Taxonomy | None = None
    join: bool = False
    skip_missing: bool = False


class Writer(Protocol):
    """Writes one form."""

    def add(self, image: LabelledImage) -> Held: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Form:
    """One form's functions. prepare: what its categories need, such as ids from 1 on or the names of Cityscapes."""

    name: str
    is_folder: bool
    read: Callable[[Path, Choices], LabelSet]
    writer: Callable[[Path, LabelSet, Choices], Writer]
    prepare: Callable[[LabelSet, bool], LabelSet]


def form(name: str) -> Form:
    """The form of a name in FORMS. Raises UnknownName."""
    name = _ALSO.get(name, name)
    if name not in FORMS:
        raise UnknownName("label form", name, FORMS, f"Expected one of: {', '.join(FORMS)}.")
    module = import_module(f".{name.replace('-', '_')}", __name__)
    return Form(
        name, module.IS_FOLDER, module.read, module.Writer, getattr(module, "prepare", lambda labels, _: labels)
    )
