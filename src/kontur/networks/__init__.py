"""The field's networks in PyTorch: tensors in, logits out; one paper, one file. Needs the extra `train`.

>>> from kontur.networks import build
>>> build("enet", classes=11)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .catalogue import CATALOGUE, build
    from .network import Logits, Network

_PUBLIC = {"build": "catalogue", "CATALOGUE": "catalogue", "Network": "network", "Logits": "network"}

__all__ = ["CATALOGUE", "Logits", "Network", "build"]

__getattr__ = lazy_names(__name__, _PUBLIC, extra="train")
