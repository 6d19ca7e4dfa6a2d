"""The field's networks in PyTorch: tensors in, logits out; one paper, one file. Needs the extra `train`.

>>> from kontur.networks import build
>>> build("enet", classes=11)  # doctest: +SKIP
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__, extra="train")
