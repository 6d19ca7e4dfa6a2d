"""The tables of damage and of filters: name -> function, and which of its options is the strength."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from numpy.typing import NDArray

from ..core.errors import UnknownName
from ..core.image import Image
from ..core.options import OptionSpec, options_of
from .bilateral import bilateral_filter
from .blurring import blur
from .compression import jpeg
from .darkness import low_light
from .gaussian import gaussian_noise
from .impulses import pepper_noise, salt_and_pepper_noise, salt_noise
from .lee import lee_filter
from .median import median_filter
from .patches import non_local_means_filter
from .poisson import poisson_noise
from .refined_lee import refined_lee_filter
from .resolution import down_sampling
from .speckle import speckle_noise


@dataclass(frozen=True)
class Kind:
    """One kind of damage. strength: the option that says how much. ladder: strengths from mild to severe."""

    name: str
    function: Callable[..., Image]
    strength: str
    ladder: tuple[float, ...]
    noise: bool = True

    def __call__(self, image: Image | NDArray, **options: Any) -> Image:
        return self.function(image, **options)

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        return options_of(self.function)


@dataclass(frozen=True)
class Filter:
    """One filter. against: the kinds of noise it was made for."""

    name: str
    function: Callable[..., Image]
    against: tuple[str, ...]

    def __call__(self, image: Image | NDArray, **options: Any) -> Image:
        return self.function(image, **options)

    @property
    def options(self) -> tuple[OptionSpec, ...]:
        return options_of(self.function)


_IMPULSES = ("salt", "pepper", "salt_and_pepper")
_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("gaussian", gaussian_noise, "sigma", (0.02, 0.05, 0.1, 0.2, 0.4)),
        Kind("salt", salt_noise, "share", _SHARES),
        Kind("pepper", pepper_noise, "share", _SHARES),
        Kind("salt_and_pepper", salt_and_pepper_noise, "share", _SHARES),
        Kind("poisson", poisson_noise, "photons", (1000, 200, 50, 10, 2)),
        Kind("speckle", speckle_noise, "looks", (100, 25, 10, 4, 1)),
        Kind("blur", blur, "sigma", (0.5, 1, 2, 4, 8), noise=False),
        Kind("jpeg", jpeg, "quality", (80, 50, 20, 10, 5), noise=False),
        Kind("low_light", low_light, "exposure", (0.5, 0.2, 0.1, 0.05, 0.02), noise=False),
        Kind("down_sampling", down_sampling, "factor", (2, 3, 4, 8, 16), noise=False),
    )
}
FILTERS: Mapping[str, Filter] = {
    item.name: item
    for item in (
        Filter("median", median_filter, _IMPULSES),
        Filter("bilateral", bilateral_filter, ("gaussian", "poisson")),
        Filter("non_local_means", non_local_means_filter, ("gaussian", "poisson")),
        Filter("lee", lee_filter, ("speckle",)),
        Filter("refined_lee", refined_lee_filter, ("speckle",)),
    )
}

_Row = TypeVar("_Row", Kind, Filter)


def degrade(image: Image | NDArray, kind: str, **options: Any) -> Image:
    """Damage an image by a name of KINDS; size, type and bands stay. Raises UnknownName, OptionError, InputError."""
    return find_kind(kind)(image, **options)


def apply_filter(image: Image | NDArray, name: str, **options: Any) -> Image:
    """Filter an image by a name of FILTERS; size, type and bands stay. Raises UnknownName, OptionError, InputError."""
    return find_filter(name)(image, **options)


def find_kind(name: str) -> Kind:
    """The kind of a name; "salt-and-pepper", "Gaussian noise" and "downsampling" are understood too. Raises UnknownName."""
    return _find(KINDS, name, "kind of damage")


def find_filter(name: str) -> Filter:
    """The filter of a name; "refined-lee" and "median_filter" are understood too. Raises UnknownName."""
    return _find(FILTERS, name, "filter")


def _find(table: Mapping[str, _Row], name: str, what: str) -> _Row:
    if name in table:
        return table[name]
    plain = _plain(name)
    for row in table.values():
        if plain in (_plain(row.name), _plain(row.function.__name__)):
            return row
    raise UnknownName(what, name, table, f"Known are {', '.join(table)}.")


def _plain(name: str) -> str:
    """Letters only, in lower case, without "noise" or "filter" at the end."""
    letters = "".join(c for c in name.lower() if c.isalnum())
    return letters.removesuffix("noise").removesuffix("filter")
