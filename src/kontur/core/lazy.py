"""Packages whose public names are imported when they are first asked for: listed once, in the package's `__init__.pyi`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lazy_loader

from .errors import MissingExtra


def attach(
    package: str, file: str, extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__` from the `from .module import names` of the stub beside its file.

    extra: what is to be installed where a module that is not Kontur's is missing; MissingExtra is raised then.
    """
    find, listed, names = lazy_loader.attach_stub(package, file)

    def find_or_say(name: str) -> Any:
        try:
            return find(name)
        except ModuleNotFoundError as error:
            if extra and not str(error.name).startswith("kontur"):
                raise MissingExtra(package, extra) from None
            raise

    return find_or_say, listed, names
