"""Average precision of COCO's files: annotations against a list of results, or against another file with scores.

walk_coco, walk_annotations (`io.coco_entries`) --entries--> Objects of the truth and the prediction --> Evaluation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, short
from ..core.instances import Instances
from ..core.taxonomy import Category
from ..io.coco_entries import CocoAnnotation, CocoImage, walk_annotations, walk_coco
from ..io.taxonomy import LabelFault, sound
from ..io.text import read_json
from .average_precision import TOTALS, InstanceScores, Kind, Objects, instance_scores, score_objects
from .coco_pairing import categories_by_name, images_by_name
from .evaluation import Evaluation, Resampling, Table
from .streaming import LISTED, Progress

_NO_RUNS = np.zeros((0, 2), np.int32)


def evaluate_instances(
    truth_json: Path | str | Mapping[str, Any] | Instances | Sequence[Instances],
    prediction_json: Path | str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | Instances | Sequence[Instances],
    kind: Kind = "segm",
    max_detections: int = 100,
    *,
    csv: bool = False,
    worst: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a COCO results list, or a full COCO file with scores, against a COCO annotation file.

    A full file's images are the truth's of the same file_name, else of the same stem, its categories those of the same
    name, whatever their ids; those of a results list, and of files without names, are found by id.
    Files, or what json.load gives, or Instances (see `instance_scores`).
    kind: "segm" compares masks (RLE, compressed or not, or polygons), "bbox" boxes.
    csv, worst: per image true and false positives at IoU 0.5; the worst have the lowest F1.
    bootstrap: resamplings over images for 95 % intervals of AP, AP50 and AP75.

    Of the result, `scores` are the InstanceScores. Raises InputError before any number for JSON that does not parse and
    for entries that `kontur data check` finds fault with: unknown images and categories, malformed RLE or polygons,
    sizes that differ, missing scores.
    """
    if _in_memory(truth_json) and _in_memory(prediction_json):
        return _evaluation(instance_scores(prediction_json, truth_json, kind=kind, max_detections=max_detections))  # type: ignore[arg-type]
    where, data = _load("truth", truth_json)
    there, results = _load("prediction", prediction_json)
    files = _Files(where, data, kind)
    truth = files.truth()
    found, unknown = files.predictions(there, results)
    if progress:
        progress(1, 2)
    scored = score_objects(
        truth, found, [str(i) for i in files.images], list(files.categories), files.names, kind, max_detections,
        unknown=unknown, notes=tuple(files.notes), keep=Resampling(csv, worst, bootstrap, seed),
    )  # fmt: skip
    if progress:
        progress(2, 2)
    return _evaluation(*scored)


def _evaluation(scores: InstanceScores, *rows: Any) -> Evaluation:
    classes = tuple((i, scores.names.get(i, i), ap) for i, ap in scores.per_category.items())
    totals = (scores.images, *(getattr(scores, name) for name in TOTALS))
    tables = (Table(("id", "category", "AP"), classes), Table(("images", *TOTALS), (totals,)))
    strange = f"{scores.unknown} detections are of categories the truth does not list; they match nothing"
    notes = (*([strange] if scores.unknown else []), *scores.notes)
    kept = dict(zip(("per_image", "intervals"), rows))
    return Evaluation(
        scores.protocol, tables, scores.to_dict(), scores.images, "", notes, scores=scores, told=(), **kept
    )


def _in_memory(given: object) -> bool:
    return isinstance(given, Instances) or (
        isinstance(given, (list, tuple)) and len(given) > 0 and all(isinstance(i, Instances) for i in given)
    )


def _load(what: str, given: Any) -> tuple[str, Any]:
    if isinstance(given, (str, Path)):
        return str(given), read_json(Path(given))
    return what, given


