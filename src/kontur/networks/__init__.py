"""The field's networks in PyTorch: tensors in, logits out; one paper, one file. Needs the extra `train`.

>>> from kontur.networks import build
>>> build("enet", classes=11)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ..core.errors import MissingExtra

if TYPE_CHECKING:
    from .catalogue import CATALOGUE, build
    from .network import Logits, Network

_PUBLIC = {"build": "catalogue", "CATALOGUE": "catalogue", "Network": "network", "Logits": "network"}

__all__ = ["CATALOGUE", "Logits", "Network", "build"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] in ("torch", "torchvision", "timm"):
            raise MissingExtra("kontur.networks", "train") from None
        raise
