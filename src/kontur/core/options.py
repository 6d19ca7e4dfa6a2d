"""Options of a method: read from its signature, so that command line, web form, docs and checks say the same.

    def slic(image: Image, *, segments: Annotated[int, Option("number of regions", 1, 100_000)] = 400) -> Segmentation

A type may be int, float, bool, str, a Literal of strings (its choices), or one of these `| None`.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .errors import OptionError, UnknownName


@dataclass(frozen=True)
class Option:
    """What stands in `Annotated[type, Option(...)]`: a sentence, the range (inclusive), and the unit."""

    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class OptionSpec:
    """One option of a method, complete. `type` is int, float, bool or str; `choices` are the values a str may have."""

    name: str
    type: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False

    @property
    def range(self) -> str:
        """The allowed values in words: "1..100000 regions", "lab, rgb or hsv"."""
        if self.choices:
            return " or ".join(filter(None, [", ".join(self.choices[:-1]), self.choices[-1]]))
        if self.type is bool:
            return "true or false"
        if self.low is None and self.high is None:
            return self.unit or f"any {self.type.__name__}"
        if self.high is None:
            text = f"at least {self.low:g}"
        elif self.low is None:
            text = f"at most {self.high:g}"
        else:
            text = f"{self.low:.12g}..{self.high:.12g}"
        return f"{text} {self.unit}".strip()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type.__name__,
            "default": self.default,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "choices": list(self.choices),
            "help": self.help,
        }

    def check(self, value: Any) -> Any:
        """The value in the option's type, from Python or from text; raises OptionError with the range."""
        if self.optional and (value is None or (isinstance(value, str) and value.lower() in ("none", ""))):
            return None
        converted = self._convert(value)
        if converted is None:
            raise self._error(value)
        if self.choices and converted not in self.choices:
            raise self._error(value)
        if self.type in (int, float):
            outside = (self.low is not None and converted < self.low) or (
                self.high is not None and converted > self.high
            )
            if outside or not math.isfinite(converted):
                raise self._error(value)
        return converted

    def _convert(self, value: Any) -> Any:
        if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()  # a NumPy scalar
        try:
            if self.type is bool:
                words = {
                    "true": True,
                    "yes": True,
                    "on": True,
                    "1": True,
                    "false": False,
                    "no": False,
                    "off": False,
                    "0": False,
                }
                return value if isinstance(value, bool) else words.get(str(value).lower())
            if isinstance(value, bool):
                return None
            if self.type is int:
                number = float(value)
                return int(value) if number == int(number) else None
            if self.type is float:
                return float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return value if isinstance(value, str) else None

    def _error(self, value: Any) -> OptionError:
        kind = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}[self.type]
        expected = self.range if (self.choices or self.type is bool) else f"{kind}, {self.range}"
        return OptionError(f"option {self.name}: expected {expected}, got {value!r}")


def options_of(function: Callable[..., Any]) -> tuple[OptionSpec, ...]:
    """The keyword-only options of a method, in the order of its signature; `mask`, an array, is not one of them."""
    function = inspect.unwrap(function)
    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(
        _spec(p, hints[p.name])
        for p in inspect.signature(function).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY and p.name != "mask"
    )


def key_values(option: str, pairs: Iterable[str]) -> dict[str, str]:
    """The KEY=VALUE texts of an option; "-" in a key is "_". Raises OptionError that names the option."""
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise OptionError(f"option {option}: expected KEY=VALUE, got {pair!r}")
        given[key.strip().replace("-", "_")] = value.strip()
    return given


def checked_options(function_name: str, specs: tuple[OptionSpec, ...], given: dict[str, Any]) -> dict[str, Any]:
    """All options with their values, defaults filled in; raises UnknownName or OptionError."""
    known = {spec.name: spec for spec in specs}
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UnknownName("option", name, known, f"The options of {function_name} are: {listed}.")
    return {name: spec.check(given[name]) if name in given else spec.default for name, spec in known.items()}


def _spec(parameter: inspect.Parameter, hint: Any) -> OptionSpec:
    annotation = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Option)), None)
    if annotation is None or parameter.default is inspect.Parameter.empty:
        raise TypeError(f"{parameter.name}: an option is written `Annotated[type, Option(...)] = default`")
    base = typing.get_args(hint)[0]
    optional = False
    if isinstance(base, types.UnionType) or typing.get_origin(base) is typing.Union:
        members = [a for a in typing.get_args(base) if a is not type(None)]
        optional = len(members) < len(typing.get_args(base))
        base = members[0]
    choices: tuple[str, ...] = ()
    if typing.get_origin(base) is typing.Literal:
        choices, base = typing.get_args(base), str
    return OptionSpec(
        parameter.name,
        base,
        parameter.default,
        annotation.help,
        annotation.low,
        annotation.high,
        annotation.unit,
        choices,
        optional,
    )
