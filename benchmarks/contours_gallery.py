"""Twelve results of the default method, good and bad, on scikit-image's sample photos: docs/figures/contours_gallery.png.

    python benchmarks/contours_gallery.py [--model FILE.onnx] [--output FILE.png]

Each photo is cut at the default level: its outlines on the photo, and the regions in their mean colours. What is good and what is
wrong in them stands in docs/contours.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import kontur  # noqa: E402
from kontur.draw import mean_colour  # noqa: E402
from kontur.draw.overlay import font, photo  # noqa: E402

SAMPLES = Path(skimage.__file__).parent / "data"
PHOTOS = (
    "astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "camera.png",
    "coins.png", "ihc.png", "hubble_deep_field.jpg", "retina.jpg", "page.png", "gravel.png",
)  # fmt: skip
WIDE, COLUMNS, GAP = 300, 3, 6  # pixels of one picture, photos a row, pixels between


def cell(name: str, model: str | None) -> np.ndarray:
    """(height, 2 WIDE + GAP, 3): outlines on the photo, and regions in their mean colours."""
    image = kontur.read_image(SAMPLES / name)
    tree = kontur.contours(image, **({"model": model} if model else {}))
    regions = tree.level()
    outlined = photo(image).copy()
    outlined[regions.boundaries()] = (255, 40, 40)
    high = round(WIDE * image.height / image.width)
    pictures = [
        Image.fromarray(p).resize((WIDE, high), Image.Resampling.BOX) for p in (outlined, mean_colour(image, regions))
    ]
    print(f"{name}: {image.width}x{image.height}, {len(regions.segments)} regions", flush=True)
    gap = np.full((high, GAP // 2, 3), 255, np.uint8)
    return np.hstack([np.asarray(pictures[0]), gap, np.asarray(pictures[1])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "figures" / "contours_gallery.png")
    options = parser.parse_args()
    cells = [cell(name, options.model) for name in PHOTOS]
    from PIL import ImageDraw

    rows = []
    for start in range(0, len(cells), COLUMNS):
        row = cells[start : start + COLUMNS]
        high = max(c.shape[0] for c in row) + 22
        rows.append(
            np.hstack(
                [np.pad(c, ((22, high - 22 - c.shape[0]), (0, GAP * 2), (0, 0)), constant_values=255) for c in row]
            )
        )
    canvas = Image.fromarray(np.vstack(rows))
    pen, top = ImageDraw.Draw(canvas), 0
    for number, name in enumerate(PHOTOS):
        column = number % COLUMNS
        left = column * (cells[0].shape[1] + 2 * GAP)
        pen.text(
            (left + 2, top + 11), f"{number + 1}  {Path(name).stem}", fill=(30, 30, 30), font=font(14), anchor="lm"
        )
        if column == COLUMNS - 1:
            top += rows[number // COLUMNS].shape[0]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    canvas.quantize(256, dither=Image.Dither.NONE).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
