"""Losses for pixel classification: (logits (B, K, H, W), target (B, H, W), ignore=255) -> a scalar. Needs the extra `train`.

All ignore the ignore label, give 0 with gradient 0 on a batch in which nothing counts, and compute in float32.
"""

from __future__ import annotations

from ..core.lazy import lazy_names

_PUBLIC = {
    "cross_entropy": "entropy",
    "median_frequency": "entropy",
    "inverse_log": "entropy",
    "effective_number": "entropy",
    "ohem_cross_entropy": "hard_pixels",
    "bootstrapped_cross_entropy": "hard_pixels",
    "focal_loss": "hard_pixels",
    "dice_loss": "overlap",
    "generalised_dice_loss": "overlap",
    "jaccard_loss": "overlap",
    "tversky_loss": "overlap",
    "focal_tversky_loss": "overlap",
    "lovasz_softmax": "lovasz",
    "boundary_loss": "boundary",
    "edge_loss": "edges",
    "offset_loss": "offsets",
    "combined": "sums",
}

__all__ = sorted(_PUBLIC)

__getattr__ = lazy_names(__name__, _PUBLIC, extra="train")
