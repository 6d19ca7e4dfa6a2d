"""What a method gives, and `@method`, which makes a plain function one: input turned into `Image`, options checked, result stamped.

A network or a large model is a method through its predictor, a `BasePredictor`, which is its options.
"""

from __future__ import annotations

import functools
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, OptionError, PromptError
from .image import Image, as_image
from .options import checked_options, options_of
from .segmentation import Provenance, Segmentation

if TYPE_CHECKING:
    from .hierarchy import Hierarchy
    from .instances import Instances
    from .prompts import Prompts

P = ParamSpec("P")
R = TypeVar("R", bound="Segmentation | Instances")
Want = frozenset[Literal["hierarchy", "probabilities"]]
NOTHING_MORE: Want = frozenset()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method makes of an image: its result; and, where they were wanted, the hierarchy it is cut from, or the
    probabilities (K, H, W) float32 in [0, 1] it is decided by, in the order of the taxonomy."""

    result: Segmentation | Instances
    hierarchy: Hierarchy | None = None
    probabilities: NDArray[np.float32] | None = None


class BasePredictor(ABC):
    """A network in use. Its options are the keywords of its constructor, `Annotated[type, Option(..)]` like those of a method."""

    @property
    def notice(self) -> str:
        """The terms of the data it learnt from; "" where none are known."""
        return ""

    @abstractmethod
    def __call__(self, image: Image) -> Segmentation | Instances:
        """The result of one image."""

    def run(self, image: Image, prompts: Prompts | None = None, want: Want = NOTHING_MORE) -> Outcome:
        """The same, with what else is wanted; of most networks there is nothing else."""
        return Outcome(self(image))


def method(function: Callable[Concatenate[Image, P], R]) -> Callable[Concatenate[Image | NDArray, P], R]:
    """Wrap `name(image[, prompts], *, option=...)`; the function's name is the method's name.

    A method whose second parameter is `prompts: Prompts` must be given them; with `prompts: Prompts | None = None` it may.
    A keyword `mask: NDArray[np.bool_] | None = None` restricts it to the mask's pixels, (H, W) bool; the others become void.
    """
    specs = options_of(function)
    parameters = list(inspect.signature(function).parameters.values())
    takes_prompts = len(parameters) > 1 and parameters[1].name == "prompts"
    needs_prompts = takes_prompts and parameters[1].default is inspect.Parameter.empty
    takes_mask = any(p.name == "mask" for p in parameters)

    @functools.wraps(function)
    def wrapper(image: Image | NDArray, prompts: Prompts | None = None, **options: Any) -> R:
        picture: Image = as_image(image)
        mask = options.pop("mask", None)
        restriction = {} if mask is None else {"mask": _checked_mask(mask, picture, function.__name__, takes_mask)}
        values = checked_options(function.__name__, specs, options)
        given = accepted_prompts(function.__name__, prompts, picture, takes_prompts, needs_prompts)
        arguments = (given,) if takes_prompts else ()
        started = time.perf_counter()
        result = function(picture, *arguments, **values, **restriction)  # type: ignore[arg-type]
        return stamped(result, function.__name__, picture, values, time.perf_counter() - started)

    return wrapper  # type: ignore[return-value]


def accepted_prompts(name: str, prompts: Prompts | None, image: Image, taken: bool, needed: bool) -> Prompts | None:
    """The prompts, None where there are none. Raises PromptError unless the method takes them and they fit the image."""
    given = prompts if prompts is not None and not prompts.empty else None
    if given is not None and not taken:
        raise PromptError(f"{name} takes no box, point or scribbles. `kontur methods` shows which methods do.")
    if given is None and needed:
        raise PromptError(f"{name} needs a prompt. See `kontur describe {name}`.")
    if given is not None:
        given.check(image.shape)
    return given


def stamped(result: R, name: str, image: Image, options: Mapping[str, Any], seconds: float) -> R:
    """The result with its provenance; the notes it has already come last."""
    inherited = result.provenance.notes if result.provenance else ()
    # A method that says itself which bands it used is not one of the colour methods `band_note` speaks of.
    bands = "" if any("bands" in note for note in inherited) else image.band_note
    notes = tuple(filter(None, (image.scaling, bands, *image.notes)))
    notes += tuple(n for n in inherited if n not in notes)
    return replace(result, provenance=Provenance(name, options, seconds=seconds, notes=notes))


def no_mask(name: str) -> OptionError:
    return OptionError(f"{name} takes no mask. The superpixel methods do")


def _checked_mask(mask: Any, image: Image, name: str, taken: bool) -> NDArray[np.bool_]:
    if not taken:
        raise no_mask(name)
    array = np.asarray(mask)
    if array.shape != image.shape or array.dtype not in (np.bool_, np.uint8):
        raise InputError(f"mask: expected bool (H, W) = {image.shape}, got {array.dtype} {array.shape}")
    return array.astype(bool)