class _Files:
    """A truth file, and objects read by its images and categories."""

    def __init__(self, where: str, data: Any, kind: Kind) -> None:
        self.where, self.kind = where, kind
        self.notes: list[str] = []
        entries = _entries(where, walk_coco(data, bare=True, shapes="mask" if kind == "segm" else "box"), where)
        self._images = [e for e in entries if isinstance(e, CocoImage)]
        self._annotations = [e for e in entries if isinstance(e, CocoAnnotation)]
        self.names = {e.id: e.name for e in entries if isinstance(e, Category)}
        self.sizes = {image.id: image.size for image in self._images}
        self.sizes |= {a.image_id: a.size for a in self._annotations if a.size[0]}
        self.images = {i: row for row, i in enumerate(sorted(self.sizes, key=lambda i: (isinstance(i, str), i)))}
        self.categories = {i: row for row, i in enumerate(sorted(self.names))}

    def truth(self) -> Objects:
        entries = self._annotations
        if any(entry.id == 0 for entry in entries):
            self.notes.append(
                "the truth annotation of id 0 never counts as found, as in pycocotools; number annotations from 1"
            )
        objects, boxes = self._objects(entries, self.images, self.categories)
        area = objects.area if self.kind == "segm" else boxes[:, 2] * boxes[:, 3]
        given = np.array([np.nan if e.given_area is None else e.given_area for e in entries], float)
        return replace(
            objects,
            score=np.zeros(len(entries)),
            boxes=boxes if self.kind == "bbox" else objects.boxes,
            area=np.where(np.isnan(given), area, given),
            crowd=np.array([entry.crowd for entry in entries], bool),
            named=np.array([entry.id != 0 for entry in entries], bool),
        )

    def predictions(self, where: str, data: Any) -> tuple[Objects, int]:
        """The detections of known categories, and the number of the others."""
        full = isinstance(data, Mapping)
        rows = data.get("annotations") if full else data
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise InputError(f"{where}: expected a COCO results list or a COCO file with scores, got {short(data)}")
        images, categories = self._numbering(where, data) if full else (None, None)
        sizes = self.sizes if images is None else {own: self.sizes[true] for own, true in images.items()}
        shapes = "either" if self.kind == "segm" else "box"
        walk = walk_annotations(
            rows, sizes, None, shapes=shapes, what="annotations" if full else "entry ", scored=True  # type: ignore[arg-type]
        )  # fmt: skip
        entries = _entries(where, walk, self.where if images is None else where)
        places = self.images if images is None else {own: self.images[true] for own, true in images.items()}
        kinds = self.categories if categories is None else {own: self.categories[i] for own, i in categories.items()}
        objects, boxes = self._objects(entries, places, kinds)
        by_box = bool(rows) and bool(rows[0].get("bbox"))  # the rule of pycocotools' loadRes
        if by_box or self.kind == "bbox":
            area = boxes[:, 2] * boxes[:, 3] if by_box else objects.area
            objects = replace(objects, area=area, boxes=boxes if self.kind == "bbox" else objects.boxes)
        known = objects.category >= 0
        return objects.take(np.flatnonzero(known)), int((~known).sum())

    def _objects(
        self, entries: Sequence[CocoAnnotation], images: Mapping[Any, int], categories: Mapping[int, int]
    ) -> tuple[Objects, NDArray[np.float64]]:
        """The objects, measured, and their boxes as given, else as measured. Of boxes that are enough no mask is made."""

        def runs(entry: CocoAnnotation) -> NDArray[np.int32]:
            return _NO_RUNS if self.kind == "bbox" and entry.segmentation is None else entry.runs

        rows = [
            (images[e.image_id], categories.get(e.category_id, -1), e.score or 0.0, runs(e), max(1, e.size[0]))
            for e in entries
        ]
        objects = Objects.of(rows)
        boxes = objects.boxes.copy()
        for row, entry in enumerate(entries):
            if entry.box is not None:
                boxes[row] = entry.box
        return objects, boxes

    def _numbering(
        self, where: str, data: Mapping[str, Any]
    ) -> tuple[dict[int | str, int | str] | None, dict[int, int] | None]:
        """The truth's ids that a full file's own image and category ids stand for; None where the truth's ids hold."""
        images = categories = None
        if "images" in data:
            walk = walk_coco({"images": data["images"], "annotations": [], "categories": []}, bare=True)
            own = [image for image in sound(where, walk) if isinstance(image, CocoImage)]
            images = images_by_name(where, own, self.where, self._images)
            if images is not None and len(images) < len(self.images):
                left = len(self.images) - len(images)
                self.notes.append(f"{left} images of the truth are not in {where}; their objects count as missed")
        if "categories" in data:
            categories = categories_by_name(where, data["categories"], self.names)
        return images, categories


def _entries(where: str, walk: Iterable[Any], lister: str) -> list[Any]:
    """The entries of a walk. Raises InputError for the first fault; of faults that come in numbers it says how many."""
    entries: list[Any] = []
    faults: list[LabelFault] = []
    for entry in walk:
        (faults if isinstance(entry, LabelFault) else entries).append(entry)
    if not faults:
        return entries
    first = faults[0]
    alike = [f.value for f in faults if f.kind == first.kind]
    some = ", ".join(dict.fromkeys(short(value) for value in alike[:LISTED]))
    told = {
        "unknown_image_id": f"{len(alike)} entries refer to images that {lister} does not list: {some}; ",
        "unknown_category_id": "truth categories: expected those of the file's list, got "
        + ", ".join(f"{v} ({alike.count(v)} annotations)" for v in sorted(set(alike))[:8])
        + "; ",
        "duplicate_annotation_id": f"expected a different id for each annotation, got {len(alike)} repeated ones; ",
    }
    raise InputError(f"{where}: {told.get(first.kind, '')}{first}")
