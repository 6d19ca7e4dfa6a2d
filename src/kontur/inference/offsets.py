"""The four maps of an offset network -> Instances, without PyTorch.

    maps (4, H, W): foreground logit, offset down and across in units of 8 pixels, logit of centredness
        ─foreground > level▶ pixels ─walks to the centres▶ objects ─certainty▶ scores

Papers: Cheng et al., Panoptic-DeepLab, CVPR 2020, arXiv:1911.10194; Neven et al., CVPR 2019, arXiv:1906.11109. The steps are those of
`kontur.kernels.offset_votes`. A score is the expected overlap with the true object times its highest centredness to a power.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import rle
from ..core.errors import InputError, OptionError
from ..core.instances import Instance, Instances
from ..core.taxonomy import Taxonomy
from .tiles import sigmoid

UNIT = np.float32(8)
"""Pixels of an offset of 1."""
_REACH = 2


@dataclass(frozen=True)
class Decoding:
    """What turns maps into objects; kept in the metadata of a network file as JSON, entry `decoding`.

    level: foreground above this probability. steps: of each pixel's walk. merge: heaps of arrivals nearer than this share of the
    larger one's radius are one. least: pixels of the smallest object. centre: power of centredness in the score.
    """

    level: float = 0.5
    steps: int = 4
    merge: float = 0.6
    least: int = 12
    centre: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (
            ("level", 0, 1),
            ("steps", 1, 100),
            ("merge", 0, 10),
            ("least", 1, 1e9),
            ("centre", 0, 100),
        ):
            value = getattr(self, name)
            whole = name in ("steps", "least")
            if (
                isinstance(value, bool)
                or not isinstance(value, int if whole else int | float)
                or not low <= value <= high
            ):
                kind = "a whole number" if whole else "a number"
                raise OptionError(f"decoding {name}: expected {kind} in {low}..{high:g}, got {value!r}")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Decoding:
        """Raises OptionError for an unknown entry or a value out of range."""
        known = [f.name for f in fields(cls)]
        foreign = sorted(set(given) - set(known))
        if foreign:
            raise OptionError(f"decoding: expected {', '.join(known)}, got {', '.join(foreign)}")
        return cls(**given)


def decoded(
    maps: NDArray[np.float32],
    decoding: Decoding = Decoding(),
    *,
    category: int | None = None,
    taxonomy: Taxonomy | None = None,
) -> Instances:
    """maps: (4, H, W) as the network gives them -> Instances in falling order of their scores, each 4-connected, none overlapping.

    Raises InputError for another shape and for NaN.
    """
    if maps.ndim != 3 or maps.shape[0] != 4 or not maps.size:
        raise InputError(f"maps: expected (4, H, W), got {maps.shape}")
    if not np.isfinite(maps).all():
        raise InputError(
            "maps: expected finite numbers, got NaN or infinite ones. Train it again, or export it as float32"
        )
    ids, scores = labelled(maps, decoding)
    runs = rle.encode_labels(ids)
    order = np.argsort(-scores, kind="stable")
    found = tuple(Instance(runs[int(n) + 1], category, float(scores[n])) for n in order)
    return Instances((int(ids.shape[0]), int(ids.shape[1])), found, taxonomy)


def labelled(maps: NDArray[np.float32], decoding: Decoding) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Ids (H, W), 1.. in the order of their first pixel, and the scores of 1.. in [0, 1]."""
    from ..kernels.offset_votes import certainty, objects_of

    probability, centredness = sigmoid(maps[0]), sigmoid(maps[3])
    offsets = np.ascontiguousarray(maps[1:3], np.float32) * UNIT
    ids = objects_of(
        probability > decoding.level, offsets, steps=decoding.steps, merge=float(decoding.merge), least=decoding.least
    )
    sure = certainty(ids, int(ids.max(initial=0)), probability, centredness, _REACH)
    return ids, np.clip(sure[:, 0] * sure[:, 1] ** decoding.centre, 0, 1)
