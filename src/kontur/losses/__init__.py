"""Losses for pixel classification: (logits (B, K, H, W), target (B, H, W), ignore=255) -> a scalar. Needs the extra `train`.

All ignore the ignore label, give 0 with gradient 0 on a batch in which nothing counts, and compute in float32.
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__, extra="train")
