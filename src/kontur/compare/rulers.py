"""What a data set is measured by: classes, an object against its background, or boundaries drawn by people.

    ruler = ruler_of(data)
    ruler.begin()  ->  add(cut, truth) for each image  ->  score, details

Regions without names are given, on data with names, the name that most of their pixels have in the truth (a region's
ignored pixels have no say; of equals, the first category). No other naming gets more pixels right, so the score is read
as an upper bound, and marked `class_agnostic` wherever it is shown.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from ..datasets import Dataset
from ..io.bsds import read_bsds_truth
from ..metrics.confusion import Confusion
from ..metrics.contours import ContourCounts, label_boundaries
from ..metrics.foreground import ForegroundCounts
from ..metrics.regions import RegionCounts
from .contenders import Contender
from .fitting import fit_labels
from .trial_process import Cut

_OBJECT_COLOURS = ((82, 82, 91), (245, 158, 11))  # grey, amber
_OBJECT_SETS = ("grabcut", "drive", "isbi2012")  # two categories, the second is what is looked for


@dataclass(frozen=True, eq=False)
class Drawing:
    """What the ruler compared, for the eye. labels: (H, W) category ids, -1 where there is none; None: regions only.

    ids: the regions themselves, (H, W), 0 = none; None where labels say it all.
    """

    labels: NDArray[np.int64] | None = None
    ids: NDArray[np.int32] | None = None


class Ruler(ABC):
    """Counts of one contender over all images. metric: the name of `score`, a fraction in [0, 1]; task: the data's."""

    metric: str
    task: ClassVar[str]

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size

    @abstractmethod
    def begin(self, contender: Contender) -> None:
        """Forget all counts; the next images are this contender's."""

    @abstractmethod
    def truth(self, data: Dataset, index: int, target: Any) -> Any:
        """The truth as `add` and `drawing` want it, at the size of the comparison."""

    @abstractmethod
    def add(self, cut: Cut, truth: Any) -> tuple[float, Drawing]:
        """Count one image; its own score, NaN where undefined, and what was compared. Raises InputError."""

    @abstractmethod
    def truth_drawing(self, truth: Any) -> Drawing: ...

    @property
    @abstractmethod
    def score(self) -> float: ...

    @property
    @abstractmethod
    def details(self) -> dict[str, Any]:
        """Other numbers of the same counts."""

    @property
    @abstractmethod
    def protocol(self) -> str: ...

    @property
    def taxonomy(self) -> Taxonomy | None:
        return None

    def class_agnostic(self, cut: Cut) -> bool:
        """Whether this result was scored with names from the truth."""
        return False


def ruler_of(data: Dataset, size: tuple[int, int] | None = None) -> Ruler:
    """The ruler that suits a data set, by the first of its images whose truth can be read.

    Raises InputError for an empty set, for one without such an image, and for kinds of truth without a ruler here.
    """
    from ..core.instances import Instances

    if not len(data):
        raise InputError(f"{data.layout.root}: expected at least one image, split {data.split} has none")
    target = _first_target(data)
    if isinstance(target, tuple):
        return BoundaryRuler(size)
    if isinstance(target, (Instances, Segmentation)) or data.taxonomy is None:
        kind = "instances" if isinstance(target, Instances) else "panoptic segments"
        raise InputError(
            f"{data.name}: expected truth of classes, of an object or of boundaries, got {kind}. "
            f"Score results with `kontur evaluate {'instances' if isinstance(target, Instances) else 'panoptic'}`"
        )
    taxonomy = data.taxonomy
    ids = sorted(c.id for c in taxonomy)
    of_object = data.name in _OBJECT_SETS or (ids == [0, 1] and taxonomy[0].name.lower() == "background")
    return ForegroundRuler(taxonomy, size) if of_object else SemanticRuler(taxonomy, size)


def _first_target(data: Dataset) -> Any:
    first: KonturError | None = None
    for index in range(len(data)):
        try:
            return data[index].target
        except KonturError as error:
            first = first or error
    assert first is not None
    raise first


