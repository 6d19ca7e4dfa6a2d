"""Queries with a class and a mask each -> semantic, instances, panoptic.

Paper: Cheng, Schwing & Kirillov, MaskFormer, arXiv:2107.06278, section 3.4 (semantic and panoptic inference); Cheng et al.,
Mask2Former, arXiv:2112.01527, appendix A (instances by class times mask score).

    classes (Q, K + 1), the last is "nothing" │ masks (Q, h, w), both logits -> (H, W) category ids, masks, or segments

Values are those of transformers' own `post_process_*`, except that memory does not grow with Q·H·W (masks and categories
are enlarged one at a time), that queries of one stuff category get one id that no other segment has, and that instances of
every family may overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 8
"""Categories enlarged at a time."""


@dataclass(frozen=True, eq=False)
class Queries:
    """What a network said about one image; padding is cut off already.

    size: (H, W) in pixels, what the results have. logits_first: masks are enlarged as logits, not as probabilities (EoMT).
    """

    classes: Any
    masks: Any
    size: tuple[int, int]
    logits_first: bool = False

    def probability(self, query: int) -> Any:
        """(H, W) in [0, 1]."""
        mask = self.masks[query]
        return enlarged(mask, self.size).sigmoid() if self.logits_first else enlarged(mask.sigmoid(), self.size)


def enlarged(planes: Any, size: tuple[int, int]) -> Any:
    """(h, w) or (N, h, w) -> (.., H, W), bilinear between pixel centres."""
    import torch.nn.functional as F

    many = planes if planes.ndim == 3 else planes[None]
    large = F.interpolate(many[None], size=size, mode="bilinear", align_corners=False)[0]
    return large if planes.ndim == 3 else large[0]


def highest(scores: Any, enlarge: Any) -> NDArray[np.int64]:
    """The category with the highest score at each pixel, (H, W). scores: (K, h, w); enlarge: (k, h, w) -> (k, H, W)."""
    import torch

    best = winner = None
    for start in range(0, len(scores), _CHUNK):
        top, which = enlarge(scores[start : start + _CHUNK]).max(dim=0)
        if best is None:
            best, winner = top, which
        else:
            better = top > best
            best = torch.where(better, top, best)
            winner = torch.where(better, which + start, winner)
    assert winner is not None
    return winner.cpu().numpy()


def category_scores(classes: Any, masks: Any) -> Any:
    """(.., Q, K + 1), (.., Q, h, w) -> (.., K, h, w): the sum over the queries of class times mask probability."""
    import torch

    return torch.einsum("...qc,...qhw->...chw", classes.softmax(dim=-1)[..., :-1], masks.sigmoid())


def semantic(queries: Queries) -> NDArray[np.int64]:
    """Category ids, (H, W)."""
    scores = category_scores(queries.classes, queries.masks)
    return highest(scores, lambda some: enlarged(some, queries.size))


@dataclass(frozen=True, eq=False)
class Found:
    """One object: (H, W) bool, its category, its score in [0, 1]."""

    mask: NDArray[np.bool_]
    category: int
    score: float


def instances(queries: Queries, threshold: float, allowed: frozenset[int] | None) -> Iterator[Found]:
    """Objects that may overlap, best class first; score = class probability times the mean probability inside the mask.

    Of the Q·K pairs of query and category the Q best are looked at; with `logits_first` each query has its best category.
    allowed: categories that may be objects; None: all.
    """
    probabilities = queries.classes.softmax(dim=-1)[:, :-1]
    count, kinds = probabilities.shape
    if queries.logits_first:
        scores, which = probabilities.max(dim=-1)
        pairs = [(q, int(which[q]), float(scores[q])) for q in range(count)]
    else:
        scores, places = probabilities.flatten().topk(count)
        pairs = [(int(p) // kinds, int(p) % kinds, float(s)) for s, p in zip(scores, places, strict=True)]
    for query, category, score in pairs:
        if score < threshold or (allowed is not None and category not in allowed):
            continue  # the mean inside the mask is at most 1, so it cannot rise above the threshold
        mask = enlarged(queries.masks[query], queries.size) if queries.logits_first else queries.masks[query]
        inside = mask > 0
        total = score * float((mask.sigmoid() * inside).sum() / (inside.sum() + 1e-6))
        if total < threshold:
            continue
        pixels = (inside if queries.logits_first else _nearest(inside, queries.size)).cpu().numpy()
        if pixels.any():
            yield Found(pixels, category, total)


def _nearest(mask: Any, size: tuple[int, int]) -> Any:
    import torch.nn.functional as F

    return F.interpolate(mask[None, None].float(), size=size, mode="nearest")[0, 0] > 0.5


@dataclass(frozen=True, eq=False)
class Panoptic:
    """ids (H, W): 0 where there is no segment; category and score of each id."""

    ids: NDArray[np.int32]
    categories: dict[int, int]
    scores: dict[int, float]


def panoptic(
    queries: Queries, threshold: float, mask_threshold: float, overlap: float, stuff: frozenset[int]
) -> Panoptic:
    """Each pixel goes to the query with the highest class times mask probability; who keeps too little is dropped.

    So it is even where no mask reaches; the pixels of a dropped query are void. With `logits_first` so are those where the
    query that won lies below `mask_threshold`; what a query keeps is counted with them, as in transformers.

    threshold: least class probability. mask_threshold: what counts as inside a query's mask. overlap: the share of its
    mask that a query must keep. stuff: categories whose queries become one segment; its score is that of the first.
    """
    import torch

    kinds = queries.classes.shape[-1] - 1
    scores, labels = queries.classes.softmax(dim=-1).max(dim=-1)
    kept = [q for q in range(len(labels)) if int(labels[q]) != kinds and float(scores[q]) > threshold]
    best = winner = None
    own_area: dict[int, int] = {}
    for query in kept:
        probability = queries.probability(query)
        weighted = probability * scores[query]
        own_area[query] = int(((probability if queries.logits_first else weighted) >= mask_threshold).sum())
        if best is None or winner is None:
            best, winner = weighted, torch.full(weighted.shape, query, dtype=torch.int32, device=weighted.device)
        else:
            better = weighted > best
            best = torch.where(better, weighted, best)
            winner[better] = query
    ids = np.zeros(queries.size, np.int32)
    result = Panoptic(ids, {}, {})
    if winner is None:
        return result
    owner = winner.cpu().numpy()
    fused: dict[int, int] = {}
    for query in kept:
        mine = owner == query
        area = int(mine.sum())
        if not area or not own_area[query] or not area / own_area[query] > overlap:
            continue
        if queries.logits_first:
            mine &= (queries.probability(query) >= mask_threshold).cpu().numpy()
            if not mine.any():
                continue
        category = int(labels[query])
        number = fused.get(category) or len(result.categories) + 1
        if category in stuff:
            fused[category] = number
        ids[mine] = number
        result.categories.setdefault(number, category)
        result.scores.setdefault(number, round(float(scores[query]), 6))
    return result
