"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CELL = 44  # pixels of a cell's side while the numbers are legible
SMALLEST = 6
LARGEST_SIDE = 2000


def draw_matrix(counts: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.uint8]:
    """counts (K, K + 1), truth by row, the last column "none", as (height, width, 3) RGB.

    A cell shows its share of the row in per cent and is darker the larger it is, red off the diagonal; the numbers are
    left out where cells would be too small for them.
    """
    from PIL import Image, ImageDraw, ImageFont

    classes = len(counts)
    cell = max(SMALLEST, min(CELL, LARGEST_SIDE // (classes + 1)))
    size = max(8, min(14, cell - 4))
    font = ImageFont.load_default(size)
    room = int(max(font.getlength(name) for name in [*names, "none"])) + 12
    canvas = Image.new("RGB", (room + cell * (classes + 1) + 8, room + cell * classes + 8), "white")
    pen = ImageDraw.Draw(canvas)
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    for i in range(classes):
        y = room + i * cell
        if cell >= size:
            pen.text((room - 6, y + cell / 2), names[i], fill="black", font=font, anchor="rm")
        for j in range(classes + 1):
            x, share = room + j * cell, shares[i, j]
            end = (20, 70, 130) if i == j else (180, 40, 30)
            colour = tuple(round(255 + (e - 255) * share**0.7) for e in end)
            pen.rectangle((x, y, x + cell - 1, y + cell - 1), fill=colour, outline=(225, 225, 225))
            if cell >= 30 and counts[i, j]:
                ink = "white" if share > 0.45 else "black"
                pen.text((x + cell / 2, y + cell / 2), f"{100 * share:.0f}", fill=ink, font=font, anchor="mm")
    if cell >= size:
        for j, name in enumerate([*names, "none"]):
            label = Image.new("RGB", (room - 6, cell), "white")
            ImageDraw.Draw(label).text((0, cell / 2), name, fill="black", font=font, anchor="lm")
            canvas.paste(label.rotate(90, expand=True), (room + j * cell, 0))
    return np.asarray(canvas)
