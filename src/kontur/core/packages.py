"""Which versions of other packages are installed, for reports that say what they ran on."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable


def versions(names: Iterable[str]) -> dict[str, str]:
    """Package -> version, of those that are installed, in the order given."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
