"""The task detection: objects of several categories, which may overlap, by a network with losses of its own (Mask R-CNN).

    objects ─▶ masks (N, H, W) bool ─scale, crop, flip▶ one label map an object (N, h, w) ─▶ boxes, labels, masks
    boxes, labels, scores, small masks of the network ─`inference.mask_rcnn`▶ Instances ─▶ AP

Crowd regions are not learnt, as the data set `coco` leaves them out; in the score what lies on one is neither right nor wrong, as in COCO's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import InputError
from ..core.image import Image, as_image
from ..core.instances import Instances
from ..core.taxonomy import Taxonomy
from ..draw.objects import draw_objects
from ..draw.overlay import photo
from ..inference.mask_rcnn import mask_rcnn
from ..metrics.average_precision import InstanceScores, instance_scores
from ..networks.mask_rcnn import Batch
from ..transforms.object_targets import detection_targets, with_masks
from .pictures import stacked
from .samples import Samples, categories_of, check_categories
from .scoring import TorchPredictor
from .tasks import Scored

SHOWN = 0.5  # score from which an object is drawn


class Detection:
    """`tasks.Task` of objects found one by one."""

    measure = "AP"

    def __init__(self, find: Callable[[Any, Image, Taxonomy], Instances] | None = None) -> None:
        """find: (predictor, image, taxonomy) -> objects; by default `found`, of a network in PyTorch."""
        self.find = find or found

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Boxed:
        return Boxed(sets, categories_of(sets, taxonomy), cache=cache)

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        assert isinstance(samples, Boxed)
        predictions, truths, crowds = [], [], []
        for index in range(len(samples)):
            predictions.append(self.find(predictor, samples[index][0], samples.taxonomy))
            truths.append(samples.truth(index))
            crowds.append(samples.crowds(index, truths[-1].shape))
            advance()
        most = max([100, *map(len, predictions)])  # COCO's, or what the network may find
        return scored(instance_scores(predictions, truths, crowds=crowds, max_detections=most), samples.taxonomy)

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """A row a sample: image, truth, prediction."""
        assert isinstance(samples, Boxed)
        rows = []
        for index in chosen:
            image = samples[index][0]
            results = [samples.truth(index), found(predictor, image, samples.taxonomy)]
            rows.append(np.hstack([photo(image), *(draw_objects(image, r, least_score=SHOWN) for r in results)]))
        return stacked(rows)

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        raise InputError("detection: a network of boxes has no logits of pixels to compare")

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        return {}


def found(predictor: TorchPredictor, image: Image | NDArray, taxonomy: Taxonomy, *, score: float = 0.0) -> Instances:
    """The objects that a detector in PyTorch finds in an image, by falling score; those under `score` are left out.

    predictor: of a run, `kontur.training.load_run(RUN).predictor()`.
    """
    image = as_image(image)
    boxes, labels, scores, masks = predictor.detections(image)
    return mask_rcnn(boxes, labels, scores, masks, image.shape, taxonomy, score=score)


def scored(scores: InstanceScores, taxonomy: Taxonomy) -> Scored:
    """COCO's numbers in the form of every task; a category that does not occur has NaN."""
    named = {name: getattr(scores, name) for name in ("AP", "AP50", "AP75", "APs", "APm", "APl")}
    row = {"val_ap": scores.AP, "val_ap50": scores.AP50, "val_ap75": scores.AP75}
    classes = tuple((c.name, (scores.per_category.get(c.id, float("nan")),)) for c in taxonomy)
    return Scored(scores.AP, row, named, scores.to_dict(), scores.protocol, ("class", "ap"), classes)


class Boxed(Samples):
    """(image, masks (N, H, W) bool, name) of data sets whose truth is `Instances`.

    Raises InputError for a set of another kind, or with other categories by name.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            if data.layout.form not in ("coco", "objects"):
                raise InputError(f"{data.name} {data.split}: expected objects with masks, as in COCO's JSON")
            check_categories(data, taxonomy)
        super().__init__(sets, taxonomy, ignore=0, cache=cache)
        self._labels: dict[tuple[int, int], Tensor] = {}

    def truth(self, index: int) -> Instances:
        """The objects themselves."""
        number, place = self.places[index]
        pair = self.sets[number].pairs[place]
        objects: Instances = self.sets[number].layout.read(pair, (0, 0))
        return objects

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray, str]:
        image, objects, name = self.sets[place[0]][place[1]]
        targets = detection_targets(objects, self.taxonomy)
        self._labels[place] = targets["labels"]
        return image, targets["masks"].numpy(), name

    def finished(self, index: int, labels: NDArray) -> NDArray[np.integer]:
        """Masks (N, h, w) bool -> the same as label maps: 1 + the place of the category inside, 0 outside."""
        kind = np.uint8 if len(self.taxonomy) < 256 else np.int32
        own = self._labels[self.places[index]].numpy().astype(kind)
        return labels * own[:, None, None]

    @staticmethod
    def collate(samples: Sequence[tuple[Tensor, Tensor, Tensor]]) -> tuple[Batch, Tensor, Tensor]:
        """Images with their targets, nothing for the loss, and the keys."""
        targets = []
        for _, maps, _ in samples:
            labels = maps.flatten(1).amax(dim=1).long() if maps.numel() else torch.zeros(len(maps), dtype=torch.int64)
            targets.append(with_masks(labels, maps > 0))
        images = [image for image, _, _ in samples]
        return Batch(images, targets), torch.zeros(len(images)), torch.stack([key for _, _, key in samples])

    @staticmethod
    def own_loss(losses: dict[str, Tensor], nothing: Tensor) -> Tensor:
        """The sum of what the network gave: proposals, classes, boxes, masks."""
        return torch.stack(list(losses.values())).sum()
