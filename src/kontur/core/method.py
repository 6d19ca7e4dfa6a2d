"""`@method` makes a plain function a method: input turned into `Image`, options checked, result stamped with its provenance."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, OptionError, PromptError
from .image import Image, as_image
from .instances import Instances
from .options import checked_options, options_of
from .prompts import Prompts
from .segmentation import Provenance, Segmentation

P = ParamSpec("P")
R = TypeVar("R", Segmentation, Instances)


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
        given = prompts if prompts is not None and not prompts.empty else None
        if given is not None and not takes_prompts:
            raise PromptError(
                f"{function.__name__} takes no box, point or scribbles. `kontur methods` shows which methods do."
            )
        if given is None and needs_prompts:
            raise PromptError(f"{function.__name__} needs a prompt. See `kontur describe {function.__name__}`.")
        if given is not None:
            given.check(picture.shape)
        arguments = (given,) if takes_prompts else ()
        started = time.perf_counter()
        result = function(picture, *arguments, **values, **restriction)  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        inherited = result.provenance.notes if result.provenance else ()
        # A method that says itself which bands it used is not one of the colour methods `band_note` speaks of.
        bands = "" if any("bands" in note for note in inherited) else picture.band_note
        notes = tuple(filter(None, (picture.scaling, bands, *picture.notes)))
        provenance = Provenance(
            function.__name__, values, seconds=seconds, notes=notes + tuple(n for n in inherited if n not in notes)
        )
        return replace(result, provenance=provenance)

    return wrapper  # type: ignore[return-value]


def method_like(
    signature: Callable[..., Any], run: Callable[..., Any], name: str, document: str | None = None
) -> Callable[..., Any]:
    """`run` as a method of this name, with the parameters and options of `signature`, which is never called."""
    run.__name__, run.__doc__ = name, document
    run.__wrapped__ = inspect.unwrap(signature)  # type: ignore[attr-defined]
    return method(run)


def _checked_mask(mask: Any, image: Image, name: str, taken: bool) -> NDArray[np.bool_]:
    if not taken:
        raise OptionError(f"{name} takes no mask. The superpixel methods do")
    array = np.asarray(mask)
    if array.shape != image.shape or array.dtype not in (np.bool_, np.uint8):
        raise InputError(f"mask: expected bool (H, W) = {image.shape}, got {array.dtype} {array.shape}")
    return array.astype(bool)
