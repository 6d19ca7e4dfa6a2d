"""The task instance: objects of one category that may touch, such as nuclei, scored by COCO's average precision.

    objects ─▶ ids (H, W), 0 background, 1.. ─scale, turn, crop, flip▶ ids ─`losses.offset_loss`▶ offsets
    maps (4, H, W) of the network ─`inference.offsets`▶ Instances ─▶ AP

Images are stretched to one contrast first (`inference.stretch`), in training and in use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.instances import Instances
from ..core.taxonomy import Taxonomy
from ..draw.overlay import overlay
from ..inference.offsets import Decoding, decoded
from ..inference.stretch import PERCENTILES, stretched
from ..metrics.average_precision import InstanceScores, instance_scores
from .pictures import stacked
from .samples import Samples, check_categories
from .scoring import TorchPredictor
from .tasks import Scored

OUTSIDE = 65535  # no object, and no background: beyond the image
FORMS = ("coco", "objects", "yolo", "labelme")
DETECTIONS = 1000  # of an image, at most
LEVELS = (0.4, 0.45, 0.5, 0.55, 0.6)
CENTRES = (0.0, 0.5, 1.0, 2.0)


class Instance:
    """`tasks.Task` of objects of one category."""

    measure = "AP"

    def __init__(self, decoding: Decoding | None = None) -> None:
        self.decoding = decoding or Decoding()

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Objects:
        taxonomy = taxonomy or sets[0].taxonomy
        if taxonomy is None or len(taxonomy) != 1:
            got = "none" if taxonomy is None else ", ".join(c.name for c in taxonomy)
            raise InputError(f"{sets[0].name}: expected objects of one category, got {got}")
        return Objects(sets, taxonomy, cache=cache)

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        assert isinstance(samples, Objects)
        predictions, truths, crowds = [], [], []
        for index in range(len(samples)):
            predictions.append(_found(predictor.logits(samples[index][0]), self.decoding, samples))
            truths.append(samples.truth(index))
            crowds.append(samples.crowds(index, truths[-1].shape))
            advance()
        return scored(
            instance_scores(predictions, truths, crowds=crowds, max_detections=DETECTIONS), predictions, truths
        )

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """A row a sample: image, truth, prediction."""
        assert isinstance(samples, Objects)
        rows = []
        for index in chosen:
            image = samples[index][0]
            results = [samples.truth(index), _found(predictor.logits(image), self.decoding, samples)]
            drawn = [overlay(image, result, legend=False, opacity=0.3) for result in results]
            rows.append(np.hstack([np.rint(image.rgb() * 255).astype(np.uint8), *drawn]))
        return stacked(rows)

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        """Pixels with another foreground, or sent more than half a pixel elsewhere."""
        inside = others[0] > 0
        moved = (np.abs(logits[1:3] - others[1:3]) > 1 / 16).any(axis=0) & inside
        return float((((logits[0] > 0) != inside) | moved).mean())

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        decoding = self.decoding
        if samples is not None and len(samples):
            assert isinstance(samples, Objects)
            maps = [predictor.logits(samples[i][0]) for i in range(len(samples))]
            decoding = chosen_decoding(maps, [samples.truth(i) for i in range(len(samples))])
        return {"decoding": decoding.to_json(), "stretch": json.dumps(PERCENTILES)}


def chosen_decoding(
    maps: Sequence[NDArray[np.float32]], truths: Sequence[Instances], start: Decoding | None = None
) -> Decoding:
    """The level of foreground, then the power of centredness, of the highest AP on these samples."""
    start = start or Decoding()

    def score(decoding: Decoding) -> float:
        found = [decoded(m, decoding, category=_category(t), taxonomy=t.taxonomy) for m, t in zip(maps, truths)]
        return instance_scores(found, truths, max_detections=DETECTIONS).AP

    def best(choices: Iterable[Decoding]) -> Decoding:
        return max(choices, key=lambda d: np.nan_to_num(score(d)))

    level = best(replace(start, level=level) for level in LEVELS).level
    return best(replace(start, level=level, centre=centre) for centre in CENTRES)


def scored(scores: InstanceScores, predictions: Sequence[Instances], truths: Sequence[Instances]) -> Scored:
    """AP and the error of the count, in the form of every task."""
    wrong = np.array([len(p) - len(t) for p, t in zip(predictions, truths)], float)
    true = np.array([len(t) for t in truths], float)
    error = float(np.abs(wrong).mean()) if len(wrong) else float("nan")
    share = float(np.abs(wrong).sum() / true.sum()) if true.sum() else float("nan")
    named = {"AP": scores.AP, "AP50": scores.AP50, "AP75": scores.AP75, "count error": share}
    row = {"val_ap": scores.AP, "val_ap50": scores.AP50, "val_ap75": scores.AP75, "val_count_error": share}
    facts = scores.to_dict() | {"count_error": share, "count_error_an_image": error}
    return Scored(scores.AP, row, named, facts, scores.protocol)


class Objects(Samples):
    """(image, stretched, ids (H, W) uint16, name) of data sets whose truth is `Instances`; the smaller of two that overlap is on top.

    Raises InputError for a set of another kind, and for an image with more objects than ids.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            if data.layout.form not in FORMS:
                raise InputError(f"{data.name} {data.split}: expected objects with masks ({', '.join(FORMS)})")
            check_categories(data, taxonomy)
        super().__init__(sets, taxonomy, ignore=OUTSIDE, cache=cache)
        self._truths: dict[tuple[int, int], Instances] = {}

    def truth(self, index: int) -> Instances:
        """The objects themselves."""
        place = self.places[index]
        if place not in self._truths:
            self._read(place)
        return self._truths[place]

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray[np.integer], str]:
        image, objects, name = self.sets[place[0]][place[1]]
        if len(objects) >= OUTSIDE:
            raise InputError(f"{name}: expected fewer than {OUTSIDE} objects, got {len(objects)}")
        self._truths[place] = objects
        return stretched(image), ids_of(objects), name


def ids_of(objects: Instances) -> NDArray[np.uint16]:
    """(H, W): 0 background, n + 1 the n-th object."""
    return objects.painted(sorted(range(len(objects)), key=lambda n: -objects.instances[n].area)).astype(np.uint16)


def _found(maps: NDArray[np.float32], decoding: Decoding, samples: Objects) -> Instances:
    (category,) = samples.taxonomy
    return decoded(maps, decoding, category=category.id, taxonomy=samples.taxonomy)


def _category(truth: Instances) -> int | None:
    return next((c.id for c in truth.taxonomy), None) if truth.taxonomy is not None else None
