"""The task semantic: one class a pixel, scored by one confusion matrix over all samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.image import Image
from ..core.taxonomy import Taxonomy
from ..metrics.confusion import SemanticScores
from .pictures import draw_samples
from .samples import Samples, categories_of
from .scoring import TorchPredictor, evaluate
from .tasks import Scored


class Semantic:
    """`tasks.Task` of one class a pixel."""

    measure = "mean IoU"

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Indexed:
        return Indexed(sets, categories_of(sets, taxonomy), cache=cache)

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        assert isinstance(samples, Indexed)
        return scored(evaluate(predictor, samples, advance=advance), [c.name for c in samples.taxonomy])

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        taxonomy = samples.taxonomy
        ids = np.full(samples.ignore + 1, taxonomy.ignore if taxonomy.ignore is not None else samples.ignore, np.int32)
        ids[: len(taxonomy)] = [c.id for c in taxonomy]
        images, truths, predictions = [], [], []
        for index in chosen:
            image, target, _ = samples[index]
            images.append(image.rgb())
            truths.append(ids[target])
            predictions.append(ids[predictor(image)])
        return draw_samples(images, truths, predictions, taxonomy)

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        return float((logits.argmax(axis=0) != others.argmax(axis=0)).mean())

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        return {}


def scored(scores: SemanticScores, names: Sequence[str]) -> Scored:
    """Semantic scores in the form of every task."""
    rows = [
        (n, (float(i), float(a), float(p))) for n, i, a, p in zip(names, scores.iou, scores.accuracy, scores.precision)
    ]
    return Scored(
        scores.mean_iou,
        {"val_miou": scores.mean_iou, "val_pixel_accuracy": scores.pixel_accuracy}
        | {f"iou_{name}": float(value) for name, value in zip(names, scores.iou)},
        {
            "pixel accuracy": scores.pixel_accuracy,
            "mean accuracy": scores.mean_accuracy,
            "mean IoU": scores.mean_iou,
            "frequency-weighted IoU": scores.frequency_weighted_iou,
        },
        scores.to_dict(names),
        scores.protocol,
        ("class", "iou", "accuracy", "precision"),
        tuple(rows),
    )


class Indexed(Samples):
    """(image, class indices, name); ids of the taxonomy become 0 .. K-1 in its order.

    Raises InputError for a set without the taxonomy's categories by name.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            check_taxonomy(categories_of([data]), [c.name for c in taxonomy])
        super().__init__(sets, taxonomy, ignore=255 if len(taxonomy) <= 255 else 65535, cache=cache)
        highest = max([c.id for c in taxonomy] + [taxonomy.ignore or 0])
        self._table = np.full(highest + 1, self.ignore, np.uint8 if len(taxonomy) <= 255 else np.uint16)
        for place, category in enumerate(taxonomy):
            self._table[category.id] = place

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray[np.integer], str]:
        data = self.sets[place[0]]
        image, target, name = data[place[1]]
        if not isinstance(target, np.ndarray):
            raise InputError(
                f"{data.name}: expected class ids a pixel, got {type(target).__name__}. Use a semantic data set"
            )
        return image, self._table[target], name


def check_taxonomy(taxonomy: Taxonomy, classes: int | Sequence[str]) -> None:
    """That a network's classes are the data's categories: as many, and by name in the same order where it has names.

    Raises InputError that names what is missing on either side.
    """
    names = [category.name for category in taxonomy]
    what = f"taxonomy {taxonomy.name!r}" if taxonomy.name else "taxonomy"
    if len(names) < 2:
        raise InputError(f"{what}: expected at least 2 categories (the background counts), got {names}")
    if isinstance(classes, int):
        if classes != len(names):
            raise InputError(
                f"{what}: expected the network's {classes} classes, got {len(names)} categories: {', '.join(names)}. "
                "Build the network for this data, or take the data it was trained on"
            )
        return
    if list(classes) == names:
        return
    missing, foreign = [n for n in classes if n not in names], [n for n in names if n not in classes]
    parts = []
    if missing:
        parts.append(f"the data lacks {', '.join(missing)}")
    if foreign:
        parts.append(f"the network lacks {', '.join(foreign)}")
    told = "; ".join(parts) or f"another order: {', '.join(names)}"
    raise InputError(f"{what}: expected the network's classes {', '.join(classes)}; {told}")
