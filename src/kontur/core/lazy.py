"""Packages whose public names are imported when they are first asked for (PEP 562), so that importing a package costs nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from .errors import MissingExtra


def lazy_names(package: str, public: Mapping[str, str], extra: str | None = None) -> Callable[[str], Any]:
    """A package's `__getattr__`. public: name -> the module it lives in, relative to the package.

    extra: what is to be installed where a module that is not Kontur's is missing; MissingExtra is raised then.
    """

    def find(name: str) -> Any:
        if name not in public:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(f".{public[name]}", package), name)
        except ModuleNotFoundError as error:
            if extra and not str(error.name).startswith("kontur"):
                raise MissingExtra(package, extra) from None
            raise

    return find