class _Named(Ruler):
    """Data whose pixels have categories. Positions 0..K-1 stand for the category ids in rising order, K for ignored."""

    def __init__(self, taxonomy: Taxonomy, size: tuple[int, int] | None) -> None:
        super().__init__(size)
        self._taxonomy = taxonomy
        self._categories = sorted(taxonomy, key=lambda c: c.id)
        self._ids = np.array([c.id for c in self._categories])
        highest = max(int(self._ids[-1]), -1 if taxonomy.ignore is None else taxonomy.ignore)
        self._table = np.full(highest + 1, len(self._ids), np.int64)
        self._table[self._ids] = np.arange(len(self._ids))

    @property
    def taxonomy(self) -> Taxonomy | None:
        return self._taxonomy

    def truth(self, data: Dataset, index: int, target: Any) -> NDArray[np.int64]:
        return self._table[fit_labels(np.asarray(target), self.size)]

    def truth_drawing(self, truth: NDArray[np.int64]) -> Drawing:
        return Drawing(self._category_ids(truth))

    def class_agnostic(self, cut: Cut) -> bool:
        return cut.categories is None

    def positions(self, cut: Cut, truth: NDArray[np.int64]) -> NDArray[np.int64]:
        """The predicted position of each pixel, -1 where there is none."""
        if cut.ids.shape != truth.shape:
            raise InputError(f"sizes differ: expected regions {truth.shape} (H, W), got {cut.ids.shape}")
        if self.class_agnostic(cut):
            return best_labels(cut.ids, truth, len(self._ids))
        assert cut.categories is not None
        self._join(cut.names)
        known = {category.name: i for i, category in enumerate(self._categories)}
        table = np.full(int(cut.ids.max(initial=0)) + 1, -1)
        for segment, name in cut.categories.items():
            table[segment] = known[name]
        return table[cut.ids]

    def _join(self, names: tuple[str, ...]) -> None:
        """Names are the join key: unknown and missing ones are an error, never a silent shift."""
        ours = [c.name for c in self._categories]
        unknown = [name for name in names if name not in ours]
        missing = [name for name in ours if name not in names]
        if unknown or missing:
            told = []
            if unknown:
                near = difflib.get_close_matches(unknown[0], ours, n=1)
                told.append(f"unknown {', '.join(unknown[:5])}" + (f" (did you mean {near[0]}?)" if near else ""))
            if missing:
                told.append(f"missing {', '.join(missing[:5])}")
            raise InputError(f"categories: expected those of the data set, got {'; '.join(told)}")

    def _category_ids(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids of categories, -1 for positions outside."""
        return np.append(self._ids, [-1, -1])[positions]  # position K is ignored, -1 is none


class SemanticRuler(_Named):
    """Mean IoU over the classes from one confusion matrix over all images (Cityscapes rule)."""

    metric = "mIoU"
    task = "semantic"

    def begin(self, contender: Contender) -> None:
        self._confusion = Confusion(len(self._ids), len(self._ids))

    def add(self, cut: Cut, truth: NDArray[np.int64]) -> tuple[float, Drawing]:
        found = self.positions(cut, truth)
        alone = Confusion(len(self._ids), len(self._ids)).update(found, truth)
        self._confusion += alone
        own = alone.scores().mean_iou
        return own, Drawing(self._category_ids(found), cut.ids if self.class_agnostic(cut) else None)

    @property
    def score(self) -> float:
        return self._confusion.scores().mean_iou

    @property
    def details(self) -> dict[str, Any]:
        scores = self._confusion.scores()
        per_class = [
            {"id": int(c.id), "name": c.name, "iou": float(iou)} for c, iou in zip(self._categories, scores.iou)
        ]
        return {
            "mean_iou": scores.mean_iou,
            "pixel_accuracy": scores.pixel_accuracy,
            "mean_accuracy": scores.mean_accuracy,
            "frequency_weighted_iou": scores.frequency_weighted_iou,
            "per_class": per_class,
        }

    @property
    def protocol(self) -> str:
        ignore = self._taxonomy.ignore
        dropped = "no truth pixel is left out" if ignore is None else f"truth pixels of {ignore} are left out"
        return (
            f"one confusion matrix over all images, {len(self._ids)} classes; mean IoU over the classes in truth or "
            f"prediction, a class only predicted counts 0 (Cityscapes rule); {dropped}; pixels without a class are "
            "misses. Of a single image: its own mean IoU"
        )


class ForegroundRuler(_Named):
    """IoU of the object against its background, mean over images."""

    task = "foreground"

    def __init__(self, taxonomy: Taxonomy, size: tuple[int, int] | None) -> None:
        super().__init__(taxonomy, size)
        self.metric = "foreground IoU"

    @property
    def taxonomy(self) -> Taxonomy | None:
        """In colours that show an object on its photo; the sets' own are black and white."""
        shown = [replace(c, colour=colour) for c, colour in zip(self._categories, _OBJECT_COLOURS, strict=True)]
        return replace(self._taxonomy, categories=tuple(shown))

    def begin(self, contender: Contender) -> None:
        self._counts = ForegroundCounts()

    def class_agnostic(self, cut: Cut) -> bool:
        return cut.background is None and cut.categories is None

    def add(self, cut: Cut, truth: NDArray[np.int64]) -> tuple[float, Drawing]:
        if cut.background is not None and cut.ids.shape == truth.shape:
            found = ((cut.ids != cut.background) & (cut.ids != 0)).astype(np.int64)
        else:
            found = self.positions(cut, truth)
        scores = self._counts.update(found == 1, np.array([0, 255, 128], np.uint8)[truth])
        return scores.iou, Drawing(self._category_ids(found), cut.ids if self.class_agnostic(cut) else None)

    @property
    def score(self) -> float:
        return self._counts.scores().iou

    @property
    def details(self) -> dict[str, Any]:
        scores = self._counts.scores()
        return {"iou": scores.iou, "pooled_iou": scores.pooled_iou, "error_rate": scores.error_rate}

    @property
    def protocol(self) -> str:
        return (
            f"IoU of {self._categories[1].name} over the pixels that count, mean over the images with it in truth or "
            "result; ignored pixels are left out"
        )


@dataclass(frozen=True, eq=False)
class Humans:
    """What the annotators of one image drew: regions (H, W) and boundaries (H, W) bool of each."""

    regions: tuple[NDArray, ...]
    boundaries: tuple[NDArray[np.bool_], ...]


class BoundaryRuler(Ruler):
    """F of the outlines of the regions against all annotators (BSDS500); covering, Rand index and VI beside it."""

    metric = "boundary F"
    task = "regions"

    def begin(self, contender: Contender) -> None:
        self._contours = ContourCounts([0.5])
        self._regions = RegionCounts(1)

    def truth(self, data: Dataset, index: int, target: Any) -> Humans:
        file = data.pairs[index].target
        if self.size is None and data.layout.form == "bsds" and file is not None:
            drawn = read_bsds_truth(file)
            return Humans(tuple(d.regions for d in drawn), tuple(d.boundaries for d in drawn))
        regions = tuple(fit_labels(human.ids, self.size) for human in target)
        return Humans(regions, tuple(label_boundaries(r) for r in regions))

    def truth_drawing(self, truth: Humans) -> Drawing:
        return Drawing(ids=truth.regions[0].astype(np.int32) + 1)

    def add(self, cut: Cut, truth: Humans) -> tuple[float, Drawing]:
        if cut.ids.shape != truth.regions[0].shape:
            raise InputError(f"sizes differ: expected regions {truth.regions[0].shape} (H, W), got {cut.ids.shape}")
        own = self._contours.update(label_boundaries(cut.ids), truth.boundaries)
        self._regions.update([cut.ids], truth.regions)
        return own.ods, Drawing(ids=cut.ids)

    @property
    def score(self) -> float:
        return self._contours.scores().ods

    @property
    def details(self) -> dict[str, Any]:
        contours, regions = self._contours.scores(), self._regions.scores()
        return {
            "f": contours.ods,
            "precision": contours.precision,
            "recall": contours.recall,
            "covering": regions.covering_ods,
            "rand_index": regions.rand_index_ods,
            "variation_of_information": regions.variation_of_information_ods,
        }

    @property
    def protocol(self) -> str:
        return ContourCounts([0.5]).protocol


def best_labels(ids: NDArray[np.integer], truth: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """For each pixel the position 0..K-1 that most pixels of its region have in the truth, -1 outside all regions.

    ids: (H, W), 0 = no region. truth: (H, W) positions, K = ignored. A region with ignored pixels only gets 0.
    """
    values, region = np.unique(ids, return_inverse=True)
    region = region.reshape(ids.shape)
    counts = np.bincount((region * (classes + 1) + truth).ravel(), minlength=len(values) * (classes + 1))
    best = counts.reshape(len(values), classes + 1)[:, :classes].argmax(axis=1)
    best[values == 0] = -1
    return best[region]
