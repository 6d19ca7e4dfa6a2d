"""Cityscapes: street scenes of 50 cities, 2048 x 1024.

    leftImg8bit/{train,val,test}/<city>/<name>_leftImg8bit.png                     RGB: 2,975 / 500 / 1,525
    gtFine/{train,val,test}/<city>/<name>_gtFine_labelIds.png                      grey: 0-33           (`cityscapes`)
    gtFine/{train,val,test}/<city>/<name>_gtFine_instanceIds.png                   16 bit               (`cityscapes_objects`, `cityscapes_panoptic`)
    gtCoarse/{train,train_extra,val}/<city>/<name>_gtCoarse_labelIds.png           2,975 / 19,998 / 500 (`cityscapes_coarse`)

Files hold label ids (road is 7); the 19 classes of the benchmark have train ids (road is 0), the rest is ignored. The
mapping is done here, once, and only from labelIds files: `_labelTrainIds.png` are not read, and a labelIds file that
holds train ids (its void is 255, which is no label id) is refused. The truth of the test split is withheld: all ignored.
In instanceIds files a thing is its label id x 1000 + number, stuff its label id; a label id of things alone is a group (a crowd).

Set: Cordts et al., CVPR 2016, arXiv:1604.01685. Ids and colours: the published label table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, UnreadableFile
from ..core.files import atomic_write
from ..core.instances import Instances
from ..core.segmentation import Segmentation
from ..core.taxonomy import Category, Taxonomy
from ..io.labels import read_labels
from .sample import Crowds, Fault, Layout, MaskReader, Pair, ReadTarget, existing

COMPLETE = {"train": 2975, "val": 500, "test": 1525}
COMPLETE_COARSE = {"train": 2975, "train_extra": 19_998, "val": 500}
IGNORE = 255


class Label(NamedTuple):
    """A row of the label table. train_id: 0-18, or 255 where the benchmark ignores the label."""

    name: str
    id: int
    train_id: int
    thing: bool
    colour: tuple[int, int, int]


LABELS = (
    Label("unlabeled", 0, 255, False, (0, 0, 0)),
    Label("ego vehicle", 1, 255, False, (0, 0, 0)),
    Label("rectification border", 2, 255, False, (0, 0, 0)),
    Label("out of roi", 3, 255, False, (0, 0, 0)),
    Label("static", 4, 255, False, (0, 0, 0)),
    Label("dynamic", 5, 255, False, (111, 74, 0)),
    Label("ground", 6, 255, False, (81, 0, 81)),
    Label("road", 7, 0, False, (128, 64, 128)),
    Label("sidewalk", 8, 1, False, (244, 35, 232)),
    Label("parking", 9, 255, False, (250, 170, 160)),
    Label("rail track", 10, 255, False, (230, 150, 140)),
    Label("building", 11, 2, False, (70, 70, 70)),
    Label("wall", 12, 3, False, (102, 102, 156)),
    Label("fence", 13, 4, False, (190, 153, 153)),
    Label("guard rail", 14, 255, False, (180, 165, 180)),
    Label("bridge", 15, 255, False, (150, 100, 100)),
    Label("tunnel", 16, 255, False, (150, 120, 90)),
    Label("pole", 17, 5, False, (153, 153, 153)),
    Label("polegroup", 18, 255, False, (153, 153, 153)),
    Label("traffic light", 19, 6, False, (250, 170, 30)),
    Label("traffic sign", 20, 7, False, (220, 220, 0)),
    Label("vegetation", 21, 8, False, (107, 142, 35)),
    Label("terrain", 22, 9, False, (152, 251, 152)),
    Label("sky", 23, 10, False, (70, 130, 180)),
    Label("person", 24, 11, True, (220, 20, 60)),
    Label("rider", 25, 12, True, (255, 0, 0)),
    Label("car", 26, 13, True, (0, 0, 142)),
    Label("truck", 27, 14, True, (0, 0, 70)),
    Label("bus", 28, 15, True, (0, 60, 100)),
    Label("caravan", 29, 255, True, (0, 0, 90)),
    Label("trailer", 30, 255, True, (0, 0, 110)),
    Label("train", 31, 16, True, (0, 80, 100)),
    Label("motorcycle", 32, 17, True, (0, 0, 230)),
    Label("bicycle", 33, 18, True, (119, 11, 32)),
)
TO_TRAIN_ID = {label.id: label.train_id for label in LABELS}
TO_LABEL_ID = {label.train_id: label.id for label in LABELS if label.train_id != IGNORE}
TAXONOMY = Taxonomy(
    tuple(Category(label.train_id, label.name, label.colour, label.thing) for label in LABELS if label.train_id != 255),
    IGNORE,
    "Cityscapes",
)
TAXONOMY_THINGS = TAXONOMY.things
OBJECT = 1000  # of an instance id: label id x 1000 + number
_INSTANCE_VALUES = TO_TRAIN_ID | {
    label.id * OBJECT + number: label.train_id for label in LABELS if label.thing for number in range(OBJECT)
}


class _LabelIds(MaskReader):
    """Label ids -> train ids; a file that holds train ids is told from its 255."""

    def ids(self, raw: NDArray[np.integer], where: str) -> NDArray[np.integer]:
        void = int(np.count_nonzero(raw == IGNORE))
        if void:
            raise InputError(
                f"{where}: expected label ids 0 to 33, got 255 ({void} pixels): it holds train ids. "
                "Take the labelIds files; their mapping to train ids is done at loading."
            )
        return super().ids(raw, where)


class _Instances:
    """Instance ids -> segments whose ids are those of the file. kept: the range of ids that become segments."""

    def __init__(self, taxonomy: Taxonomy, kept: range) -> None:
        self.taxonomy, self.range = taxonomy, kept

    def segments(self, pair: Pair, size: tuple[int, int]) -> Segmentation:
        assert pair.target is not None
        ids = read_labels(pair.target).astype(np.int32)
        values = np.unique(ids).tolist()
        foreign = [value for value in values if value not in _INSTANCE_VALUES]
        if foreign:
            raise InputError(
                f"{pair.target}: expected label ids 0 to 33, or label id x {OBJECT} + number of a thing, got {foreign[:8]}"
            )
        kept = {v: _INSTANCE_VALUES[v] for v in values if v in self.range and _INSTANCE_VALUES[v] in self.taxonomy}
        ids[~np.isin(ids, list(kept))] = 0
        return Segmentation.from_ids(ids, categories=kept, taxonomy=self.taxonomy)

    def objects(self, pair: Pair, size: tuple[int, int]) -> Instances:
        return Instances.from_segmentation(self.segments(pair, size))


def _crowds(segments: Segmentation, pair: Pair) -> frozenset[int]:
    return frozenset(s.id for s in segments.segments if s.id < OBJECT and s.category in TAXONOMY_THINGS)


def _groups(pair: Pair) -> Instances:
    return _Instances(TAXONOMY_THINGS, range(OBJECT)).objects(pair, (0, 0))


class _Truth(NamedTuple):
    """A kind of truth file, and what is made of it."""

    ending: str
    form: str
    taxonomy: Taxonomy
    read: ReadTarget
    values: Mapping[int, int]
    crowds: Crowds | None = None
    crowd_objects: Callable[[Pair], Instances] | None = None


_CLASSES = _Truth("labelIds", "ids", TAXONOMY, _LabelIds(TAXONOMY, TO_TRAIN_ID), TO_TRAIN_ID)
_OBJECTS = _Truth(
    "instanceIds",
    "objects",
    TAXONOMY_THINGS,
    _Instances(TAXONOMY_THINGS, range(OBJECT, 34 * OBJECT)).objects,
    _INSTANCE_VALUES,
    crowd_objects=_groups,
)
_PANOPTIC = _Truth(
    "instanceIds",
    "panoptic",
    TAXONOMY,
    _Instances(TAXONOMY, range(34 * OBJECT)).segments,
    _INSTANCE_VALUES,
    crowds=_crowds,
)


def cityscapes(root: str | Path) -> Layout:
    """Fine annotations. Raises UnreadableFile for a folder without the layout, or with trainIds files only."""
    return _layout("cityscapes", existing(root, "leftImg8bit", "gtFine"), "gtFine", COMPLETE, _CLASSES)


def cityscapes_coarse(root: str | Path) -> Layout:
    """Coarse annotations."""
    root = existing(root, "leftImg8bit", "gtCoarse")
    return _layout("cityscapes_coarse", root, "gtCoarse", COMPLETE_COARSE, _CLASSES)


def cityscapes_objects(root: str | Path) -> Layout:
    """The things of eight categories as `Instances`; groups are left out."""
    return _layout("cityscapes_objects", existing(root, "leftImg8bit", "gtFine"), "gtFine", COMPLETE, _OBJECTS)


def cityscapes_panoptic(root: str | Path) -> Layout:
    """Things and stuff of the 19 categories as `Segmentation`; all else is void, 0. Groups are crowds.

    These are the segments, and their ids, of the benchmark's own conversion to COCO's panoptic form.
    """
    return _layout("cityscapes_panoptic", existing(root, "leftImg8bit", "gtFine"), "gtFine", COMPLETE, _PANOPTIC)


def _layout(name: str, root: Path, folder: str, complete: dict[str, int], truth: _Truth) -> Layout:
    splits: dict[str, tuple[Pair, ...]] = {}
    missing, faults = [], []
    for split in complete:
        images = _by_name(root / "leftImg8bit" / split, "_leftImg8bit.png")
        masks = _by_name(root / folder / split, f"_{folder}_{truth.ending}.png")
        trained = _by_name(root / folder / split, f"_{folder}_labelTrainIds.png")
        if truth is _CLASSES and trained and not masks:
            raise UnreadableFile(
                f"{root / folder / split}: expected *_{folder}_labelIds.png, got {len(trained)} trainIds files only. "
                "Label ids are mapped to train ids at loading; take the labelIds files of the original archive."
            )
        if not images and not masks:
            continue
        # Coarse masks cover only a part of the images of `train`; the truth of `test` may be left out.
        wanted = images if folder == "gtFine" and split != "test" else {n: p for n, p in images.items() if n in masks}
        if split == "test":
            wanted = images
        pairs = []
        for n, image in wanted.items():
            if n in masks:
                pairs.append(Pair(n, image, masks[n]))
            elif split == "test":
                pairs.append(Pair(n, image, None))
            else:
                missing.append(Fault(str(image), "missing_mask", n, f"Add its {folder}_{truth.ending}.png."))
        faults += [
            Fault(str(p), "missing_image", n, "Add the image of this mask.")
            for n, p in masks.items()
            if n not in images
        ]
        splits[split] = tuple(pairs)
    if not splits:
        raise UnreadableFile(f"{root}: expected images leftImg8bit/{{{','.join(complete)}}}/<city>/*_leftImg8bit.png")
    return Layout(
        name,
        root,
        truth.taxonomy,
        splits,
        truth.form,
        truth.read,
        truth.values,
        complete,
        tuple(missing),
        tuple(faults),
        crowds=truth.crowds,
        crowd_objects=truth.crowd_objects,
    )


def _by_name(folder: Path, ending: str) -> dict[str, Path]:
    """By city/name, without the ending."""
    found = sorted(folder.glob(f"*/*{ending}"))
    return {f"{p.parent.name}/{p.name.removesuffix(ending)}": p for p in found if not p.name.startswith(".")}


def write_submission(path: str | Path, train_ids: NDArray[np.integer]) -> None:
    """Write train ids (H, W) as the label ids that the benchmark's server wants, an 8-bit grey PNG.

    255 (no class) becomes 0, "unlabeled". Raises InputError for other values than 0-18 and 255, OutputError.
    """
    import io

    from PIL import Image as Pillow

    train_ids = np.asarray(train_ids)
    if train_ids.ndim != 2 or not np.issubdtype(train_ids.dtype, np.integer):
        raise InputError(f"{path}: expected integer train ids (H, W), got {train_ids.dtype} {train_ids.shape}")
    foreign = sorted(set(np.unique(train_ids).tolist()) - set(TO_LABEL_ID) - {IGNORE})
    if foreign:
        raise InputError(f"{path}: expected train ids 0 to 18 or 255, got {foreign[:8]}. Were they label ids already?")
    table = np.zeros(256, np.uint8)
    table[list(TO_LABEL_ID)] = list(TO_LABEL_ID.values())
    buffer = io.BytesIO()
    Pillow.fromarray(table[train_ids]).save(buffer, format="PNG")
    atomic_write(Path(path), buffer.getvalue())
