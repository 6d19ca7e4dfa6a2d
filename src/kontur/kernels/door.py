"""The door of the kernels: arrays as the loops take them, or one sentence about what is wrong with them.

Behind it nothing is checked again: a loop trusts shapes, types and the range of every number that it uses as an index.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


def array(name: str, value: ArrayLike, dtype: DTypeLike, *shape: int | None) -> NDArray:
    """`value` as a C-contiguous array of a native type and a shape (None: any length); itself where it is one already.

    Converted where no value changes in kind: other memory orders and byte orders, narrower or wider numbers of the same
    kind (float64 is rounded to float32), bool to integers, read-only arrays as they are. Raises ValueError for objects,
    text and complex numbers, fractions where whole numbers are expected, whole numbers that do not fit, another shape.
    """
    given, wanted = np.asarray(value), np.dtype(dtype)
    fits = len(shape) == given.ndim and all(side is None or side == had for side, had in zip(shape, given.shape))
    if not fits or given.dtype.kind not in {"b": "b", "i": "biu", "u": "biu", "f": "biuf"}[wanted.kind]:
        sides = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"{name}: expected {wanted} ({sides}), got {given.dtype} {given.shape}")
    if wanted.kind in "iu" and given.size and not np.can_cast(given.dtype, wanted):
        low, high, limits = int(given.min()), int(given.max()), np.iinfo(wanted)
        if low < limits.min or high > limits.max:
            raise ValueError(f"{name}: expected whole numbers of {wanted}, got {low}..{high}")
    with np.errstate(over="ignore"):  # float64 beyond float32 is infinite
        return np.ascontiguousarray(given, wanted)


def indices(name: str, value: ArrayLike, dtype: DTypeLike, below: int, *shape: int | None, low: int = 0) -> NDArray:
    """`array` of whole numbers low..below - 1. Raises ValueError for others."""
    numbers = array(name, value, dtype, *shape)
    if numbers.size:
        least, most = int(numbers.min()), int(numbers.max())
        if least < low or most >= below:
            raise ValueError(f"{name}: expected numbers from {low} to {below - 1}, got {least}..{most}")
    return numbers
