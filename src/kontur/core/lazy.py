"""How modules of Kontur are found: public names when they are first asked for, compiled kernels by the processor.

PACKAGE/__init__.pyi                 lists the public names of a package once
kontur/kernels/NAME.*.so             a kernel for every processor of the platform
kontur/_x86_64_v3/kernels/NAME.*.so  of some, the same code compiled for AVX2; values are the same
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

import lazy_loader

from .errors import KonturError, MissingExtra


def attach(
    package: str, file: str, extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__` from the `from .module import names` of the stub beside its file.

    extra: what is to be installed where a module that is not Kontur's is missing; MissingExtra is raised then.
    """
    find, listed, names = lazy_loader.attach_stub(package, file)

    def find_or_say(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return find(name)
        except ModuleNotFoundError as error:
            if extra and not str(error.name).startswith("kontur"):
                raise MissingExtra(package, extra) from None
            raise

    return find_or_say, listed, names


# --- compiled kernels -----------------------------------------------------------------------------------------------

WIDE = "_x86_64_v3"


def check_kernels(package: str) -> None:
    """All of kernels/, and every *_kernel.py of another folder, has its compiled module beside it. Raises KonturError."""
    for folder in os.scandir(package):
        if not folder.is_dir() or folder.name == WIDE:
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


class WideKernels:
    """A finder of `sys.meta_path`: kernels whose AVX2 build is there and fits are loaded from it.

    KONTUR_KERNELS=plain takes the common build on any processor.
    """

    def __init__(self, package: str) -> None:
        self._folder = os.path.join(package, WIDE)

    @classmethod
    def install(cls, package: str) -> None:
        """Once, before the first kernel is imported."""
        if os.path.isdir(os.path.join(package, WIDE)) and os.environ.get("KONTUR_KERNELS") != "plain":
            sys.meta_path.insert(0, cls(package))  # type: ignore[arg-type]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith("kontur.") or not (name.startswith("kontur.kernels.") or name.endswith("_kernel")):
            return None
        start = os.path.join(self._folder, *name.split(".")[1:])
        for suffix in EXTENSION_SUFFIXES:
            if os.path.exists(start + suffix):
                if not _has_avx2():
                    sys.meta_path.remove(self)  # type: ignore[arg-type]
                    return None
                return spec_from_file_location(name, start + suffix, loader=ExtensionFileLoader(name, start + suffix))
        return None


def _has_avx2() -> bool:
    """Whether the processor has what x86-64-v3 needs, as NumPy has found out."""
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):  # NumPy 2, NumPy 1
        try:
            features = import_module(module).__cpu_features__
        except (ImportError, AttributeError):
            continue
        return all(features.get(name, False) for name in ("AVX2", "FMA3"))
    return False
