"""Options that the predictors of network files have in common, each with its range and its help, written once."""

from __future__ import annotations

from typing import Annotated, Literal

from ..core.options import Option

TILE = 1024
"""Side of a tile in pixels where none is asked for."""
LEAST_TILE, MOST_TILE = 64, 8192

Flips = Annotated[bool, Option("average with the mirrored image")]
Scales = Annotated[
    str | tuple[float, ...], Option("average over the image at these scales, 0.1..4", unit="numbers with commas")
]
Tile = Annotated[
    int | None,
    Option("side of the tiles; none: one piece up to 2.1 megapixels, 1024 beyond", LEAST_TILE, MOST_TILE, "pixels"),
]
Overlap = Annotated[
    int | None,
    Option("of neighbouring tiles, at most half a tile; none: an eighth, at most 64", 0, MOST_TILE // 2, "pixels"),
]
Device = Annotated[Literal["auto", "cpu", "cuda"], Option("where it runs; auto: a GPU where ONNX Runtime has one")]
Threads = Annotated[int, Option("cores for one image; 0: all", 0, 256)]
Score = Annotated[float, Option("objects of a lower score are left out", 0, 1)]
Zoom = Annotated[
    float,
    Option("the network sees the image enlarged by this factor: above 1 for smaller objects than it learnt", 0.1, 8),
]
StuffArea = Annotated[int, Option("stuff of fewer pixels becomes void", 0, 1_000_000_000, "pixels")]
