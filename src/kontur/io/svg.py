"""SVG: one path a segment along the pixels' edges, holes and parts kept by the even-odd rule.

Format: W3C, Scalable Vector Graphics 1.1, clause 8 (paths). One unit is one pixel.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from ..core.files import atomic_write
from ..core.image import Image
from .regions import Region, Result, mean_loss, regions


def write_svg(path: str | Path, result: Result, image: Image | None = None) -> float:
    """Write the segments but the background; the mean IoU loss against their masks, in [0, 1].

    Paths are named segment-ID and carry data-category and data-area; they are filled with the category's colour, others
    with colours spread over the hues. The image, where it has a file, is not linked. Raises OutputError.
    """
    height, width = result.shape
    colours = {c.id: c.colour for c in result.taxonomy} if result.taxonomy is not None else {}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
    ]
    lines += described(image)
    losses = []
    for region in regions(result):
        rings = [ring for polygon in region.polygons() for ring in polygon.rings]
        losses.append(region.loss(rings))
        lines.append(_path(region, rings, colours.get(region.category) if region.category is not None else None))
    lines.append("</svg>\n")
    atomic_write(Path(path), "\n".join(lines).encode())
    return mean_loss(losses)


def described(image: Image | None) -> list[str]:
    """The line that names the image's file, where it has one."""
    return [] if image is None or image.path is None else [f"<desc>{_text(image.path.name)}</desc>"]


def _path(region: Region, rings: list[NDArray[np.float64]], colour: tuple[int, int, int] | None) -> str:
    # Hues a golden angle apart: neighbours in number are far apart in colour.
    fill = f"hsl({region.id * 137.508 % 360:.0f},65%,55%)" if colour is None else "#{:02x}{:02x}{:02x}".format(*colour)
    return (
        f'<path id="segment-{region.id}" data-category={quoteattr(region.name)} data-area="{region.area}" '
        f'fill="{fill}" fill-opacity="0.6" stroke="{fill}" stroke-width="0.5" fill-rule="evenodd" '
        f'd="{"".join(map(_steps, rings))}"/>'
    )


def _steps(ring: NDArray[np.float64]) -> str:
    """Rings run along rows and columns in turn, so each step is one H or V."""
    x, y = ring.astype(int).T.tolist()
    steps = [f"M{x[0]} {y[0]}"]
    for n in range(1, len(x)):
        steps.append(f"H{x[n]}" if y[n] == y[n - 1] else f"V{y[n]}")
    return "".join(steps) + "Z"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
