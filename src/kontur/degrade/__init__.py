"""Damage at stated strength, and the filters against it: `kontur.degrade.gaussian_noise(image, sigma=0.1, seed=0)`.

    image -> noise, blur, JPEG, low light, down-sampling -> image of the same size, type and bands -> filter -> image

`KINDS` and `FILTERS` are the tables behind `kontur degrade`; `degrade(image, kind, **options)` goes by their names. Each
name is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .bilateral import bilateral_filter
    from .blurring import blur
    from .compression import jpeg
    from .darkness import low_light
    from .gaussian import gaussian_noise
    from .impulses import pepper_noise, salt_and_pepper_noise, salt_noise
    from .kinds import FILTERS, KINDS, Filter, Kind, apply_filter, degrade, find_filter, find_kind
    from .lee import lee_filter
    from .median import median_filter
    from .patches import non_local_means_filter
    from .poisson import poisson_noise
    from .refined_lee import refined_lee_filter
    from .resolution import down_sampling
    from .speckle import speckle_noise

# Every public name and its module. No module has the name of a function: importing it would hide the function.
_PUBLIC = {
    "FILTERS": "kinds",
    "KINDS": "kinds",
    "Filter": "kinds",
    "Kind": "kinds",
    "apply_filter": "kinds",
    "bilateral_filter": "bilateral",
    "blur": "blurring",
    "degrade": "kinds",
    "down_sampling": "resolution",
    "find_filter": "kinds",
    "find_kind": "kinds",
    "gaussian_noise": "gaussian",
    "jpeg": "compression",
    "lee_filter": "lee",
    "low_light": "darkness",
    "median_filter": "median",
    "non_local_means_filter": "patches",
    "pepper_noise": "impulses",
    "poisson_noise": "poisson",
    "refined_lee_filter": "refined_lee",
    "salt_and_pepper_noise": "impulses",
    "salt_noise": "impulses",
    "speckle_noise": "speckle",
}

__all__ = [
    "FILTERS",
    "KINDS",
    "Filter",
    "Kind",
    "apply_filter",
    "bilateral_filter",
    "blur",
    "degrade",
    "down_sampling",
    "find_filter",
    "find_kind",
    "gaussian_noise",
    "jpeg",
    "lee_filter",
    "low_light",
    "median_filter",
    "non_local_means_filter",
    "pepper_noise",
    "poisson_noise",
    "refined_lee_filter",
    "salt_and_pepper_noise",
    "salt_noise",
    "speckle_noise",
]

__getattr__ = lazy_names(__name__, _PUBLIC)


def __dir__() -> list[str]:
    return sorted(__all__)
