"""What all label forms have in common: the regions of an image, and what of them a form could not hold.

form A ─read▶ LabelSet (one LabelledImage at a time) ─write▶ form B ─read again▶ Loss
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError
from ..core.instances import Instance, Instances
from ..core.rle import RLE
from ..core.taxonomy import Category, Taxonomy


@dataclass(frozen=True, eq=False)
class LabelledRegion:
    """A mask with its category. object: one object, as against all pixels of a category.

    crowd: several objects in one mask, not to be told apart.
    """

    mask: RLE
    category: int
    object: bool = True
    crowd: bool = False


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """The labels of one photo. file_name: the photo's; id: its number in the file, or None. void: pixels not to count."""

    file_name: str
    shape: tuple[int, int]
    regions: tuple[LabelledRegion, ...]
    void: RLE | None = None
    id: int | str | None = None

    @property
    def stem(self) -> str:
        """The photo's name without its ending, sub-folders kept; the name of the label files."""
        path = PurePosixPath(self.file_name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise InputError(f"expected a photo's name inside its folder, got {self.file_name!r}")
        return str(path.with_suffix(""))


@dataclass(frozen=True, eq=False)
class LabelSet:
    """The labels of a data set: categories without the background, and the images, read one at a time."""

    taxonomy: Taxonomy
    images: Iterator[LabelledImage]
    count: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Held:
    """What the written file holds of one image, read back from it. masks: of each region, None where it is not held."""

    masks: Sequence[RLE | None]
    crowds_lost: int = 0
    split: int = 0  # entries more than regions: parts that the form keeps apart
    merged: int = 0  # regions that share an entry with another one
    holes_filled: int = 0
    void_lost: int = 0  # pixels
    background_made_void: int = 0  # pixels


@dataclass
class Loss:
    """Counts that add, over all images. iou: 1 - IoU of each region's mask before and after; 1 for one that is gone."""

    images: int = 0
    regions: int = 0
    crowds: int = 0
    empty: int = 0
    changed: int = 0
    vanished: int = 0
    iou_sum: float = 0.0
    iou_worst: float = 0.0
    parts: int = 0
    holes: int = 0
    split: int = 0
    merged: int = 0
    holes_filled: int = 0
    crowds_lost: int = 0
    overlap_pixels: int = 0
    void_lost: int = 0
    background_made_void: int = 0
    per_image: list[dict[str, Any]] = field(default_factory=list)

    def add(self, image: LabelledImage, held: Held) -> None:
        """Compare one image with what the file holds of it; empty regions are counted apart and lose nothing."""
        one = Loss(images=1)
        for region, mask in zip(image.regions, held.masks, strict=True):
            if not rle.area(region.mask):
                one.empty += 1
                continue
            one.regions += 1
            one.crowds += region.crowd
            if mask == region.mask:
                continue
            if mask is None or not rle.area(mask):
                one.vanished += 1
                loss = 1.0
            else:
                loss = 1.0 - float(rle.iou([region.mask], [mask])[0, 0])
            one.changed += 1
            one.iou_sum += loss
            one.iou_worst = max(one.iou_worst, loss)
        one.overlap_pixels = overlap(image)
        for name in ("crowds_lost", "split", "merged", "holes_filled", "void_lost", "background_made_void"):
            setattr(one, name, getattr(held, name))
        for region in image.regions:
            parts, holes = parts_and_holes(region.mask)
            one.parts += max(0, parts - 1)
            one.holes += holes
        if not one.lossless:
            self.per_image.append({"file_name": image.file_name, **one.summary()})
        for name, value in vars(one).items():
            if name == "iou_worst":
                self.iou_worst = max(self.iou_worst, value)
            elif name != "per_image":
                setattr(self, name, getattr(self, name) + value)

    @property
    def iou_loss(self) -> float:
        """The mean over the regions, in [0, 1]; 0 where there are none."""
        return self.iou_sum / self.regions if self.regions else 0.0

    @property
    def lossless(self) -> bool:
        """Every mask equal, none split, merged or gone, every crowd flag and void pixel kept."""
        return not any(
            (
                self.changed,
                self.split,
                self.merged,
                self.holes_filled,
                self.crowds_lost,
                self.void_lost,
                self.background_made_void,
            )
        )

    def summary(self) -> dict[str, Any]:
        """The counts as JSON types."""
        return {
            "lossless": self.lossless,
            "regions": self.regions,
            "regions_changed": self.changed,
            "regions_vanished": self.vanished,
            "iou_loss": self.iou_loss,
            "iou_loss_worst": self.iou_worst,
            "extra_parts": self.parts,
            "regions_split": self.split,
            "holes": self.holes,
            "holes_filled": self.holes_filled,
            "regions_merged": self.merged,
            "crowds": self.crowds,
            "crowds_lost": self.crowds_lost,
            "overlap_pixels": self.overlap_pixels,
            "void_pixels_lost": self.void_lost,
            "background_pixels_made_void": self.background_made_void,
            "empty_regions_left_out": self.empty,
        }


# --- masks ----------------------------------------------------------------------------------------------------------


def parts_and_holes(mask: RLE) -> tuple[int, int]:
    """How many parts of 4-connected pixels a mask has, and how many holes in them."""
    from scipy import ndimage

    window = np.pad(rle.decode_window(mask), 1)
    parts = ndimage.label(window)[1]
    outside = ndimage.label(~window, np.ones((3, 3), int))[1]
    return int(parts), int(outside) - 1


def overlap(image: LabelledImage) -> int:
    """Pixels that more than one region claims."""
    return rle.claimed_twice([region.mask for region in image.regions])


def painted(image: LabelledImage) -> tuple[NDArray[np.int32], list[int]]:
    """A partition: 0 where no region is, else the region's place + 1, (H, W); and the places in the order of painting.

    Of regions that overlap the smaller lies on top, so that most stay to be seen; crowds lie under all others.
    """
    areas = [rle.area(region.mask) for region in image.regions]
    places = [n for n, area in enumerate(areas) if area]
    places.sort(key=lambda n: (not image.regions[n].crowd, -areas[n], n))
    return Instances(image.shape, tuple(Instance(region.mask) for region in image.regions)).painted(places), places


def held_masks(ids: NDArray[np.int32], kept: NDArray[np.bool_], count: int) -> list[RLE | None]:
    """Of regions 1..count of a partition (H, W) the pixels that are `kept` (H, W); None where none is."""
    runs = rle.encode_labels(np.where(kept, ids, 0))
    return [runs.get(number) for number in range(1, count + 1)]


def void_pixels(image: LabelledImage) -> int:
    return rle.area(image.void) if image.void is not None else 0


def void_mask(image: LabelledImage, ids: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Void pixels that no region claims, (H, W)."""
    return np.zeros(image.shape, bool) if image.void is None else rle.decode(image.void) & (ids == 0)


def void_of(mask: NDArray[np.bool_]) -> RLE | None:
    return rle.encode(mask) if mask.any() else None


# --- categories -----------------------------------------------------------------------------------------------------


def renumbered(labels: LabelSet, ids: dict[int, int], taxonomy: Taxonomy) -> LabelSet:
    """The same labels under other category ids: old -> new."""

    def images() -> Iterator[LabelledImage]:
        for image in labels.images:
            regions = tuple(replace(r, category=ids[r.category]) for r in image.regions)
            yield replace(image, regions=regions)

    return replace(labels, taxonomy=taxonomy, images=images())


def joined_by_name(labels: LabelSet, taxonomy: Taxonomy, whose: str) -> LabelSet:
    """The labels with the ids of another taxonomy. Raises InputError that lists the names it does not have."""
    known = {c.name: c.id for c in taxonomy}
    foreign = [c.name for c in labels.taxonomy if c.name not in known]
    if foreign:
        raise InputError(
            f"categories: expected those of {whose} ({', '.join(list(known)[:6])}, ..), got {', '.join(foreign[:10])}"
            f"{' and others' if len(foreign) > 10 else ''}. Rename them, or leave them out with --drop-unknown."
        )
    return renumbered(labels, {c.id: known[c.name] for c in labels.taxonomy}, taxonomy)


def without_unknown(labels: LabelSet, taxonomy: Taxonomy) -> LabelSet:
    """The labels without the categories that another taxonomy does not name."""
    known = {c.name for c in taxonomy}
    kept = Taxonomy(tuple(c for c in labels.taxonomy if c.name in known), labels.taxonomy.ignore, labels.taxonomy.name)
    gone = [c.name for c in labels.taxonomy if c.name not in known]
    note = (f"{len(gone)} categories left out: {', '.join(gone[:8])}{', ..' if len(gone) > 8 else ''}",) if gone else ()

    def images() -> Iterator[LabelledImage]:
        for image in labels.images:
            yield replace(image, regions=tuple(r for r in image.regions if r.category in kept))

    return replace(labels, taxonomy=kept, images=images(), notes=labels.notes + note)


def from_one(labels: LabelSet) -> LabelSet:
    """For forms in which 0 is the background: categories from 1 on, where one has the id 0."""
    if not any(c.id == 0 for c in labels.taxonomy):
        return labels
    moved = tuple(Category(c.id + 1, c.name, c.colour, c.thing) for c in labels.taxonomy)
    note = "category ids are one higher than in the source: 0 is the background in this form"
    shifted = renumbered(
        labels, {c.id: c.id + 1 for c in labels.taxonomy}, Taxonomy(moved, ignore=None, name=labels.taxonomy.name)
    )
    return replace(shifted, notes=(*labels.notes, note))


def label_files(source: Path, suffix: str) -> list[tuple[Path, str]]:
    """(path, stem) of the files below a folder whose names end in `suffix`, or of one file; in the order of names."""
    if source.is_dir():
        found = [(p, p.relative_to(source).as_posix()[: -len(suffix)]) for p in sorted(source.rglob(f"*{suffix}"))]
        found = [(p, stem) for p, stem in found if not any(part.startswith(".") for part in Path(stem).parts)]
    else:
        found = [(source, source.name.removesuffix(suffix))] if source.is_file() else []
    if not found:
        what = (
            "got a folder without"
            if source.is_dir()
            else "no such file or folder"
            if not source.exists()
            else "got another file"
        )
        raise InputError(f"{source}: expected files *{suffix}, {what}")
    return found
