"""The terms of the data that a model learnt from, told once a process."""

from __future__ import annotations

import warnings
from collections.abc import Callable

_told: set[str] = set()


class ModelNotice(UserWarning):
    """The terms of the data that a model learnt from; told once a process."""


def warn(text: str) -> None:
    warnings.warn(text, ModelNotice, stacklevel=5)


def tell(name: str, notice: str, say: Callable[[str], None] = warn) -> None:
    """Say the notice of the model `name`, once a process."""
    if notice and name not in _told:
        _told.add(name)
        say(f"{name}: {notice}")
