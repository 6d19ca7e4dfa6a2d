"""Whether the compiled kernels are there, told in one sentence before anything needs them."""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES

from .errors import KonturError


def check_kernels(package: str) -> None:
    """All of kernels/, and every *_kernel.py of another folder, has its compiled module beside it. Raises KonturError."""
    for folder in os.scandir(package):
        if not folder.is_dir():
            continue
        names = set(os.listdir(folder))
        for name in names:
            source = name.endswith("_kernel.py") or (
                folder.name == "kernels" and name.endswith(".py") and name != "__init__.py"
            )
            if source and not any(name[:-3] + suffix in names for suffix in EXTENSION_SUFFIXES):
                raise KonturError(
                    f"kontur.{folder.name}.{name[:-3]} is not compiled for this Python: run `make` in the source folder, "
                    "or install a wheel again"
                )
