"""The ruler: every metric of the field, equal to the official tool of its definition; each result names its protocol.

    counts that add  ->  scores read afterwards  ->  to_dict()

Each name is imported when it is first asked for, so that `import kontur.metrics` compiles nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .average_precision import InstanceScores, evaluate_instances, instance_scores
    from .confusion import Confusion, SemanticScores, evaluate_semantic
    from .panoptic_quality import PanopticCounts, evaluate_panoptic, panoptic_scores

# Every public name and the module it lives in.
_PUBLIC = {
    "Confusion": "confusion",
    "SemanticScores": "confusion",
    "evaluate_semantic": "confusion",
    "PanopticCounts": "panoptic_quality",
    "panoptic_scores": "panoptic_quality",
    "evaluate_panoptic": "panoptic_quality",
    "InstanceScores": "average_precision",
    "instance_scores": "average_precision",
    "evaluate_instances": "average_precision",
}

__all__ = [
    "Confusion",
    "InstanceScores",
    "PanopticCounts",
    "SemanticScores",
    "evaluate_instances",
    "evaluate_panoptic",
    "evaluate_semantic",
    "instance_scores",
    "panoptic_scores",
]


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
