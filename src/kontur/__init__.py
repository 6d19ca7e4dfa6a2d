"""Kontur: every way of cutting an image into regions, behind one call, one result type and one exact ruler.

>>> import kontur
>>> result = kontur.segment("photo.jpg", "otsu")  # doctest: +SKIP
>>> result.foreground                              # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING

from ._version import __version__

# ONNX Runtime since 1.31 reports its use to its maker unless told otherwise before it is imported; Kontur sends nothing anywhere.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .api import contours, methods, segment
    from .core.errors import KonturError
    from .core.hierarchy import Hierarchy
    from .core.image import Image
    from .core.instances import Instances
    from .core.options import Option
    from .core.prompts import Prompts
    from .core.segmentation import Segment, Segmentation
    from .core.taxonomy import Category, Taxonomy
    from .draw.overlay import overlay
    from .io.photos import read_image


def _check_kernels(package: str) -> None:
    """Refuse to start without the compiled kernels: all of kernels/, and every *_kernel.py of another folder."""
    for folder in os.scandir(package):
        if not folder.is_dir():
            continue
        names = set(os.listdir(folder))
        for name in names:
            source = name.endswith("_kernel.py") or (
                folder.name == "kernels" and name.endswith(".py") and name != "__init__.py"
            )
            if source and not any(name[:-3] + suffix in names for suffix in EXTENSION_SUFFIXES):
                from .core.errors import KonturError

                raise KonturError(
                    f"kontur.{folder.name}.{name[:-3]} is not compiled for this Python: run `make` in the source folder, "
                    "or install a wheel again"
                )


_check_kernels(os.path.dirname(__file__))

# Every public name and where it lives; each is imported when it is first asked for, so that `import kontur` is instant.
_PUBLIC = {
    "segment": "api",
    "contours": "api",
    "methods": "api",
    "read_image": "io.photos",
    "overlay": "draw.overlay",
    "Hierarchy": "core.hierarchy",
    "Image": "core.image",
    "Segmentation": "core.segmentation",
    "Segment": "core.segmentation",
    "Instances": "core.instances",
    "Taxonomy": "core.taxonomy",
    "Category": "core.taxonomy",
    "Prompts": "core.prompts",
    "Option": "core.options",
    "KonturError": "core.errors",
}

__all__ = [
    "Category",
    "Hierarchy",
    "Image",
    "Instances",
    "KonturError",
    "Option",
    "Prompts",
    "Segment",
    "Segmentation",
    "Taxonomy",
    "__version__",
    "contours",
    "methods",
    "overlay",
    "read_image",
    "segment",
]


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    try:
        return importlib.import_module(f".{name}", __name__)  # kontur.metrics, kontur.networks, ..
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
