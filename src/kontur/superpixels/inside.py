"""The mask that superpixels are restricted to, checked in one place for callers of the functions on plain arrays.

`@method` checks the masks of images before; these functions are also called directly, by other methods and by benchmarks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError


def check_mask(mask: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> None:
    """InputError unless there is no mask, or it is bool and (H, W) = `shape`."""
    if mask is not None and (mask.shape != shape or mask.dtype != bool):
        raise InputError(f"mask: expected bool {shape}, got {mask.dtype} {mask.shape}")


def checked_mask(mask: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask, (H, W) bool and contiguous; everything if there is none. Raises as `check_mask`."""
    check_mask(mask, shape)
    return np.ones(shape, bool) if mask is None else np.ascontiguousarray(mask)
