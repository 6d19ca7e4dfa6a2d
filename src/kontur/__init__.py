"""Kontur: every way of cutting an image into regions, behind one call, one result type and one exact ruler.

>>> import kontur
>>> result = kontur.segment("photo.jpg", "otsu")
>>> result.foreground.dtype
dtype('bool')

What is public is listed in docs/api.md.
"""

from __future__ import annotations

import os

from ._version import __version__ as __version__
from .core.lazy import WideKernels, attach, check_kernels

# ONNX Runtime since 1.31 reports its use to its maker unless told otherwise before it is imported; Kontur sends nothing anywhere.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

check_kernels(os.path.dirname(__file__))
WideKernels.install(os.path.dirname(__file__))

_find, _, _names = attach(__name__, __file__)
_ROOMS = {"core", "datasets", "degrade", "draw", "files", "hub", "inference", "io", "losses", "metrics", "networks", "registry", "training", "transforms"}  # fmt: skip
__all__ = sorted(name for name in _names if name not in _ROOMS)


def __getattr__(name: str) -> object:
    if name not in _names:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _find(name)


def __dir__() -> list[str]:
    return list(__all__)
