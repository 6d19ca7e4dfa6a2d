"""What the metrics are given: masks, soft maps and label maps, checked and told of alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.instances import Instances
from ..core.segmentation import Segmentation

MaskLike = NDArray | Segmentation | Instances


class Scores:
    """Numbers by name, of a frozen dataclass."""

    def to_dict(self) -> dict[str, object]:
        """The fields by their names, tuples as lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


def same_size(what: str, shape: tuple[int, ...], name: str, other: tuple[int, ...]) -> None:
    """Raises InputError, naming both sizes, where they differ."""
    if shape != other:
        ours, theirs = ("x".join(map(str, s)) for s in (shape, other))
        axes = " (height x width)" if len(shape) == 2 else ""
        raise InputError(f"sizes differ: {what} {ours}, {name} {theirs}{axes}. Give those of the same picture")


def object_of(mask: MaskLike, name: str, dimensions: tuple[int, ...] = (2,)) -> NDArray[np.bool_]:
    """The object's pixels: the non-zero ones of bool or integers, the foreground of a Segmentation, all of Instances."""
    if isinstance(mask, Instances):
        return mask.flatten(background=False).ids != 0
    if isinstance(mask, Segmentation):
        if mask.foreground is None:
            raise InputError(f"{name}: expected a result with a background; choose a segment with result.mask(id)")
        return mask.foreground
    array = flat(mask, name, dimensions)
    if array.dtype != bool and not np.issubdtype(array.dtype, np.integer):
        advice = ". Threshold a soft mask first" if np.issubdtype(array.dtype, np.floating) else ""
        raise InputError(f"{name}: expected a mask of bool or integers, got {array.dtype} {array.shape}{advice}")
    return np.ascontiguousarray(array != 0)


def strength_of(soft: NDArray, name: str) -> NDArray[np.float64]:
    """A soft map (H, W) in [0, 1]: float in [0, 1] or bool as it is, uint8 and uint16 divided by their maximum."""
    array = flat(soft, name)
    if array.dtype in (np.uint8, np.uint16):
        return array / float(np.iinfo(array.dtype).max)
    if array.dtype != bool and not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name}: expected float in [0, 1], bool, uint8 or uint16, got {array.dtype}")
    strength = array.astype(np.float64)
    low, high = float(strength.min()), float(strength.max())
    if not (low >= 0 and high <= 1):  # NaN fails as well
        raise InputError(f"{name}: expected values in [0, 1], got {low:g}..{high:g}. Divide by the maximum first")
    return strength


def labels_of(labels: NDArray | Segmentation, name: str) -> NDArray[np.integer]:
    """A label map (H, W), integers or bool."""
    array = flat(labels.ids if isinstance(labels, Segmentation) else labels, name)
    if array.dtype != bool and not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{name}: expected a label map of integers (H, W), got {array.dtype} {array.shape}")
    return array


def flat(array: NDArray, name: str, dimensions: tuple[int, ...] = (2,)) -> NDArray:
    """An array of the wanted dimensions with at least one pixel."""
    array = np.asarray(array)
    if array.ndim not in dimensions or not array.size:
        wanted = "(H, W)" + (" or (D, H, W)" if 3 in dimensions else "") + " with at least one pixel"
        hint = " A colour picture is neither a mask nor a label map." if array.ndim == 3 else ""
        raise InputError(f"{name}: expected {wanted}, got {array.dtype} {array.shape}.{hint}")
    return array
