"""The task panoptic: every pixel's segment with its category, learnt as Panoptic-DeepLab does and scored by panoptic quality.

    segments ─▶ codes (H, W): place of the category, number of the thing ─scale, crop, flip▶ codes ─`own_loss`▶
        classes, weights, centres, offsets of `transforms.object_targets` ─▶ `losses.panoptic_deeplab`
    maps (K + 3, H, W) of the network ─`inference.panoptic_deeplab`▶ Segmentation ─▶ PQ

A crowd (many things in one segment) teaches its class and no centre; in the score it is neither found nor missed, as in COCO's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import InputError
from ..core.image import Image
from ..core.segmentation import Segmentation
from ..core.taxonomy import Taxonomy
from ..draw.objects import draw_objects
from ..draw.overlay import photo
from ..inference.panoptic_deeplab import panoptic_deeplab
from ..losses.panoptic_deeplab import panoptic_deeplab_loss
from ..metrics.panoptic_quality import PanopticCounts, PanopticResult
from ..transforms.object_targets import panoptic_targets
from .pictures import stacked
from .samples import Samples, categories_of, check_categories
from .scoring import TorchPredictor
from .tasks import Scored

ROOM = 10_000  # codes a category: 0 stuff, 1.. things, the last a crowd
CROWD = ROOM - 1
VOID = 2**30
STUFF_SHARE = 4096 / (480 * 640)  # the paper's limit for COCO, as a share of its images
_IGNORE = 65535


def found(predictor: TorchPredictor, image: Image, taxonomy: Taxonomy) -> Segmentation:
    """The panoptic result of a network in PyTorch. Stuff of less than 1.3 % of the image is void (4096 pixels of 640 x 480)."""
    maps = predictor.logits(image)
    area = round(STUFF_SHARE * image.shape[0] * image.shape[1])
    return panoptic_deeplab(maps[:-3], maps[-3], maps[-2:], taxonomy, stuff_area=area)


def scored(scores: PanopticResult, taxonomy: Taxonomy) -> Scored:
    """PQ in the form of every task."""
    parts = {"PQ": scores.all, "PQ things": scores.things, "PQ stuff": scores.stuff}
    row = {f"val_{name.lower().replace(' ', '_')}": quality.pq for name, quality in parts.items()}
    named = {name: quality.pq for name, quality in parts.items()} | {"SQ": scores.all.sq, "RQ": scores.all.rq}
    classes = tuple((c.name, (q.pq, q.sq, q.rq)) for c in taxonomy if (q := scores.per_class[c.id]).n)
    return Scored(scores.all.pq, row, named, scores.to_dict(), scores.protocol, ("class", "pq", "sq", "rq"), classes)


class Segments(Samples):
    """(image, codes (H, W) int32, name) of data sets in COCO's panoptic form. code: place of the category * ROOM + number; VOID.

    Raises InputError for a set of another kind or with other categories by name, and for an image with too many things.
    """

    def __init__(self, sets: Sequence[Any], taxonomy: Taxonomy, *, cache: bool = False) -> None:
        for data in sets:
            if data.layout.form != "panoptic":
                raise InputError(
                    f"{data.name} {data.split}: expected COCO's panoptic form. Convert it: kontur data convert --to coco-panoptic"
                )
            check_categories(data, taxonomy)
        super().__init__(sets, taxonomy, ignore=VOID, cache=cache)

    def truth(self, index: int) -> tuple[Segmentation, frozenset[int]]:
        """The segments themselves, and the ids of those that are crowds."""
        number, place = self.places[index]
        pair = self.sets[number].pairs[place]
        segments: Segmentation = self.sets[number].layout.read(pair, (0, 0))
        return segments, crowds_of(self.sets[number], segments, pair)

    def _read(self, place: tuple[int, int]) -> tuple[Image, NDArray[np.integer], str]:
        data = self.sets[place[0]]
        image, segments, name = data[place[1]]
        crowds = crowds_of(data, segments, data.pairs[place[1]])
        return image, codes_of(segments, self.taxonomy, crowds, name), name

    def own_loss(self, output: Any, codes: Tensor) -> Tensor:  # type: ignore[override]
        """The three losses of Panoptic-DeepLab. output: Logits of maps (B, K + 3, H, W). codes: (B, H, W)."""
        each = [self._targets(one) for one in codes.cpu().numpy()]
        device = output.logits.device
        parts = [torch.from_numpy(np.stack(part)).to(device) for part in zip(*each, strict=True)]
        return panoptic_deeplab_loss(output.logits, *parts, ignore=_IGNORE)

    def _targets(self, codes: NDArray[np.integer]) -> tuple[NDArray, ...]:
        ids = np.where(codes == VOID, 0, codes + 1)
        order = list(self.taxonomy)
        present = [int(i) for i in np.unique(ids) if i]
        categories = {i: order[(i - 1) // ROOM].id for i in present}
        truth = Segmentation.from_ids(ids, categories=categories)
        crowds = {i for i in present if (i - 1) % ROOM == CROWD}
        return panoptic_targets(truth, self.taxonomy, crowds=crowds, ignore=_IGNORE)


class Panoptic:
    """`tasks.Task` of things and stuff together."""

    measure = "PQ"
    kind = Segments
    found = staticmethod(found)

    def __init__(self, find: Callable[[Any, Image, Taxonomy], Segmentation] | None = None) -> None:
        """find: (predictor, image, taxonomy) -> things and stuff; by default `found`, of a network in PyTorch."""
        self.find = find or self.found

    def samples(self, sets: Sequence[Any], taxonomy: Taxonomy | None = None, *, cache: bool = False) -> Segments:
        return self.kind(sets, categories_of(sets, taxonomy), cache=cache)

    def evaluate(
        self, predictor: TorchPredictor, samples: Samples, advance: Callable[[], None] = lambda: None
    ) -> Scored:
        assert isinstance(samples, Segments)
        counts = PanopticCounts(samples.taxonomy)
        for index in range(len(samples)):
            truth, crowds = samples.truth(index)
            counts.update(self.find(predictor, samples[index][0], samples.taxonomy), truth, crowds=crowds)
            advance()
        return scored(counts.scores(), samples.taxonomy)

    def picture(self, predictor: TorchPredictor, samples: Samples, chosen: Sequence[int]) -> NDArray[np.uint8]:
        """A row a sample: image, truth, prediction."""
        assert isinstance(samples, Segments)
        rows = []
        for index in chosen:
            image = samples[index][0]
            results = [samples.truth(index)[0], self.find(predictor, image, samples.taxonomy)]
            rows.append(np.hstack([photo(image), *(draw_objects(image, result) for result in results)]))
        return stacked(rows)

    def changed(self, logits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
        """Pixels of another class, or sent more than half a pixel elsewhere."""
        moved = (np.abs(logits[-2:] - others[-2:]) > 0.5).any(axis=0)
        return float(((logits[:-3].argmax(axis=0) != others[:-3].argmax(axis=0)) | moved).mean())

    def metadata(self, predictor: TorchPredictor, samples: Samples | None) -> dict[str, str]:
        return {}


def codes_of(
    segments: Segmentation, taxonomy: Taxonomy, crowds: frozenset[int] = frozenset(), name: str = "truth"
) -> NDArray[np.int32]:
    """(H, W) int32: place of the category * ROOM, plus 1.. for the things and CROWD for crowds; VOID where no segment is."""
    places = {category.id: place for place, category in enumerate(taxonomy)}
    things = {category.id for category in taxonomy.things}
    codes = np.full(segments.shape, VOID, np.int32)
    number = 0
    for segment in segments.segments:
        if segment.category not in places:
            raise InputError(
                f"{name}: expected categories of the taxonomy, segment {segment.id} has {segment.category}"
            )
        code = places[segment.category] * ROOM
        if segment.id in crowds:
            code += CROWD
        elif segment.category in things:
            number += 1
            code += number
        x0, y0, x1, y1 = segment.box
        codes[y0:y1, x0:x1][segments.ids[y0:y1, x0:x1] == segment.id] = code
    if number >= CROWD:
        raise InputError(f"{name}: expected fewer than {CROWD} things, got {number}")
    return codes


def crowds_of(data: Any, segments: Segmentation, pair: Any) -> frozenset[int]:
    """Ids of the crowds among a sample's segments, as its data set tells them."""
    tell = data.layout.crowds
    return frozenset() if tell is None else tell(segments, pair)
