"""Segmentation on graphs. The methods are in the registry; these are their parts for use on arrays.

Each name is imported when it is first asked for, so that `import kontur.graph` compiles nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .boundary_thinning import thinned
    from .dense_crf import refine_probabilities
    from .oriented_watershed import contour_hierarchy
    from .random_walker import walker_probabilities
    from .region_merging import merging_hierarchy

_PUBLIC = {
    "contour_hierarchy": "oriented_watershed",
    "merging_hierarchy": "region_merging",
    "refine_probabilities": "dense_crf",
    "thinned": "boundary_thinning",
    "walker_probabilities": "random_walker",
}

__all__ = ["contour_hierarchy", "merging_hierarchy", "refine_probabilities", "thinned", "walker_probabilities"]

__getattr__ = lazy_names(__name__, _PUBLIC)


def __dir__() -> list[str]:
    return sorted(__all__)
