"""Pictures of a hierarchy of regions: a map of its borders, and its levels side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kontur.core.errors import InputError
from kontur.core.hierarchy import Hierarchy
from kontur.core.image import Image, as_image

from .figures import gallery
from .overlay import mean_colour, photo


def strength_picture(strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map (H, W) of 0..1 as grey 0..255, strong is bright: what `kontur evaluate contours` reads."""
    return (strength * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def fine_to_coarse(image: Image | NDArray, tree: Hierarchy, *, levels: int = 6, width: int = 1600) -> NDArray[np.uint8]:
    """The photo, its borders (dark is strong), and levels from fine to coarse in mean colours: (height, width, 3) uint8.

    levels: how many, at most; from eight times the regions of the tree's default level down to two, in even ratios.
    width:  of the whole figure, pixels. Raises InputError for a tree of another size than the image.
    """
    image = as_image(image)
    if tree.shape != image.shape:
        raise InputError(f"fine_to_coarse: expected a hierarchy of {image.shape} (H, W), got {tree.shape}")
    counts = region_counts(tree, levels)

    def pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
        yield f"photo  {image.width}x{image.height}", photo(image)
        ink = 255 - strength_picture(np.sqrt(tree.ultrametric))  # weak borders would hardly be seen
        yield "borders, by the level at which they go", np.repeat(ink[..., None], 3, axis=2)
        for count in counts:
            joined = len(tree) - count
            level = float(tree.heights[joined - 1]) if joined else 0.0
            noun = "region" if count == 1 else "regions"
            yield f"{count:,} {noun}, level {level:.2f}", mean_colour(image, tree.regions(count))

    total = len(counts) + 2
    return gallery(pictures(), total, columns=min(4, -(-total // 2)), width=width)


def region_counts(tree: Hierarchy, levels: int) -> list[int]:
    """Falling numbers of regions for a figure of so many levels, or fewer where the tree has not as many."""
    finest = min(len(tree), max(8 * len(tree.level()), 64))
    counts = np.geomspace(finest, min(2, finest), max(levels, 1)).round().astype(int)
    return sorted({int(n) for n in counts}, reverse=True)
